"""Tables: CSV or TSV with a header, ASReview's included; column names are matched by meaning."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from euthymia.errors import Problem
from euthymia.evidence.review.records import Record, clean_year, identified

NAMES: dict[str, tuple[str, ...]] = {
    "title": ("title", "primary_title", "article title", "t1", "ti"),
    "abstract": ("abstract", "abstract note", "notes_abstract", "n2", "ab"),
    "authors": ("authors", "author", "author names", "first_authors", "author full names"),
    "year": ("year", "publication_year", "publication year", "py", "date", "publication date"),
    "journal": (
        "journal",
        "journal/book",
        "journal_name",
        "secondary_title",
        "source title",
        "publication title",
    ),
    "doi": ("doi", "di"),
    "pmid": ("pmid", "pubmedid", "pubmed_id", "pubmed id"),
    "keywords": ("keywords", "author keywords", "mesh"),
    "language": ("language",),
    "type": ("type", "document type", "publication type", "type_of_reference"),
}
LABELS = ("asreview_label", "label_included", "included", "final_included", "label")


def _columns(header: Sequence[str]) -> dict[str, str]:
    lower = {name.strip().lower(): name for name in header if name}
    return {
        field: lower[alias] for field, names in NAMES.items() for alias in reversed(names) if alias in lower
    }


def read(text: str, name: str = "") -> tuple[list[Record], list[Problem]]:
    """Records of a delimited table; needs a title column.

    >>> read("Title,Year\\nMood,2020\\n")[0][0].year
    2020
    """
    records: list[Record] = []
    csv.field_size_limit(2**31 - 1)
    head = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=head.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    columns = _columns(reader.fieldnames or [])
    if "title" not in columns:
        return [], [Problem(f"no title column; the header has {head.strip()[:80]!r}", name, 1)]
    problems: list[Problem] = []
    for row in reader:
        line = reader.line_num
        if None in row:
            problems.append(
                Problem("row has more fields than the header: the surplus is left out", name, line)
            )
        fields = {field: str(row.get(column) or "") for field, column in columns.items()}
        if not fields["title"].strip() and not fields.get("doi"):
            problems.append(Problem("row without title and DOI: left out", name, line))
            continue
        year = clean_year(fields.pop("year", ""))
        records.append(identified(Record(year=year, **fields)))
    return records, problems


def labels(text: str) -> dict[str, int]:
    """Inclusion labels (1, 0) of an ASReview table by record id; empty cells are left out."""
    csv.field_size_limit(2**31 - 1)
    delimiter = max(",;\t", key=text.split("\n", 1)[0].count)
    found: dict[str, int] = {}
    for row in csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter):
        lower = {str(k).lower(): v for k, v in row.items() if k}
        value = next((lower[k] for k in LABELS if lower.get(k) not in (None, "")), None)
        if value is None or value.strip() not in {"0", "1", "0.0", "1.0"}:
            continue
        records, _ = read(_one(row), "")
        if records:
            found[records[0].record] = int(float(value))
    return found


def _one(row: dict[str, str]) -> str:
    buffer = io.StringIO()
    keep = {k: v for k, v in row.items() if k}
    writer = csv.DictWriter(buffer, list(keep))
    writer.writeheader()
    writer.writerow(keep)
    return buffer.getvalue()


def write(records: Sequence[Record], labels: dict[str, int] | None = None) -> str:
    """CSV of every field; `included` is 1, 0 or empty."""
    names = [
        "record",
        "doi",
        "pmid",
        "title",
        "authors",
        "year",
        "journal",
        "type",
        "language",
        "access",
        "status",
        "sources",
        "abstract",
        "keywords",
    ]
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([*names, "included"])
    for r in records:
        values = [str(getattr(r, n) or "") for n in names]
        writer.writerow([*values, (labels or {}).get(r.record, "")])
    return buffer.getvalue()


def write_asreview(records: Sequence[Record], labels: dict[str, int] | None = None) -> str:
    """CSV that ASReview imports: title, abstract, authors, year, doi, keywords, `included`."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(
        ["record_id", "title", "abstract", "authors", "year", "doi", "pmid", "keywords", "included"]
    )
    for number, r in enumerate(records):
        writer.writerow(
            [
                number,
                r.title,
                r.abstract,
                r.authors,
                r.year or "",
                r.doi,
                r.pmid,
                r.keywords,
                (labels or {}).get(r.record, ""),
            ]
        )
    return buffer.getvalue()
