"""Logs: nothing is lost to a hand edit, a cut-off row, a full disk or two writers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from euthymia.errors import InputError, StoreError
from euthymia.evidence.review import logs

ROW = {
    "record": "pmid:1",
    "stage": "title",
    "verdict": "include",
    "reviewer": "eva",
    "note": 'a "quoted", note\nof two lines',
}


def decisions(path, count=3):
    logs.append(path, "decisions", [ROW | {"record": f"pmid:{n}"} for n in range(count)])
    return path


def test_what_is_written_is_read(tmp_path):
    log = logs.read_log(decisions(tmp_path / "decisions.csv"), "decisions")
    assert [r["record"] for r in log.rows] == ["pmid:0", "pmid:1", "pmid:2"]
    assert log.rows[0]["note"] == 'a "quoted", note of two lines'
    assert not log.problems and not log.warnings


def test_a_hand_edit_is_named_and_counts(tmp_path):
    path = decisions(tmp_path / "decisions.csv")
    path.write_text(path.read_text().replace("pmid:1,title,include", "pmid:1,title,exclude"))
    log = logs.read_log(path, "decisions")
    assert [w.line for w in log.warnings] == [3]
    assert log.rows[1]["verdict"] == "exclude"
    assert logs.repair(path, "decisions")[0] == 0
    mended = logs.read_log(path, "decisions")
    assert not mended.warnings and mended.rows == log.rows


def test_a_removed_row_is_noticed(tmp_path):
    path = decisions(tmp_path / "decisions.csv")
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:2] + lines[3:]))
    assert [w.line for w in logs.read_log(path, "decisions").warnings] == [3]


def test_excel_line_ends_change_nothing(tmp_path):
    path = decisions(tmp_path / "decisions.csv")
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    log = logs.read_log(path, "decisions")
    assert len(log.rows) == 3 and not log.problems and not log.warnings


def test_a_cut_off_row_is_set_aside_and_the_rest_stays(tmp_path):
    path = decisions(tmp_path / "decisions.csv")
    path.write_bytes(path.read_bytes()[:-60])
    log = logs.read_log(path, "decisions")
    assert [p.line for p in log.problems] == [4] and "cut off" in str(log.problems[0])
    with pytest.raises(InputError, match="repair"):
        logs.append(path, "decisions", [ROW])
    count, aside = logs.repair(path, "decisions")
    assert count == 1 and "pmid:2" in aside.read_text()
    logs.append(path, "decisions", [ROW])
    assert [r["record"] for r in logs.read_log(path, "decisions").rows] == ["pmid:0", "pmid:1", "pmid:1"]


def test_wrong_header_and_encoding(tmp_path):
    path = tmp_path / "decisions.csv"
    path.write_text("a,b\n")
    with pytest.raises(InputError, match="first line"):
        logs.read_log(path, "decisions")
    path.write_bytes(decisions(tmp_path / "other.csv").read_bytes() + b"\xff\xfe\n")
    with pytest.raises(InputError, match="UTF-8"):
        logs.read_log(path, "decisions")


class FullDisk:
    """A file on a disk with room for 40 more bytes."""

    def __init__(self, handle):
        self.handle, self.room = handle, 40

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.handle.close()

    def __getattr__(self, name):
        return getattr(self.handle, name)

    def write(self, data):
        if not self.room:
            raise OSError(28, "No space left on device")
        done = self.handle.write(data[: self.room])
        self.room -= done
        return done


def test_a_full_disk_changes_nothing(tmp_path, monkeypatch):
    """Forty bytes get through: a partial write, which must be taken back."""
    path = decisions(tmp_path / "decisions.csv")
    before, real = path.read_bytes(), Path.open
    with monkeypatch.context() as patch:
        patch.setattr(
            Path,
            "open",
            lambda p, mode="r", **k: FullDisk(real(p, mode, **k)) if "a" in mode else real(p, mode, **k),
        )
        with pytest.raises(StoreError, match="nothing was changed"):
            logs.append(path, "decisions", [ROW])
    assert path.read_bytes() == before
    logs.append(path, "decisions", [ROW])
    assert len(logs.read_log(path, "decisions").rows) == 4


def test_a_fault_at_the_last_moment_changes_nothing(tmp_path, monkeypatch):
    path = decisions(tmp_path / "decisions.csv")
    before = path.read_bytes()

    def full(_handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(logs.os, "fsync", full)
    with pytest.raises(StoreError, match="No space left"):
        logs.append(path, "decisions", [ROW])
    assert path.read_bytes() == before


TWO = """
import sys
from pathlib import Path
from euthymia.evidence.review import logs
for n in range(40):
    row = {"record": f"{sys.argv[2]}:{n}", "stage": "title", "verdict": "include"}
    logs.append(Path(sys.argv[1]), "decisions", [row])
"""


def test_two_writers_at_once(tmp_path):
    path = tmp_path / "decisions.csv"
    runs = [subprocess.Popen([sys.executable, "-c", TWO, str(path), name]) for name in ("a", "b")]
    assert [r.wait(60) for r in runs] == [0, 0]
    log = logs.read_log(path, "decisions")
    assert len(log.rows) == 80 and not log.problems and not log.warnings
    assert [r["record"] for r in log.rows if r["record"][0] == "a"] == [f"a:{n}" for n in range(40)]
