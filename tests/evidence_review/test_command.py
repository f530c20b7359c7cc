"""`euthymia review` as a person types it."""

from __future__ import annotations

import argparse
import json

import pytest

from euthymia.cli import review as command
from euthymia.errors import InputError


def call(*words, capsys=None):
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    code = command.run(parser.parse_args([str(w) for w in words]))
    return code, (capsys.readouterr().out if capsys else "")


RIS = "".join(
    f"TY  - JOUR\nTI  - Ketamine and BDNF in mice, study {n}\nPY  - 202{n % 4}\nAN  - {500 + n}\nDB  - PubMed\nER  - \n\n"
    for n in range(8)
)


def test_from_new_to_report(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.ris").write_text(RIS)
    assert call("new", "r")[0] == 0
    capsys.readouterr()
    code, out = call("import", "r", "a.ris", "--json", capsys=capsys)
    assert code == 0 and json.loads(out)["files"][0]["new"] == 8
    assert json.loads(call("dedupe", "r", "--json", capsys=capsys)[1])["merged"] == {}
    first = json.loads(call("screen", "r", "--as", "eva", "--next", "3", "--json", capsys=capsys)[1])["next"]
    assert len(first) == 3
    for n in range(8):
        call(
            "screen",
            "r",
            "--as",
            "eva",
            "--record",
            f"pmid:{500 + n}",
            "--verdict",
            "include" if n else "exclude",
            "--reason",
            "" if n else "language",
        )
    capsys.readouterr()
    call("screen", "r", "--as", "tom", "--record", "pmid:500", "--verdict", "include")
    assert "pmid:500" in call("screen", "r", "--conflicts", capsys=capsys)[1]
    call("screen", "r", "--settle", "--record", "pmid:500", "--verdict", "exclude", "--reason", "language")
    capsys.readouterr()
    counts = json.loads(call("tag", "r", "--json", capsys=capsys)[1])["counts"]
    assert counts["neuroplasticity"] == 8 and counts["glutamate_gaba"] == 8
    assert json.loads(call("tag", "r", "--json", capsys=capsys)[1])["new"] == 0
    call("tag", "r", "--record", "pmid:501", "--remove", "neuroplasticity", "--as", "eva")
    capsys.readouterr()
    counts = json.loads(call("flow", "r", "--out", "flow.svg", "--json", capsys=capsys)[1])
    assert (counts["screened"], counts["excluded_by"], counts["sought"]) == (8, {"language": 1}, 7)
    assert (tmp_path / "flow.svg").read_text().startswith("<svg")
    rows = json.loads(call("trends", "r", "--json", capsys=capsys)[1])["shares"]
    assert sum(r["count"] for r in rows if r["mechanism"] == "neuroplasticity") == 6
    state = json.loads(call("stop", "r", "--json", capsys=capsys)[1])
    assert (state["read"], state["relevant"], state["reached"]) == (8, 7, True)
    for form in ("ris", "bibtex", "csl", "csv", "asreview"):
        assert "Ketamine" in call("export", "r", "--format", form, "--included", capsys=capsys)[1]
    assert len(json.loads(call("link", "r", "--json", capsys=capsys)[1])["papers_for_nothing"]) == 7
    assert call("report", "r", "--out", "r.html")[0] == 0
    assert (tmp_path / "r.html").read_text().startswith("<!doctype html>")
    capsys.readouterr()
    assert "nothing to repair" in call("repair", "r", capsys=capsys)[1]


def test_a_broken_log_is_named_and_repaired(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.ris").write_text(RIS)
    call("new", "r"), call("import", "r", "a.ris")
    with (tmp_path / "r" / "records.csv").open("a") as handle:
        handle.write("pmid:999,half a ro")
    with pytest.raises(InputError, match=r"records.csv:10: the last row was cut off"):
        call("flow", "r")
    capsys.readouterr()
    assert "8 rows kept, 1 lines set aside" in call("repair", "r", capsys=capsys)[1]
    assert call("flow", "r")[0] == 0


def test_unknown_things_are_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="did you mean 'mechanisms'"):
        call("flow", "mechanism")
    call("new", "r")
    with pytest.raises(InputError, match="no record"):
        call("screen", "r", "--record", "pmid:1", "--verdict", "include")


@pytest.mark.parametrize(
    "words", [("search",), ("import", "a.ris"), ("dedupe",), ("screen",), ("tag",)], ids=lambda w: w[0]
)
def test_a_shipped_review_is_never_written_to(tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.ris").write_text(RIS)
    with pytest.raises(InputError, match="ships with the library and stays as it is"):
        call(words[0], "mechanisms", *words[1:])


def test_simulate(tmp_path, capsys):
    lines = ["title,included"] + [
        f"{'ketamine mood mice' if n % 10 == 0 else 'bread butter jam'} {n},{int(n % 10 == 0)}"
        for n in range(200)
    ]
    (tmp_path / "old.csv").write_text("\n".join(lines))
    found = json.loads(call("simulate", tmp_path / "old.csv", "--json", capsys=capsys)[1])
    assert (
        found["relevant"] == 20
        and found["work saved at 95 % recall"] > 0.7
        and found["recall at own stop"] == 1.0
    )


def test_every_step_is_in_the_documentation():
    from pathlib import Path

    page = (Path(__file__).resolve().parents[2] / "docs" / "review.md").read_text()
    missing = [name for name in command.STEPS if f"review {name}" not in page]
    assert not missing
