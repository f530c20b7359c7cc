"""`python -m euthymia` is the command line."""

from euthymia.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
