"""Vocabulary and tags: words are shown, a person has the last word, a model only suggests."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from euthymia.errors import InputError
from euthymia.evidence.review.library import FOLDER
from euthymia.evidence.review.tag import by_person, fresh, held, learn, suggest
from euthymia.evidence.review.vocabulary import vocabulary

WORDS = vocabulary()
SYSTEMS_OF_NO_MECHANISM = {"context", "treatment_resistance", "clinical_strategy", "evidence_method"}


def rows_of(out):
    return [{k: str(v) for k, v in row.items()} for row in out]


@pytest.mark.parametrize(
    ("text", "mechanism", "word"),
    [
        ("TNF-alpha in plasma", "inflammation", "tnf-alpha"),
        ("5-HT2A receptors", "serotonin", "5-HT2A"),
        ("5‑HT release", "serotonin", "5‑HT"),
        ("St John's wort", "plant_compounds", "st john's wort"),
        ("the gut brain axis", "gut_brain", "gut brain"),
        ("rTMS and ECT", "neurostimulation", "ECT"),
        ("NMDARs blocked", "glutamate_gaba", "nmdars"),
    ],
)
def test_words_found(text, mechanism, word):
    assert word.lower() in [w.lower() for w in WORDS.found(text)[mechanism]]


@pytest.mark.parametrize(
    "text",
    ["a net effect", "infect", "the implantation of rosy ideas", "remarkable", "he determined the cast"],
)
def test_words_inside_words_and_abbreviations_as_written(text):
    assert WORDS.found(text) == {}


def test_every_module_of_the_library_has_a_mechanism():
    have = {m for mechanism in WORDS.mechanisms.values() for m in mechanism.modules}
    wanted = {p.stem.split(".")[0] for p in (FOLDER / "modules").glob("*.yaml")} - {"network"}
    assert wanted and wanted <= have, wanted - have


def test_the_reviews_own_claims_are_found(request):
    """Recall of the right system on the review's numbered claims (the words were not fitted to them one by one)."""
    path = FOLDER / "claims.csv"
    if not path.exists():
        path = request.getfixturevalue("shared") / "facts" / "claims.csv"
    with path.open(newline="") as handle:
        claims = [c for c in csv.DictReader(handle) if c["system"] not in SYSTEMS_OF_NO_MECHANISM]
    hits = [any(c["system"] in WORDS.mechanisms[m].claims for m in WORDS.found(c["claim"])) for c in claims]
    assert len(hits) > 200 and sum(hits) / len(hits) >= 0.85


def test_a_suggestion_never_overwrites_a_person(paper):
    record = paper(1, "Ketamine and BDNF")
    first = rows_of(fresh(suggest([record], WORDS), [], "1", "t"))
    assert {(r["mechanism"], r["words"]) for r in first} == {
        ("glutamate_gaba", "ketamine"),
        ("neuroplasticity", "BDNF"),
    }
    refused = by_person(record.record, "glutamate_gaba", "no", "eva", WORDS)
    rows = [
        *first,
        *rows_of(
            [
                {
                    "record": refused.record,
                    "mechanism": refused.mechanism,
                    "verdict": "no",
                    "by": refused.by,
                    "words": "",
                    "confidence": "1",
                }
            ]
        ),
    ]
    assert fresh(suggest([record], WORDS), rows, "2", "t") == []
    rows += rows_of(fresh(suggest([record], WORDS), first, "2", "t")) + first
    assert held(rows)[record.record, "glutamate_gaba"].verdict == "no"


def test_a_tag_whose_words_are_gone_is_withdrawn(paper):
    record = paper(1, "Ketamine and BDNF")
    rows = rows_of(fresh(suggest([record], WORDS), [], "1", "t"))
    new = fresh(suggest([paper(1, "Ketamine")], WORDS), rows, "2", "t")
    assert [(r["mechanism"], r["verdict"]) for r in new] == [("neuroplasticity", "no")]


def test_unknown_mechanism():
    with pytest.raises(InputError, match="did you mean 'inflammation'"):
        by_person("a", "inflamation", "yes", "eva", WORDS)


def test_the_model_learns_from_fifty_and_names_its_words(paper):
    records = [
        paper(n, f"quixotic zebra study {n}" if n % 2 else f"plain horse study {n}") for n in range(80)
    ]
    rows = [
        {
            "record": r.record,
            "mechanism": "hpa",
            "verdict": "yes" if "zebra" in r.title else "no",
            "by": "person:eva",
            "words": "",
            "confidence": "1",
        }
        for r in records[:60]
    ]
    assert learn(records, rows[:40]) == []
    tags = {t.record: t for t in learn(records, rows)}
    assert set(tags) == {r.record for r in records if "zebra" in r.title}
    assert "zebra" in tags[records[61].record].words
    assert all(r["record"] in {x.record for x in records[60:]} for r in fresh(tags.values(), rows, "1", "t"))


def test_a_wrong_vocabulary_is_named(tmp_path: Path):
    path = tmp_path / "v.yaml"
    path.write_text(
        "version: 1\nmechanisms:\n  a: {label: x}\n"
        "  b: {label: y, group: g, modules: [], claims: [], mesh: [], terms: []}\n"
    )
    with pytest.raises(InputError) as fault:
        vocabulary(path)
    assert len(fault.value.problems) == 2 and fault.value.problems[0].line == 3
