"""The page of the scoreboard: every number it is given, and no outside request."""

from __future__ import annotations

import re

from euthymia.report.scoreboard import METRICS, page

SCORES = dict.fromkeys(METRICS, 1.234) | {"n_contrasts": 3, "n_trials": 2}
ROW = {"contrast": "one/<b>drug</b>", "class": "SSRI", "n": 100, "n_control": 90, "day": 42.0, "observed": -2.5, "se": 1.0,
       "predicted": -3.5, "low_90": -6.0, "high_90": -1.0, "success": True, "p_success": 0.61, "why": "n 100+90"}  # fmt: skip
FOUND = {
    **SCORES, "n_success": 2, "noise_floor": 0.9, "naive": {"minus_2": SCORES},
    "against": {"minus_2": {"difference": -0.5, "low": -1.0, "high": 0.25}}, "classes": {"SSRI": SCORES},
    "contrasts": [ROW, {**ROW, "contrast": "two/drug", "observed": None, "success": False}],
    "arms": {"rows": [], "control": {"n": 5, "mae": 2.0, "bias": 0.1, "mae_constant": 3.0}},
    "response": {"n": 4, "n_trials": 2, "mae": 12.0, "bias": 1.0, "mae_constant": 15.0}, "time_course": {"n": 0},
    "grades": {"A": {"n_contrasts": 3, "mae": 1.5, "bias": 0.2, "mae_constant": 2.5, "coverage_90": 0.9}},
    "problems": ["bad.yaml:3:1: arms: nothing"], "notes": ["good.yaml:1:1: said"],
}  # fmt: skip


def test_page_holds_what_it_is_given() -> None:
    text = page(FOUND)
    for part in (
        "1.23",
        "+0.50 (-0.25 to +1.00)",
        "12.00",
        "-6.0 to -1.0",
        "bad.yaml:3:1",
        "good.yaml:1:1",
        "minus 2",
        "0.61",
    ):
        assert part in text, part
    assert text.count("<circle") == 1, "a contrast without magnitude is not drawn"
    assert "&lt;b&gt;drug" in text and "<b>drug" not in text
    assert not re.search(r"(src|href)=|url\(|@import", text)


def test_page_without_any_magnitude() -> None:
    empty = {**FOUND, "contrasts": [FOUND["contrasts"][1]], "naive": {}, "against": {}, "classes": {}}
    assert "No contrast has a magnitude" in page(empty)


def test_what_moved_a_prediction_stands_in_a_row_of_its_own() -> None:
    """No column is pushed out of the page: the words span the table, below their contrast."""
    text = page(FOUND)
    rows = text.split("<h2>Every contrast</h2>")[1].split("</table>")[0]
    assert rows.count("<th") - rows.count("<thead") == 10
    told = [str(r["why"]) for r in FOUND["contrasts"] if r.get("why")]
    assert told and rows.count('<td class=text colspan="10">') == len(told)
