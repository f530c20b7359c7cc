"""File formats: against rispy and the standard library's readers, and with broken input."""

from __future__ import annotations

import json

import pytest
import rispy
from hypothesis import given, settings
from hypothesis import strategies as st

from euthymia.errors import InputError
from euthymia.evidence.review.formats import READERS, WRITERS, read_file, table
from euthymia.evidence.review.records import (
    Record,
    clean_doi,
    clean_pmid,
    clean_year,
    identified,
    merged,
    title_key,
)

PAPER = identified(
    Record(
        doi="10.1000/ABC.1",
        pmid="12345",
        title="Ketamine & the 5-HT2A receptor: 50% of mice",
        authors="Müller, Anna; Doe, J. B.",
        year=2021,
        journal="Journal of Mood",
        language="eng",
        abstract="Background: {mice} were stressed.",
        keywords="mice; ketamine",
    )
)


def test_rispy_reads_what_we_write():
    entry = rispy.loads(WRITERS["ris"]([PAPER], {PAPER.record: 1}))[0]
    assert entry["title"] == PAPER.title
    assert entry["authors"] == ["Müller, Anna", "Doe, J. B."]
    assert entry["doi"] == "10.1000/abc.1"
    assert entry["notes"] == ["ASReview_relevant"]


def test_we_read_what_rispy_writes():
    text = rispy.dumps(
        [
            {
                "type_of_reference": "JOUR",
                "title": "Mood",
                "authors": ["Doe, J"],
                "year": "2020",
                "doi": "10.1000/x12",
            }
        ]
    )
    records, problems = READERS["ris"](text, "x.ris")
    assert not problems
    assert (records[0].title, records[0].authors, records[0].year) == ("Mood", "Doe, J", 2020)


@pytest.mark.parametrize("form", ["ris", "bibtex", "csl", "csv", "asreview"])
def test_round_trip(form):
    records, problems = READERS[form](WRITERS[form]([PAPER], {PAPER.record: 1}), "x")
    assert not problems
    back = records[0]
    assert (back.title, back.doi, back.pmid, back.year) == (PAPER.title, PAPER.doi, PAPER.pmid, PAPER.year)
    assert back.authors == PAPER.authors


WORDS = st.text(
    alphabet=st.characters(
        codec="utf-8", exclude_categories=("C", "Z"), exclude_characters="{}\\<>&;#~^\"'`"
    ),
    min_size=1,
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(WORDS, min_size=1, max_size=8).map(" ".join), st.sampled_from(["ris", "bibtex", "csl", "csv"])
)
def test_any_title_survives_every_format(title, form):
    paper = identified(Record(title="About " + title, year=2000))
    records, _ = READERS[form](WRITERS[form]([paper], None), "x")
    assert title_key(records[0].title) == title_key(paper.title)
    assert records[0].record == paper.record


def test_broken_ris_names_lines_and_keeps_the_rest():
    text = (
        "TI  - lost line\nTY  - JOUR\nTI  - One\nTY  - JOUR\nTI  - Two\nER  - \nTY  - JOUR\nAU  - X\nER  - \n"
    )
    text += "TY  - JOUR\nTI  - Three"
    records, problems = READERS["ris"](text, "b.ris")
    assert [r.title for r in records] == ["One", "Two", "Three"]
    lines = {p.line for p in problems}
    assert {1, 2, 7, 10} == lines
    assert all(p.file == "b.ris" for p in problems)


def test_broken_bibtex_entry_does_not_take_the_next_one_along():
    text = "@article{a, title = {Open brace, year = 2001\n}\n\n@article{b, title={Second}, year=2002}\n"
    records, problems = READERS["bibtex"](text, "b.bib")
    assert [r.title for r in records] == ["Second"]
    assert problems[0].line == 1


def test_bibtex_accents_quotes_and_joins():
    text = '@Article{k, author = {M{\\"u}ller, K and Garc{\\\'i}a, J}, title = "The " # "BDNF story", year = 2019}'
    record = READERS["bibtex"](text, "")[0][0]
    assert record.authors == "Müller, K; García, J"
    assert record.title == "The BDNF story"


def test_nbib_retraction_and_continuation():
    text = (
        "PMID- 99\nTI  - A long\n      title.\nFAU - Doe, Jane\nDP  - 2020 Jan\nPT  - Retracted Publication\n"
        "PT  - Review\nLID - 10.1000/zz [doi]\nPMC - PMC1\n\nPMID- 100\nFAU - Nobody, N\n"
    )
    records, problems = READERS["nbib"](text, "n")
    assert [(r.pmid, r.title, r.status, r.type, r.access) for r in records] == [
        ("99", "A long title", "retracted", "review", "open")
    ]
    assert problems[0].line == 11


XML = """<?xml version="1.0"?><PubmedArticleSet><PubmedArticle>
<MedlineCitation><PMID>7</PMID><Article><Journal><JournalIssue>
<PubDate><Year>2022</Year></PubDate></JournalIssue><Title>J</Title></Journal>
<ArticleTitle>Gut <i>and</i> mood.</ArticleTitle>
<Abstract><AbstractText Label="AIM">Why.</AbstractText><AbstractText>How.</AbstractText></Abstract>
<AuthorList><Author><LastName>Roe</LastName><ForeName>R</ForeName></Author></AuthorList><Language>eng</Language>
<PublicationTypeList><PublicationType>Review</PublicationType></PublicationTypeList></Article>
<CommentsCorrectionsList><CommentsCorrections RefType="RetractionIn"/></CommentsCorrectionsList></MedlineCitation>
<PubmedData><ArticleIdList><ArticleId IdType="doi">10.1000/q9</ArticleId></ArticleIdList></PubmedData>
</PubmedArticle></PubmedArticleSet>"""


def test_pubmed_xml():
    record = READERS["pubmed"](XML, "")[0][0]
    assert (record.title, record.year, record.doi, record.status) == (
        "Gut and mood",
        2022,
        "10.1000/q9",
        "retracted",
    )
    assert record.abstract == "Aim: Why. How."


@pytest.mark.parametrize(
    "text",
    [XML[:400], "<html><body>Service down</body></html>", "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", ""],
)
def test_bad_xml_is_named(text):
    records, problems = READERS["pubmed"](text, "p.xml")
    assert not records and problems and problems[0].file == "p.xml"


def test_files_that_hold_nothing(tmp_path):
    empty = tmp_path / "a.ris"
    empty.write_text("<html>error</html>")
    for path in (empty, tmp_path / "missing.ris", tmp_path / "x.doc"):
        with pytest.raises(InputError) as fault:
            read_file(path)
        assert str(path) in str(fault.value)


def test_labels_of_a_table():
    text = "title,year,included\nOne mood paper,2001,1\nTwo,2002,0\nThree,2003,\n"
    found = table.labels(text)
    assert sorted(found.values()) == [0, 1] and len(found) == 2


def test_csl_of_the_library_is_read():
    item = {
        "id": "a",
        "title": "T",
        "DOI": "10.1000/abc",
        "issued": {"date-parts": [[2011, 3]]},
        "author": [{"family": "Doe"}],
    }
    record = READERS["csl"](json.dumps([item]), "")[0][0]
    assert (record.year, record.record, record.authors) == (2011, "doi:10.1000/abc", "Doe")
    assert READERS["csl"]("{", "c.json")[1][0].line == 1


@pytest.mark.parametrize(
    ("given_", "wanted"),
    [
        ("https://doi.org/10.1002/X(1)Y", "10.1002/x(1)y"),
        ("doi: 10.1/ab1", ""),
        ("10.1234/ab.", "10.1234/ab"),
        ("none", ""),
    ],
)
def test_dois(given_, wanted):
    assert clean_doi(given_) == wanted


def test_small_cleaners():
    assert clean_pmid("PMID: 00123") == "123" and clean_pmid("PMC123") == "" and clean_pmid("0") == ""
    assert clean_year("Epub 12/2019") == 2019 and clean_year("20199") == 0


def test_merged_keeps_a_retraction_and_fills_gaps():
    a, b = (
        Record("a", title="T", status="ok", sources="x"),
        Record("b", doi="10.1000/y", year=2001, status="retracted", sources="y; x"),
    )
    both = merged(a, b)
    assert (both.record, both.doi, both.year, both.status, both.sources) == (
        "a",
        "10.1000/y",
        2001,
        "retracted",
        "x; y",
    )
