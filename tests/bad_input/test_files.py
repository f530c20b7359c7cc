"""Files and folders that are not what they should be: exact messages, exit codes, nothing half-written."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest

from euthymia.cli import main
from euthymia.trials import folder as folders
from tests.bad_input.test_protocols import GOOD

MODULE = """\
module: toy
title: A toy
about: "One state."
states:
  x: {initial: 1, unit: "1", title: x, rate: "(target - x)/tau"}
assignments:
  target: {unit: "1", title: where x goes, expression: "1"}
ports: {}
outputs: [x]
edges: []
parameters:
  tau:
    value: 5
    unit: h
    title: time constant
    evidence:
      - {basis: assumed, says: "a toy"}
"""

MODULES: dict[str, tuple[str, str, str]] = {
    "undeclared symbol": ('"(target - x)/tau"', '"(targt - x)/tau"', "'targt'"),
    "circular assignment": ('expression: "1"}', 'expression: "target*x"}', "target"),
    "wrong dimension": ("unit: h", "unit: mg", "toy.x"),
    "naked number": ('"(target - x)/tau"', '"(target - 3.7*x)/tau"', "3.7"),
    "no evidence": ('    evidence:\n      - {basis: assumed, says: "a toy"}\n', "", "'evidence' is missing"),
    "missing citation": ('{basis: assumed, says: "a toy"}', "{cite: nobody1900nothing, basis: measured}",
                         "'nobody1900nothing' is not in the bibliography"),
    "unknown unit": ("unit: h", "unit: hourz", "'hourz' is not a unit"),
    "unknown basis": ("basis: assumed", "basis: asumed", "did you mean 'assumed'?"),
    "output that is nothing": ("outputs: [x]", "outputs: [y]", "'y'"),
    "a value that is text": ("value: 5", "value: five", "should be a number, got 'five'"),
    "not finite": ("value: 5", "value: .inf", "is not a finite number"),
    "an assumption without reason": (', says: "a toy"}', "}", "'says' is missing"),
}  # fmt: skip


@pytest.mark.parametrize("name", MODULES)
def test_module_files(name: str, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    old, new, said = MODULES[name]
    assert MODULE.count(old) == 1
    (tmp_path / "modules").mkdir()
    file = tmp_path / "modules" / "toy.yaml"
    file.write_text(MODULE.replace(old, new), "utf-8")
    assert main(["check", str(file)]) == 2
    out = capsys.readouterr().out
    assert said in out
    assert f"{file}:" in out, "the message names the file"


def test_the_good_module_is_good(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "modules").mkdir()
    file = tmp_path / "modules" / "toy.yaml"
    file.write_text(MODULE, "utf-8")
    assert main(["check", str(file)]) == 0, capsys.readouterr().out


def test_no_such_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.chdir(tmp_path)
    Path("trial.yaml").write_text(GOOD)
    assert main(["run", "trail.yaml"]) == 2
    expected = "trail.yaml: no such file - did you mean 'trial.yaml'?\n1 problem; nothing was written.\n"
    assert capsys.readouterr().err == expected


def test_folder_instead_of_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("trial.yaml").mkdir()
    assert main(["run", "trial.yaml"]) == 2
    assert capsys.readouterr().err.startswith("trial.yaml: is a folder; a YAML file is expected\n")


def test_wrong_encoding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("trial.yaml").write_bytes(
        GOOD.replace("Sertraline against", "Sertralin gegen Plazebo, für").encode("latin-1")
    )
    assert main(["run", "trial.yaml"]) == 2
    assert capsys.readouterr().err.startswith("trial.yaml:2: byte 45 is not UTF-8; save the file as UTF-8\n")


def test_empty_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.chdir(tmp_path)
    Path("trial.yaml").write_text("")
    assert main(["run", "trial.yaml"]) == 2
    assert "should be a block of keys, got None" in capsys.readouterr().err


def test_output_folder_that_is_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("trial.yaml").write_text(GOOD)
    Path("out").write_text("")
    assert main(["run", "trial.yaml", "--out", "out"]) == 2
    assert "out: cannot be written: File exists; choose another folder with --out" in capsys.readouterr().err


def test_full_disk_leaves_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, data: bytes) -> int:
        with open(self, "wb") as stream:
            stream.write(data[: len(data) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(
        folders.StoreError, match="No space left on device; free space or choose another folder"
    ):
        folders.write_json(tmp_path / "manifest.json", {"a": 1})
    assert list(tmp_path.iterdir()) == []


def test_run_folder_of_another_layout(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps({"layout": 99}))
    with pytest.raises(
        folders.StoreError, match="was written in layout 99, this version reads 1; run it again"
    ):
        folders.open_run(tmp_path)


def test_damaged_manifest(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text('{"layout": ')
    with pytest.raises(folders.StoreError, match="is damaged; run the protocol again"):
        folders.open_run(tmp_path)


def test_damaged_chunk_is_simulated_again(tmp_path: Path) -> None:
    path = tmp_path / "0-0.npz"
    folders.save_chunk(path, {"a": folders.np.arange(3)})
    assert folders.load_chunk(path) is not None
    path.write_bytes(path.read_bytes()[:40])
    assert folders.load_chunk(path) is None


def test_unknown_command(capsys: pytest.CaptureFixture) -> None:
    assert main(["rnu"]) == 2
    assert "unknown command 'rnu' - did you mean 'run'?" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--replicates", "--jobs"])
def test_options_out_of_range(option: str, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    file = tmp_path / "trial.yaml"
    file.write_text(GOOD)
    assert main(["run", str(file), option, "0", "--out", str(tmp_path / "out")]) == 2
    assert f"{option} is 0; it must be at least 1" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_new_does_not_overwrite(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    file = tmp_path / "trial.yaml"
    assert main(["new", "trial", str(file)]) == 0
    assert main(["check", str(file)]) == 0
    assert main(["new", "trial", str(file)]) == 2
    assert "exists already; choose another name or add --force" in capsys.readouterr().err
