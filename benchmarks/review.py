"""Measure the living review on labelled sets: work saved, stopping rule, time, duplicates, size.

    python benchmarks/review.py saved DATA...       work saved at 95 % recall, mean of seeds
    python benchmarks/review.py stop DATA...        true recall at the tool's own stop
    python benchmarks/review.py asreview DATA...    the same beside ASReview, one run (needs --asreview PROGRAM)
    python benchmarks/review.py duplicates DATA     600 corrupted copies
    python benchmarks/review.py size                50,000 synthetic records: seconds per refit
    python benchmarks/review.py update [DATA]       200 new records on the others (made-up ones without DATA)

DATA are CSV files with title, abstract and a label column (`label_included`), as in the repository
asreview/systematic-review-datasets; their abstracts belong to their publishers and are read, never kept.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from euthymia.evidence.review.dedupe import duplicates, resolve
from euthymia.evidence.review.folder import add_records, new_review
from euthymia.evidence.review.formats import table
from euthymia.evidence.review.rank import Ranker
from euthymia.evidence.review.records import Record, title_key
from euthymia.evidence.review.simulate import simulate, stopping_point, work_saved


def labelled(path: Path) -> tuple[list[Record], np.ndarray]:
    """Records of a labelled table with unique ids, and their labels; rows without a label are left out."""
    import csv

    csv.field_size_limit(2**31 - 1)
    records, labels = [], []
    with path.open(newline="", encoding="utf-8") as handle:
        for number, row in enumerate(csv.DictReader(handle)):
            if row["label_included"] in {"0", "1"}:
                records.append(
                    Record(
                        record=f"row:{number}",
                        title=row["title"],
                        abstract=row.get("abstract") or "",
                        authors=row.get("authors") or "",
                        year=int(float(row.get("year") or 0)),
                    )
                )
                labels.append(int(row["label_included"]))
    return records, np.array(labels)


def saved(arguments: argparse.Namespace) -> dict:
    """Work saved per set and seed, for both votes and for the word vote alone."""
    result = {}
    for path in arguments.data:
        records, labels = labelled(path)
        texts = [r.text for r in records]
        row: dict = {"records": len(labels), "relevant": int(labels.sum())}
        for name, votes in {"ours": ("words", "letters"), "words only": ("words",)}.items():
            ranker, start = Ranker(texts, votes=votes), time.perf_counter()
            values = [
                work_saved(simulate(ranker, labels, seed).order, labels) for seed in range(arguments.seeds)
            ]
            row[name] = [round(v, 4) for v in values]
            row[f"{name} mean"] = round(float(np.mean(values)), 4)
            row[f"{name} seconds"] = round((time.perf_counter() - start) / arguments.seeds, 2)
        result[path.stem] = row
        print(path.stem, json.dumps(row), flush=True)
    return result


def stop(arguments: argparse.Namespace) -> dict:
    """True recall at the tool's own stop over many simulated screenings."""
    result, recalls = {}, []
    for path in arguments.data:
        records, labels = labelled(path)
        ranker = Ranker([r.text for r in records])
        here, read = [], []
        for seed in range(arguments.seeds):
            verdicts = labels[simulate(ranker, labels, 1000 + seed).order]
            at = stopping_point(verdicts, every=10)
            here.append(float(verdicts[:at].sum() / labels.sum()))
            read.append(at / len(labels))
        recalls += here
        result[path.stem] = {
            "runs": len(here),
            "lowest recall": round(min(here), 4),
            "share >= 0.95": float(np.mean(np.array(here) >= 0.95)),
            "mean read": round(float(np.mean(read)), 4),
            "most read": round(max(read), 4),
        }
        print(path.stem, json.dumps(result[path.stem]), flush=True)
    share = float(np.mean(np.array(recalls) >= 0.95))
    result["all"] = {
        "runs": len(recalls),
        "share of runs with recall >= 0.95": round(share, 4),
        "lowest": min(recalls),
    }
    return result


def _children() -> float:
    """Processor time of finished child processes, s (wall time says little on a busy machine)."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def asreview(arguments: argparse.Namespace) -> dict:
    """ASReview's own simulation and ours, same priors, one after the other in one run; processor seconds."""
    import sqlite3
    import zipfile

    result = {}
    for path in arguments.data:
        records, labels = labelled(path)
        rows = []
        for seed in range(arguments.seeds):
            generator = np.random.default_rng(seed)
            priors = [int(generator.choice(np.flatnonzero(labels == value))) for value in (1, 0)]
            start = time.process_time()
            ranker = Ranker([r.text for r in records])
            ours = work_saved(simulate(ranker, labels, seed).order, labels)
            seconds = time.process_time() - start
            with tempfile.TemporaryDirectory() as folder:
                data, project = Path(folder) / "data.csv", Path(folder) / "run.asreview"
                data.write_text(
                    table.write_asreview(
                        records, {r.record: int(v) for r, v in zip(records, labels, strict=True)}
                    )
                )
                start = _children()
                subprocess.run(
                    [
                        arguments.asreview,
                        "simulate",
                        str(data),
                        "--prior-idx",
                        *map(str, priors),
                        "--seed",
                        str(seed),
                        "--n-stop",
                        "-1",
                        "-o",
                        str(project),
                    ],
                    check=True,
                    capture_output=True,
                )
                theirs_seconds = _children() - start
                with zipfile.ZipFile(project) as archive:
                    archive.extractall(folder)
                base = next(Path(folder).rglob("results.db"))
                connection = sqlite3.connect(base)
                names = {r[1] for r in connection.execute("pragma table_info(results)")}
                column = "label" if "label" in names else "included"
                seen = [int(r[0]) for r in connection.execute(f"select {column} from results order by rowid")]
            needed = int(np.ceil(0.95 * labels.sum()))
            theirs = 0.95 - (int(np.searchsorted(np.cumsum(seen), needed)) + 1) / len(labels)
            rows.append(
                {
                    "seed": seed,
                    "ours": round(ours, 4),
                    "asreview": round(theirs, 4),
                    "ours s": round(seconds, 1),
                    "asreview s": round(theirs_seconds, 1),
                    "read by asreview": len(seen),
                }
            )
            print(path.stem, json.dumps(rows[-1]), flush=True)
        result[path.stem] = rows
    return result


def corrupted(record: Record, generator: np.random.Generator) -> Record:
    """A copy of a record as another database, or a tired person, would write it."""
    title = record.title
    chance = generator.random
    if chance() < 0.3 and any(mark in title[25:] for mark in (": ", ". ", " - ", "? ")):
        at = min(title.find(mark, 25) for mark in (": ", ". ", " - ", "? ") if title.find(mark, 25) > 0)
        title = title[:at]
    if chance() < 0.3:
        title = title.upper() if chance() < 0.3 else title.title()
    if chance() < 0.4:
        title = "".join(c if c.isalnum() or c == " " else " " * int(chance() < 0.5) for c in title)
    for _ in range(int(generator.integers(0, 4))):
        at = int(generator.integers(0, max(1, len(title) - 1)))
        letter = "abcdefghijklmnopqrstuvwxyz"[int(generator.integers(0, 26))]
        title = (
            title[:at] + title[at + 1 :],
            title[:at] + letter + title[at:],
            title[:at] + title[at : at + 2][::-1] + title[at + 2 :],
        )[int(generator.integers(0, 3))]
    authors = record.authors
    if chance() < 0.4:
        authors = authors.split(";")[0]
    if chance() < 0.1:
        authors = ""
    year = record.year
    if year and chance() < 0.2:
        year += int(generator.choice([-1, 1]))
    return replace(
        record,
        record="copy:" + record.record,
        title=title,
        authors=authors,
        year=year,
        abstract=record.abstract if chance() < 0.5 else "",
    )


def find_duplicates(arguments: argparse.Namespace) -> dict:
    """Precision and recall on 600 corrupted copies among the originals (exact original duplicates removed)."""
    result = {}
    for path in arguments.data:
        records, _ = labelled(path)
        keys: set[str] = set()
        unique = [
            r for r in records if r.title and not (title_key(r.title) in keys or keys.add(title_key(r.title)))
        ]
        for seed in range(arguments.seeds):
            generator = np.random.default_rng(seed)
            chosen = generator.choice(len(unique), min(600, len(unique)), replace=False)
            copies = [corrupted(unique[i], generator) for i in chosen]
            start = time.perf_counter()
            pairs = duplicates(unique + copies)
            seconds = time.perf_counter() - start
            top = resolve(
                [{"record": p.record, "same_as": p.same_as, "verdict": p.verdict, "by": p.by} for p in pairs]
            )
            right = sum(name == "copy:" + kept for name, kept in top.items())
            asked = sum(p.verdict == "ask" for p in pairs)
            exact = sum(
                title_key(c.title) == title_key(unique[i].title) for c, i in zip(copies, chosen, strict=True)
            )
            row = {
                "records": len(unique) + len(copies),
                "copies": len(copies),
                "merged": len(top),
                "right": right,
                "precision": round(right / max(1, len(top)), 4),
                "recall": round(right / len(copies), 4),
                "asked": asked,
                "exact title recall": round(exact / len(copies), 3),
                "seconds": round(seconds, 2),
            }
            result[f"{path.stem} {seed}"] = row
            print(path.stem, seed, json.dumps(row), flush=True)
            if arguments.show:
                names = {r.record: r for r in unique + copies}
                for name, kept in top.items():
                    if name != "copy:" + kept:
                        print("  WRONG", names[name].title, "|", names[kept].title)
                for copy in copies:
                    if copy.record not in top:
                        print(
                            "  MISSED",
                            copy.title,
                            "|",
                            names[copy.record[5:]].title,
                            copy.year,
                            copy.authors[:30],
                        )
    return result


def synthetic(count: int, seed: int = 0) -> tuple[list[Record], np.ndarray]:
    """Records of made-up words (1 in 50 relevant, marked by their own words), as long as real ones."""
    generator = np.random.default_rng(seed)
    parts = [
        a + b
        for a in ("ka", "me", "ti", "ro", "su", "lon", "pra", "vex")
        for b in ("ne", "dol", "mi", "ser", "xan", "phe")
    ]
    words = ["".join(generator.choice(parts, int(generator.integers(1, 4)))) for _ in range(30_000)]
    weight = 1.0 / np.arange(1, len(words) + 1)
    weight /= weight.sum()
    labels = (generator.random(count) < 0.02).astype(int)
    records = []
    for number in range(count):
        text = [words[i] for i in generator.choice(len(words), 160, p=weight)]
        if labels[number]:
            text[3::20] = [words[int(i)] for i in generator.integers(500, 560, len(text[3::20]))]
        records.append(
            Record(
                record=f"made:{number}",
                title=" ".join(text[:12]),
                abstract=" ".join(text[12:]),
                authors=f"{words[number % 5000]}, A",
                year=1990 + number % 30,
            )
        )
    return records, labels


def size(arguments: argparse.Namespace) -> dict:
    """Seconds per refit with 50,000 records and 100 to 5,000 verdicts, wall and processor.

    Each refit follows one with a twentieth fewer verdicts, as it does while a person reads; `anew` starts from nothing.
    """
    records, labels = synthetic(arguments.count)
    start = time.process_time()
    ranker = Ranker([r.text for r in records], "question")
    result: dict = {
        "records": len(records),
        "features once, processor s": round(time.process_time() - start, 1),
    }
    for known in (100, 500, 1000, 2000, 5000):
        for name, first in (("anew", known), ("going on", int(known / 1.05))):
            ranker.restart()
            if first < known:
                ranker.score(np.arange(first), labels[:first])
            wall, processor = time.perf_counter(), time.process_time()
            ranker.score(np.arange(known), labels[:known])
            spent = time.perf_counter() - wall, time.process_time() - processor
            result[f"refit {name} with {known} verdicts, s (wall, processor)"] = [round(s, 3) for s in spent]
        print(json.dumps(result), flush=True)
    return result


def update(arguments: argparse.Namespace) -> dict:
    """All but 200 records in a folder, the same again (nothing new), then the 200 with de-duplication; processor seconds."""
    records = [r for path in arguments.data for r in labelled(path)[0]] or synthetic(2200)[0]
    with tempfile.TemporaryDirectory() as folder:
        review = new_review(Path(folder) / "r")
        add_records(review, records[:-200], "first", "file")
        again = add_records(review, records[:-200], "second", "file")
        start = time.process_time()
        new, known = add_records(review, records, "third", "file")
        pairs = duplicates(list(review.records().values()))
        seconds = time.process_time() - start
    return {
        "again: new": again[0],
        "update: new": new,
        "known": known,
        "pairs": len(pairs),
        "seconds": round(seconds, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("saved", "stop", "asreview", "duplicates", "size", "update"))
    parser.add_argument("data", nargs="*", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--count", type=int, default=50_000)
    parser.add_argument("--asreview", default="asreview", help="ASReview's program, for `asreview`")
    parser.add_argument("--show", action="store_true", help="print each wrong or missed duplicate")
    arguments = parser.parse_args()
    steps = {
        "saved": saved,
        "stop": stop,
        "asreview": asreview,
        "duplicates": find_duplicates,
        "size": size,
        "update": update,
    }
    print(json.dumps(steps[arguments.what](arguments), indent=1))


if __name__ == "__main__":
    main()
