"""Flow, trends and links: sums that hold, intervals against statsmodels, a made-up library."""

from __future__ import annotations

import csv
import datetime
import io
import json
import xml.etree.ElementTree as ElementTree
from dataclasses import astuple, replace

import pytest
from statsmodels.stats.proportion import proportion_confint

from euthymia.errors import InputError, StoreError
from euthymia.evidence.review.flow import Flow, against_published, flow, included, svg
from euthymia.evidence.review.folder import add_records, new_review, open_review
from euthymia.evidence.review.library import read_library
from euthymia.evidence.review.link import link
from euthymia.evidence.review.records import Record
from euthymia.evidence.review.report import page
from euthymia.evidence.review.session import Session
from euthymia.evidence.review.todo import as_csv, as_text, todo
from euthymia.evidence.review.trends import periods, shares, shares_svg, together, wilson
from euthymia.evidence.review.vocabulary import vocabulary


def decide(review, numbers, verdict, reason="", stage="title"):
    session = Session(review, "eva", stage)
    for n in numbers:
        session.decide(f"pmid:{1000 + n}", verdict, reason)


def test_prisma_counts_by_hand(filled, paper):
    add_records(filled, [paper(0), paper(50)], "second", "pubmed")
    filled.append(
        "duplicates", [{"record": "pmid:1009", "same_as": "pmid:1007", "verdict": "same", "by": "title"}]
    )
    decide(filled, [0, 2, 4, 6], "include")
    decide(filled, [1, 3], "exclude", "irrelevant")
    decide(filled, [5], "exclude", "language")
    decide(filled, [0], "include", stage="full text")
    decide(filled, [2], "exclude", "access", stage="full text")
    decide(filled, [4], "exclude", "irrelevant", stage="full text")
    f = flow(filled)
    assert f.sources == {"file": 10, "pubmed": 2}
    assert (f.identified, f.duplicates, f.unique) == (12, 2, 10)
    assert (f.screened, f.excluded, f.excluded_by, f.open) == (7, 3, {"irrelevant": 2, "language": 1}, 3)
    assert (f.sought, f.not_retrieved, f.assessed, f.full_excluded, f.awaiting, f.included) == (
        4,
        1,
        2,
        1,
        1,
        1,
    )
    assert included(filled) == ["pmid:1000", "pmid:1006"]
    root = ElementTree.fromstring(svg(f, "A <title> & more"))
    text = " ".join("".join(node.itertext()) for node in root.iter("{http://www.w3.org/2000/svg}text"))
    for piece in ("Records identified: 12", "Duplicates removed: 2", "irrelevant: 2", "Papers included: 1"):
        assert piece in text


def test_a_flow_that_does_not_add_up_is_an_error():
    with pytest.raises(StoreError, match="unique = screened"):
        Flow(identified=3, unique=3, screened=2).check()


def test_the_shipped_review_is_the_published_procedure():
    review = open_review("mechanisms")
    assert review.settings.published["identified"] == 191 and review.settings.published["included"] == 64
    rows = against_published(flow(review), review.settings.published, {})
    assert [said for _, said, _ in rows] == [191, 64, 43, 10]
    assert not review.warnings
    assert set(m for g in review.settings.published["groups"] for m in g["mechanisms"]) <= set(
        vocabulary().mechanisms
    )


def test_a_new_review_and_a_wrong_one(tmp_path):
    made = new_review(tmp_path / "mine")
    assert made.settings.queries["pubmed"]
    with pytest.raises(InputError, match="already"):
        new_review(tmp_path / "mine")
    (tmp_path / "mine" / "review.yaml").write_text(
        "title: x\nquestoin: y\nsince: soon\ndouble: true\ntarget_recall: 2\n"
    )
    with pytest.raises(InputError) as fault:
        open_review(tmp_path / "mine")
    lines = {p.key: p.line for p in fault.value.problems}
    assert (
        lines["questoin"] == 2
        and lines["since"] == 3
        and lines["double"] == 4
        and lines["target_recall"] == 5
    )
    assert "did you mean 'question'" in str(fault.value)


def test_wilson_against_statsmodels():
    for count, of in ((0, 7), (3, 9), (50, 50), (1, 400)):
        assert wilson(count, of) == pytest.approx(proportion_confint(count, of, method="wilson"), abs=1e-12)


def test_shares_and_pairs(paper):
    records = [paper(1, year=2019), paper(2, year=2019), paper(3, year=2020), paper(4, year=0)]
    tags = {records[0].record: {"hpa", "gut_brain"}, records[1].record: {"hpa"}, records[3].record: {"hpa"}}
    rows = {(s.mechanism, s.year): (s.count, s.papers) for s in shares(records, tags, ["hpa", "gut_brain"])}
    assert rows == {
        ("hpa", 2019): (2, 2),
        ("hpa", 2020): (0, 1),
        ("gut_brain", 2019): (1, 2),
        ("gut_brain", 2020): (0, 1),
    }
    assert together(tags) == {("gut_brain", "hpa"): 1}
    assert together(tags, {records[0].record: {"ketamine"}}) == {
        ("hpa", "ketamine"): 1,
        ("gut_brain", "ketamine"): 1,
    }
    ElementTree.fromstring(shares_svg(shares(records, tags, ["hpa"]), {"hpa": "stress & more"}))


MODULE = """parameters:
  k_on:
    value: 1
    evidence: [{cite: doe2005stress, basis: measured, system: rodent, kind: READ}]
  k_off:
    value: 1
    evidence: [{cite: roe2022axis, basis: measured, system: human, kind: READ}]
edges:
  - {from: stress, to: crh, sign: "+", claims: [7],
     evidence: [{cite: roe2022axis, basis: measured, system: human, kind: READ}]}
  - {from: crh, to: acth, sign: "+", claims: [8], evidence: [{basis: assumed, says: nothing known}]}
"""


@pytest.fixture
def library(tmp_path):
    folder = tmp_path / "library"
    (folder / "modules").mkdir(parents=True)
    (folder / "bibliography").mkdir()
    (folder / "modules" / "hpa.yaml").write_text(MODULE)
    (folder / "modules" / "broken.yaml").write_text("a: [1\n")
    items = [
        {
            "id": "doe2005stress",
            "title": "Stress in the rat and its axis",
            "DOI": "10.1000/doe",
            "issued": {"date-parts": [[2005]]},
        },
        {
            "id": "roe2022axis",
            "title": "The human stress axis",
            "PMID": "1001",
            "issued": {"date-parts": [[2022]]},
        },
    ]
    (folder / "bibliography" / "modules.json").write_text(json.dumps(items))
    (folder / "claims.csv").write_text(
        "id,type,claim\n7,S,Stress drives CRH\n8,S,CRH drives ACTH\n9,X,Scope\n"
    )
    return read_library(folder)


def test_links(library, paper):
    used, new = paper(1, "Axis"), paper(2, "New cortisol data", year=2026)
    gone = replace(paper(3, "Old cortisol data"), status="retracted")
    tags = {used.record: {"hpa"}, new.record: {"hpa", "plant_compounds"}, gone.record: {"hpa"}}
    found = link([used, new, gone], tags, library, vocabulary(), datetime.date(2026, 1, 1))
    assert found.supports == {used.record: ["modules/hpa:edges.stress->crh", "modules/hpa:parameters.k_off"]}
    assert found.papers_for_nothing == [new.record, gone.record]
    assert found.old == [("modules/hpa:parameters.k_on", 2005)]
    assert found.claims_without_paper == ["8"]
    assert found.to_read == [
        (new.record, "hpa", ["modules/hpa:parameters.k_on", "modules/hpa:edges.crh->acth"])
    ]
    assert found.retracted == [(gone.record, [])]
    assert [str(p).split(":")[0] for p in library.problems] == ["modules/broken.yaml"]


def test_a_retracted_paper_that_the_library_cites_is_listed_though_not_included(library, paper):
    gone = replace(paper(1, "Axis"), status="retracted")
    found = link([], {}, library, vocabulary(), others=[gone, replace(paper(2), status="retracted")])
    assert [name for name, _ in found.retracted] == [gone.record] and len(found.retracted[0][1]) == 2


def test_the_modellers_list(library, paper):
    used, new, idle = paper(1, "Axis"), paper(2, "New cortisol data", year=2026), paper(3, "On bread")
    found = link([used, new, idle], {new.record: {"hpa"}}, library, vocabulary(), datetime.date(2026, 1, 1))
    rows = todo(found, library, {r.record: r for r in (used, new, idle)})
    assert [(t.kind, t.where) for t in rows] == [
        ("read", new.record),
        ("refresh", "modules/hpa"),
        ("claim", "claim 8"),
        ("unused", idle.record),
    ]
    assert rows[0].why == "hpa: 2 places of grade C or D in modules/hpa"
    assert (rows[1].what, rows[1].why) == (
        "parameters.k_on",
        "1 places with sources of 2005, 1 of grade C or D",
    )
    assert rows[2].what == "CRH drives ACTH"
    assert [list(row) for row in csv.reader(io.StringIO(as_csv(rows)))][1] == list(astuple(rows[0]))
    assert "Claims without a paper: 1" in as_text(rows)


def test_many_years_are_pooled_and_no_paper_is_lost():
    rows = shares(
        [Record(record=str(n), title="x", year=1960 + n % 50) for n in range(500)],
        {str(n): {"hpa"} for n in range(0, 500, 3)},
        ["hpa"],
    )
    spans = periods(rows)
    assert len(spans) <= 15 and spans[-1][0] == "2006-09"
    pooled = [row for _, some in spans for row in some]
    assert (sum(r.count for r in pooled), sum(r.papers for r in pooled)) == (167, 500)
    assert all((r.low, r.high) == wilson(r.count, r.papers) for r in pooled)
    assert [name for name, _ in periods(rows[:10])] == [str(1960 + n) for n in range(10)]


def test_links_by_doi_and_title(library, paper):
    by_doi = replace(paper(5, "Else"), pmid="", record="x", doi="10.1000/doe")
    by_title = replace(paper(6, "Stress in the Rat and its Axis."), pmid="", record="y", year=2005)
    found = link([by_doi, by_title], {}, library, vocabulary(), datetime.date(2026, 1, 1))
    assert set(found.supports) == {"x", "y"}


def test_the_real_library_is_read():
    library = read_library()
    assert len(library.places) > 100 and {p.grade for p in library.places} <= set("ABCD")


def test_the_report_is_one_offline_page(filled):
    decide(filled, [0, 2], "include")
    text = page(filled)
    assert (
        "http://" not in text.replace("http://www.w3.org/2000/svg", "")
        and "https://" not in text
        and "<script" not in text
    )
    assert "Records identified: 10" in text and "For the modeller" in text
