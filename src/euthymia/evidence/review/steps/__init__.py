"""The steps of `euthymia review`, as functions of parsed arguments; each prints its result and gives an exit code."""
