"""File formats of the bibliographic world, one a file; each has `read` and, where it is also an export, `write`.

`read(text, name)` returns the records and the problems found, with their lines: a broken entry is named and left
out, every other entry is read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from euthymia.errors import InputError, Problem, nearest
from euthymia.evidence.review.formats import bibtex, csl, nbib, pubmed, ris, table
from euthymia.evidence.review.records import Record

Found = tuple[list[Record], list[Problem]]
READERS: dict[str, Callable[[str, str], Found]] = {
    "ris": ris.read,
    "nbib": nbib.read,
    "bibtex": bibtex.read,
    "csv": table.read,
    "asreview": table.read,
    "csl": csl.read,
    "pubmed": pubmed.read,
}
WRITERS: dict[str, Callable[[Sequence[Record], dict[str, int]], str]] = {
    "ris": ris.write,
    "bibtex": bibtex.write,
    "csl": csl.write,
    "csv": table.write,
    "asreview": table.write_asreview,
}
SUFFIXES = {
    ".ris": "ris",
    ".nbib": "nbib",
    ".bib": "bibtex",
    ".csv": "csv",
    ".tsv": "csv",
    ".json": "csl",
    ".xml": "pubmed",
}


def read_file(path: Path, form: str = "") -> Found:
    """Records of one file, and the problems in it.

    Raises
    ------
    InputError
        The file is missing, of an unknown format, or holds no record at all.
    """
    form = form or SUFFIXES.get(path.suffix.lower(), "")
    if form not in READERS:
        raise InputError(
            [
                Problem(
                    f"unknown format {form or path.suffix!r}; allowed: {', '.join(READERS)}"
                    f"{nearest(form, READERS)}",
                    str(path),
                )
            ]
        )
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError([Problem(f"cannot be read: {error.strerror}", str(path))]) from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    records, problems = READERS[form](text, str(path))
    if not records:
        head = " ".join(text[:80].split())
        raise InputError(
            [*problems, Problem(f"no record found in this {form} file; it begins {head!r}", str(path))]
        )
    return records, problems
