"""Duplicates: what is the same, what must stay apart, and that a person's word counts."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from euthymia.evidence.review.dedupe import duplicates, edits, resolve
from euthymia.evidence.review.folder import add_records
from euthymia.evidence.review.records import Record

LONG = "Chronic mild stress lowers sucrose preference in rats: role of hippocampal neurogenesis"


def distance(a: str, b: str) -> list[int]:
    """Slips (swapped neighbours are one) from a to every beginning of b, the plain way."""
    rows = [list(range(len(a) + 1))]
    for j, letter in enumerate(b):
        before, fresh = rows[-1], [j + 1]
        for i, other in enumerate(a):
            best = min(before[i + 1] + 1, fresh[-1] + 1, before[i] + (letter != other))
            if i and j and other == b[j - 1] and a[i - 1] == letter:
                best = min(best, rows[-2][i - 1] + 1)
            fresh.append(best)
        rows.append(fresh)
    return [row[-1] for row in rows]


@given(st.text("abc", min_size=1, max_size=90), st.text("abc", max_size=90))
def test_edit_distance_against_the_plain_table(a, b):
    ends = distance(a, b)
    assert edits(a, b) == (ends[-1], min(ends))


def verdict(a, b):
    found = duplicates([a, b])
    return (found[0].verdict, found[0].by) if found else None


def bare(title, **fields):
    return Record(record=title + str(fields), title=title, **{"year": 2020, **fields})


def test_identifiers_come_first(paper):
    assert verdict(
        replace(paper(1), doi="10.1000/a"), replace(paper(2, "Else"), pmid="", record="x", doi="10.1000/a")
    ) == ("same", "doi")


def test_slips_case_and_missing_ends_are_the_same():
    full = bare(LONG, authors="Doe, J")
    assert verdict(full, bare(LONG.upper(), authors="Doe, J"))[0] == "same"
    assert verdict(full, bare(LONG.replace("sucrose", "sucrsoe"), authors="Doe, J"))[0] == "same"
    assert verdict(full, bare(LONG.split(":")[0], authors="J. Doe"))[0] == "same"


def test_parts_years_and_identifiers_keep_papers_apart(paper):
    one, two = (
        "Stress and the hippocampus of the rat. Part I",
        "Stress and the hippocampus of the rat. Part II",
    )
    assert verdict(bare(one, authors="Doe, J"), bare(two, authors="Doe, J"))[0] == "ask"
    assert verdict(bare(LONG, year=2010), bare(LONG, year=2014)) is None
    assert verdict(paper(1, LONG), paper(2, LONG))[0] == "ask"


def test_a_drug_exchanged_is_no_slip():
    others = [bare(f"{drug} in trial {n}") for drug in ("Olanzapine", "Clozapine") for n in "abc"]
    one, two = (
        bare(f"{drug}-associated diabetes in men", authors="Doe, J") for drug in ("Olanzapine", "Clozapine")
    )
    slip = bare("Clozapien-associated diabetes in men", authors="Doe, J")
    found = {frozenset((p.record, p.same_as)): p.verdict for p in duplicates([*others, one, two, slip])}
    assert found[frozenset((one.record, two.record))] == "ask"
    assert found[frozenset((two.record, slip.record))] == "same"


def test_a_cut_title_that_begins_two_papers_is_asked():
    start = "Risperidone versus haloperidol in schizophrenia"
    papers = [
        bare(start + end, authors="Doe, J") for end in ("", ". Costs and savings", ". Who takes it, and why")
    ]
    assert {(p.verdict, p.by) for p in duplicates(papers)} == {("ask", "title without its end")}
    assert [p.verdict for p in duplicates(papers[:2])] == ["same"]


def test_the_same_title_over_another_abstract_is_asked():
    text = (
        "rats drank sucrose while stress went on and neurons were counted in layers of the hippocampus " * 4
    )
    other = (
        "patients answered questionnaires about sleep, appetite and their daily work in several clinics " * 4
    )
    papers = [bare(LONG, authors="Doe, J", abstract=a) for a in (text, text + " Copyright 2020.", other)]
    assert verdict(papers[0], papers[1])[0] == "same" and verdict(papers[0], papers[2])[0] == "ask"


def test_different_papers_are_never_merged():
    titles = [
        "Ketamine in rats",
        "Ketamine in mice",
        "Zinc and mood",
        "Gut bacteria and mood",
        "BDNF in plasma",
        "Sleep and mood",
    ]
    assert not [
        p
        for p in duplicates([bare(t, authors=f"A{i}, B") for i, t in enumerate(titles)])
        if p.verdict == "same"
    ]


def test_a_person_beats_a_rule_and_chains_are_followed():
    def row(a, b, said, by):
        return {"record": a, "same_as": b, "verdict": said, "by": by}

    rows = [row("b", "a", "same", "title"), row("c", "b", "same", "doi")]
    assert resolve(rows) == {"b": "a", "c": "a"}
    rows += [row("b", "a", "different", "person:eva"), row("b", "a", "same", "title")]
    assert resolve(rows) == {"c": "b"}


def test_the_same_search_twice_brings_nothing(filled):
    before = {p.name: p.read_bytes() for p in filled.path.glob("*.csv")}
    again = add_records(filled, filled.records().values(), "second", "file")
    assert again == (0, 10)
    assert {p.name: p.read_bytes() for p in filled.path.glob("*.csv")} == before


def test_news_on_a_known_record_is_added(filled):
    known = next(iter(filled.records().values()))
    add_records(filled, [replace(known, status="retracted", abstract="New text")], "second", "pubmed")
    now = filled.records()[known.record]
    assert (now.status, now.abstract, now.first_run, now.sources) == (
        "retracted",
        "New text",
        "first",
        "file; pubmed",
    )
    assert len(filled.records()) == 10
