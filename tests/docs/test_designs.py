"""The page of designs: every block is valid YAML of the protocol file, every method, estimand and file is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from euthymia.biology.interventions import intervention_names
from euthymia.evidence.read import LIBRARY, parse, schema
from euthymia.protocol.analyses import ESTIMANDS, METHODS, STRATEGIES
from euthymia.protocol.protocol import parse_protocol
from euthymia.protocol.steps import ACTIONS

CONTROLS = schema("protocol")["$defs"]["treatment"]["properties"]["control"]["enum"]
PAGE = (Path(__file__).resolve().parents[2] / "docs" / "designs.md").read_text("utf-8")
BLOCKS = [b.split("```")[0] for b in PAGE.split("```yaml")[1:]]


def test_every_word_of_the_format_is_explained() -> None:
    for word in (*METHODS, *ESTIMANDS, *STRATEGIES, *ACTIONS):
        assert f"`{word}`" in PAGE, word
    for word in (*intervention_names(), *CONTROLS):
        assert word in PAGE, word
    for path in (LIBRARY / "protocols").glob("*.yaml"):
        if path.stem not in ("template", "escitalopram_demo"):
            assert f"`{path.name}`" in PAGE, path.name


@pytest.mark.parametrize("block", range(len(BLOCKS)))
def test_the_examples_are_valid(block: int) -> None:
    """Each block, completed with the least a protocol needs, reads without a problem."""
    data = parse(BLOCKS[block], "block").data
    arms = [
        "  - {name: placebo, n: 100, control: true, treatment: [{drug: placebo, every: 24 h}]}",
        "  - {name: drug, n: 100, treatment: [{drug: sertraline, dose: 50 mg, every: 24 h}]}",
    ]
    text = "euthymia: 1\ntitle: t\nduration: 24 weeks\npopulation: {base: mdd_outpatient}\n" + BLOCKS[block]
    if "arms" not in data:
        text += "\narms:\n" + "\n".join(arms) + "\n"
    assert parse_protocol(text).arms
