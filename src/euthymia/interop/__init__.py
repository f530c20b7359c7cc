"""Interoperability: SBML in and out, NONMEM-format data sets.

What comes in are other people's files; what goes out are the engine's own objects, trajectories, or files that
other tools read.  A file that uses something this room does not support is refused by an `Unsupported` error
that names the element and its id; nothing is ignored in silence.
"""
