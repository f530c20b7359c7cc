"""The report as a file: sections, links, no outside loads, the same bytes, faults said clearly."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType

import polars as pl
import pytest

from euthymia.errors import InputError
from euthymia.report import write_report
from euthymia.report.document import SECTIONS, render
from euthymia.report.run import OPTIONAL, REQUIRED, Run, read_run

VOID = {"meta", "br", "input", "img", "link", "hr", "path"}


class Page(HTMLParser):
    """Elements with their attributes, headings, figures' data; complains about tags left open."""

    def __init__(self, text: str):
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.headings: list[str] = []
        self.specs: dict[str, str] = {}
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "h2":
            self.headings.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-3:]}"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if "h2" in self.open:
            self.headings[-1] += data
        last = self.elements[-1] if self.elements else ("", {})
        if self.open and self.open[-1] == "script" and last[1].get("data-figure"):
            self.specs[str(last[1]["data-figure"])] = data
        elif self.open and self.open[-1] not in ("script", "style"):
            self.words.append(data)

    @property
    def ids(self) -> list[str]:
        return [str(a["id"]) for _, a in self.elements if a.get("id")]

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))


@pytest.fixture(scope="module")
def page(report: Path) -> Page:
    return Page(report.read_text(encoding="utf-8"))


def without(folder: Path, to: Path, *names: str) -> Path:
    shutil.copytree(folder, to)
    for name in names:
        (to / name).unlink()
    return to


def outside_loads(page: Page) -> list[str]:
    """What a browser would fetch from elsewhere when it opens the page (clicked links are not fetched)."""
    found = []
    for tag, attributes in page.elements:
        for key in ("src", "href", "srcset", "data", "poster", "action", "background"):
            value = attributes.get(key) or ""
            if tag != "a" and not value.startswith(("data:", "#")) and value:
                found.append(f"{tag} {key}={value}")
    return found


def test_the_ten_sections_stand_in_order(page: Page) -> None:
    assert page.headings == [f"{i}{name}" for i, (_, name) in enumerate(SECTIONS, 1)]
    assert page.open == []


def test_every_link_inside_the_page_arrives_and_ids_are_unique(page: Page) -> None:
    assert len(page.ids) == len(set(page.ids))
    targets = [
        str(a["href"])[1:] for t, a in page.elements if t == "a" and str(a.get("href")).startswith("#")
    ]
    assert len(targets) > 20
    assert set(targets) <= set(page.ids)


def test_nothing_is_loaded_from_outside(page: Page, report: Path) -> None:
    assert outside_loads(page) == []
    policy = next(a["content"] for t, a in page.elements if a.get("http-equiv") == "Content-Security-Policy")
    assert policy and "default-src 'none'" in policy and "http" not in policy
    style = re.search(r"<style>(.*?)</style>", report.read_text(encoding="utf-8"), re.S)
    assert style and "url(" not in style[1] and "@import" not in style[1]
    away = [a for t, a in page.elements if t == "a" and str(a.get("href")).startswith("http")]
    assert away and all("noreferrer" in str(a.get("rel")) for a in away)


def test_the_check_for_outside_loads_can_fail() -> None:
    assert outside_loads(Page('<img src="https://example.org/a.png">')) == [
        "img src=https://example.org/a.png"
    ]


def test_the_same_run_gives_the_same_bytes_in_another_process(
    synthetic: ModuleType, report: Path, tmp_path: Path
) -> None:
    twin = synthetic.write(tmp_path / "run")
    code = (
        f"from euthymia.report import write_report; write_report({str(twin)!r}, {str(tmp_path / 'r.html')!r})"
    )
    environment = os.environ | {"PYTHONHASHSEED": "12345", "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    assert (tmp_path / "r.html").read_bytes() == report.read_bytes()


def test_hourly_courses_still_fit_in_six_megabytes(synthetic: ModuleType, tmp_path: Path) -> None:
    folder = synthetic.write(tmp_path / "run", step=1 / 24)
    assert read_run(folder).courses.height > 20_000
    assert write_report(folder, tmp_path / "r.html").stat().st_size < 6_000_000


@pytest.mark.parametrize(
    "names",
    [(f"{name}.parquet",) for name in OPTIONAL]
    + [("sources.json",), ("bibliography.json",)]
    + [(*(f"{name}.parquet" for name in OPTIONAL), "sources.json", "bibliography.json")],
    ids=lambda names: names[0] if len(names) == 1 else "all",
)
def test_a_run_without_optional_tables_still_has_every_section(
    folder: Path, tmp_path: Path, names: tuple[str, ...]
) -> None:
    page = Page(render(read_run(without(folder, tmp_path / "run", *names))))
    assert page.headings == [f"{i}{name}" for i, (_, name) in enumerate(SECTIONS, 1)]
    targets = {
        str(a["href"])[1:] for t, a in page.elements if t == "a" and str(a.get("href")).startswith("#")
    }
    if "sources.json" not in names:
        assert targets <= set(page.ids)
    if "published.parquet" in names:
        assert "names no published trial" in page.text and "published mean" not in json.dumps(page.specs)
    if "bibliography.json" in names and "sources.json" not in names:
        assert "no bibliographic record in this run" in page.text


def test_a_trial_with_published_totals_only_shows_the_total_first(folder: Path, tmp_path: Path) -> None:
    twin = without(folder, tmp_path / "run")
    published = pl.read_parquet(twin / "published.parquet").filter(
        ~pl.col("outcome").str.starts_with("change_")
    )
    published.with_columns(day=pl.lit(56.0)).write_parquet(twin / "published.parquet")
    page = Page(render(read_run(twin)))
    figures = [i for i in page.ids if i.startswith("fig-") and not i.endswith("-plot")]
    assert figures[0] == "fig-course-madrs" and sorted(figures) == sorted(set(figures)) and len(figures) == 11
    assert "28.9" in page.text  # the made-up published total stands in the first table


def test_missing_tables_and_columns_are_all_named_at_once(folder: Path, tmp_path: Path) -> None:
    broken = without(folder, tmp_path / "run", "visits.parquet", "manifest.json")
    pl.read_parquet(broken / "courses.parquet").rename({"p95": "p_95"}).write_parquet(
        broken / "courses.parquet"
    )
    (broken / "endpoints.parquet").write_bytes(b"not a table")
    with pytest.raises(InputError) as caught:
        write_report(broken, tmp_path / "r.html")
    told = str(caught.value)
    assert len(caught.value.problems) == 4
    for words in ("visits.parquet: is missing", "manifest.json: is missing", "no column 'p95' - did you mean 'p_95'?",
                  "endpoints.parquet: cannot be read as a Parquet table"):  # fmt: skip
        assert words in told
    assert not (tmp_path / "r.html").exists()


def test_an_unwritable_place_is_an_input_error_and_leaves_nothing(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        write_report(folder, tmp_path / "absent" / "r.html")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_as_target_receives_report_html(folder: Path, tmp_path: Path) -> None:
    assert write_report(folder, tmp_path) == tmp_path / "report.html"
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]


def test_hostile_names_stay_text(folder: Path, tmp_path: Path) -> None:
    bad = "</script><img src=x onerror=alert(1)>"
    twin = without(folder, tmp_path / "run")
    for name in (*REQUIRED, "exposure"):
        table = pl.read_parquet(twin / f"{name}.parquet")
        table.with_columns(pl.col("arm").replace("placebo", bad)).write_parquet(twin / f"{name}.parquet")
    page = Page(render(read_run(twin)))
    assert not any(tag == "img" for tag, _ in page.elements)
    assert bad in page.text
    assert any(bad in json.dumps(json.loads(spec)) for spec in page.specs.values())


def test_what_the_page_prints_is_what_the_tables_hold(page: Page, run: Run) -> None:
    row = run.endpoints.filter((pl.col("arm") == "placebo") & (pl.col("endpoint") == "change_madrs")).row(
        0, named=True
    )
    assert f"{row['estimate']:.1f}".replace("-", "−") in page.text
    assert str(run.manifest["run_id"]) in page.text and f"--seed {run.manifest['seed']}" in page.text
    assert "not a prediction" in page.text  # the made-up trial is also what a parameter was fitted to
    assert "step size fell below 1e-9 h" in page.text
    for parameter in run.parameters["id"] if run.parameters is not None else ():
        assert parameter in page.text


def test_each_file_of_the_run_is_listed_with_its_hash(page: Page, folder: Path) -> None:
    import hashlib

    for file in folder.iterdir():
        assert hashlib.sha256(file.read_bytes()).hexdigest() in page.text


def test_statistics_and_steps_are_printed_with_what_could_not_be_estimated(folder: Path) -> None:
    text = Page(render(read_run(folder))).text
    for part in (
        "-2.50 (-4.50 to -0.50)",
        "0.013",
        "not estimated",
        "too few patients",
        "70 %",
        "rescue",
        "2.96",
    ):
        assert part in text.replace("\u2212", "-"), part
