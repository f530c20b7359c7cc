"""What the drug commands say to wrong input, word for word, with exit code 2."""

from __future__ import annotations

import pytest

from euthymia.cli import main

EXPOSURE = ("exposure", "--drug", "sertraline", "--dose", "50 mg")


def said(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    """The lines on stderr of a command that must end with 2."""
    assert main(list(words)) == 2
    return capsys.readouterr().err.strip().splitlines()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("exposure", "--drug", "sertralin", "--dose", "50 mg"),
            "'sertralin' is not a compound of the library - did you mean 'sertraline'?",
        ),
        (
            ("exposure", "--drug", "sertraline", "--dose", "50"),
            "'50' has no unit; expected a mass; for example '20 mg'",
        ),
        (
            ("exposure", "--drug", "sertraline", "--dose", "50 mL"),
            "'50 mL' is a volume; expected a mass; for example '20 mg'",
        ),
        (("exposure", "--drug", "sertraline", "--dose", "-50 mg"), "--dose -50 should be above 0"),
        ((*EXPOSURE, "--every", "24"), "'24' has no unit; expected a time; for example '20 h'"),
        (
            (*EXPOSURE, "--phenotype", "CYP2C19=pooor"),
            "'pooor' is not a phenotype of CYP2C19; known: PM, IM, NM, RM, UM - did you mean 'poor'?",
        ),
        (
            (*EXPOSURE, "--phenotype", "CYP2C91=PM"),
            "'CYP2C91' has no phenotypes here; known: CYP2D6, CYP2C19, CYP2B6, CYP2C9, CYP3A4, CYP1A2"
            " - did you mean 'CYP2C9'?",
        ),
        (
            (*EXPOSURE, "--phenotype", "CYP2D6=9"),
            "activity score 9 of CYP2D6 is impossible; allowed 0 to 6",
        ),
        ((*EXPOSURE, "--phenotype", "CYP2C19"), "phenotype 'CYP2C19' should read like CYP2C19=PM"),
        (
            ("exposure", "--drug", "vortioxetine", "--dose", "10 mg", "--route", "intranasal"),
            "vortioxetine has no data for the route 'intranasal'; it has: oral, intravenous",
        ),
        (
            (*EXPOSURE, "--with", "omeprazol"),
            "'omeprazol' is not in the library, so its interactions are unknown (not none)"
            " - did you mean 'omeprazole'?",
        ),
        (
            ("exposure", "--drug", "zinc", "--dose", "25 mg"),
            "zinc has no route with kinetic data, so no level can be computed",
        ),
        (
            ("interactions", "zinc", "sertraline"),
            "zinc has no kinetic data here, so its interactions cannot be computed",
        ),
        (("interactions", "sertraline"), "name at least two drugs"),
        (("interactions", "sertraline", "sertraline"), "'sertraline' is named twice"),
        (("drug",), "name a drug, for example: euthymia drug escitalopram (or --list)"),
    ],
)
def test_message_to_the_letter(capsys, words, message):
    assert said(capsys, *words)[0] == message


def test_all_impossible_covariates_at_once(capsys):
    lines = said(capsys, *EXPOSURE, "--weight", "0.5", "--age", "300")
    assert lines[:2] == [
        "age 300 years is impossible; allowed 0 to 110 years",
        "weight 0.5 kg is impossible; allowed 2 to 400 kg",
    ]


def test_all_unknown_drugs_at_once(capsys):
    lines = said(capsys, "drug", "sertralin", "paroxetin")
    assert [line.split(" ")[0] for line in lines[:2]] == ["'sertralin'", "'paroxetin'"]


def test_serotonin_toxicity_and_missing_data_are_said(capsys):
    assert main(["interactions", "phenelzine:45 mg", "sertraline"]) == 0
    out = capsys.readouterr().out
    assert (
        "! phenelzine with sertraline: contraindicated, serotonin toxicity; the enzyme returns with a half-life of "
        "about 12 days, so the danger outlasts the last dose by two weeks"
    ) in out.splitlines()
    assert (
        "! phenelzine: no data on inhibition of enzymes by it; that is a gap, not a proof of none"
        in out.splitlines()
    )
