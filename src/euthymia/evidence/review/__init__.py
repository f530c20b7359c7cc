"""The living literature review: search, de-duplicate, screen, tag, and tie papers to the model.

A review is a folder of plain files.  `review.yaml` states the question; four append-only logs (runs, records,
decisions, tags) and one of duplicates hold what happened; everything else is computed from them.  Abstracts stay
in a local cache that is never committed.  Network access happens in `sources` only, on an explicit search.

Only this room imports scikit-learn and Biopython, inside the functions that need them.
"""

from __future__ import annotations
