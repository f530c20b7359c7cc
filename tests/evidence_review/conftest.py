"""A small made-up review in a folder of its own."""

from __future__ import annotations

import pytest

from euthymia.evidence.review.folder import Review, add_records, open_review
from euthymia.evidence.review.records import Record, identified

SETTINGS = """title: Made-up review
question: Does ketamine lift mood in mice?
words: [ketamine, mood, mice]
queries:
  pubmed: ketamine AND mood
  europepmc: ketamine AND mood
  openalex: ketamine mood
since: 2019-09-01
until: 2024-09-30
exclude:
  irrelevant: not about mood
  language: not English
  access: no full text
"""


def paper(number: int, title: str = "", **fields: object) -> Record:
    """A made-up record with a PubMed id."""
    values = {
        "pmid": str(1000 + number),
        "title": title or f"Made-up paper number {number} on mood",
        "year": 2020,
        **fields,
    }
    return identified(Record(**values))


@pytest.fixture(autouse=True)
def mail(monkeypatch):
    """PubMed wants to know who asks."""
    monkeypatch.setenv("NCBI_EMAIL", "reader@example.org")


@pytest.fixture
def review(tmp_path) -> Review:
    """An empty review."""
    folder = tmp_path / "mood"
    folder.mkdir()
    (folder / "review.yaml").write_text(SETTINGS)
    return open_review(folder)


@pytest.fixture
def filled(review) -> Review:
    """Ten papers: even numbers on ketamine in mice, odd ones on bread."""
    papers = [
        paper(n, f"Ketamine lifts mood in mice, trial {n}" if n % 2 == 0 else f"Bread recipes of region {n}")
        for n in range(10)
    ]
    add_records(review, papers, "first", "file")
    return review


@pytest.fixture(name="paper")
def paper_maker():
    """The maker of made-up records."""
    return paper
