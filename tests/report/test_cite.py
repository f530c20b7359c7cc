"""References and the two commands: `euthymia cite` and `euthymia report`."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from euthymia.cli import main
from euthymia.report.references import Reference, bibtex, reference_text, references


def test_every_cited_key_appears_once_with_all_its_reasons(synthetic) -> None:
    records = {item["id"]: item for item in synthetic.BIBLIOGRAPHY}
    found = references(synthetic.SOURCES, records)
    assert [r.cite for r in found] == sorted({s["cite"] for s in synthetic.SOURCES})
    beta = next(r for r in found if r.cite == "beta2010example")
    assert [reason for reason, _ in beta.reasons()] == [
        "reuptake at the terminal",
        "rates of synapse formation",
    ]
    assert beta.link == "https://doi.org/10.9999/example.2010"


def test_a_key_without_record_is_kept_and_said(synthetic) -> None:
    (only,) = references([{"cite": "gone1999", "reason": "x", "kind": "RECALLED"}], {})
    assert "no bibliographic record" in only.text and "No bibliographic record" in bibtex(only)
    assert not only.verified and only.link == ""


@pytest.mark.parametrize(
    ("authors", "printed"),
    [
        ([{"family": "Van Dijk", "given": "Jan-Willem"}], "Van Dijk JW (2001)"),
        ([{"literal": "A Group"}, {"family": "Li", "given": "X."}], "A Group, Li X (2001)"),
        ([{"family": f"A{i}"} for i in range(7)], "A0, A1, A2, et al. (2001)"),
    ],
)
def test_authors(authors: list[dict], printed: str) -> None:
    assert (
        reference_text({"title": "T.", "author": authors, "issued": {"date-parts": [[2001, 5]]}})
        == f"{printed}. T."
    )


def test_bibtex_escapes_and_balances() -> None:
    item = {"id": "k", "type": "chapter", "title": "50 % of {5-HT} & more_", "container-title": "B", "page": "1-9",
            "DOI": "10.1/a_b"}  # fmt: skip
    entry = bibtex(Reference("k", item, ({"reason": "r"},)))
    assert entry.startswith("@incollection{k,") and r"title = {{50 \% of \{5-HT\} \& more\_}}" in entry
    assert "booktitle = {B}" in entry and "pages = {1--9}" in entry and "doi = {10.1/a_b}" in entry
    bare = re.sub(r"\\[{}]", "", entry)
    assert bare.count("{") == bare.count("}")


def test_cite_prints_text_bibtex_and_json(
    folder: Path, synthetic, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = {item["id"] for item in synthetic.BIBLIOGRAPHY}
    assert main(["cite", str(folder)]) == 0
    text = capsys.readouterr().out
    assert all(item["title"] in re.sub(r"\s+", " ", text) for item in synthetic.BIBLIOGRAPHY)
    assert "apparent oral clearance in adults: escitalopram.pk.CL" in text
    assert main(["cite", str(folder), "--bibtex"]) == 0
    assert set(re.findall(r"^@\w+\{(\w+),$", capsys.readouterr().out, re.M)) == keys
    assert main(["cite", str(folder), "--json"]) == 0
    assert {row["cite"] for row in json.loads(capsys.readouterr().out)} == keys


def test_report_writes_beside_the_run_or_where_told(folder: Path, tmp_path: Path, capsys) -> None:
    assert main(["report", str(folder), "--out", str(tmp_path / "a.html"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert Path(told["report"]).stat().st_size == told["bytes"] > 4_000_000


@pytest.mark.parametrize("command", ["report", "cite"])
def test_a_wrong_folder_exits_2_with_one_clear_line(
    command: str, folder: Path, tmp_path: Path, capsys
) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "7f3a91").mkdir()
    assert main([command, str(tmp_path / "runs" / "7f3a92")]) == 2
    assert "7f3a92: no such folder; give a run folder - did you mean '7f3a91'?" in capsys.readouterr().err
    assert main([command, str(folder / "manifest.json")]) == 2
    assert "is a file; give the run folder" in capsys.readouterr().err
    assert main([command, str(tmp_path / "runs" / "7f3a91")]) == 2
    assert "this is not the folder of a finished run" in capsys.readouterr().err
