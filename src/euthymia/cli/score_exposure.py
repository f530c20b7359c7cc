"""`euthymia score-exposure TABLE.csv`: the model against observed exposures, by class, beside a naive baseline."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from euthymia.cli._drugs import plain
from euthymia.compounds.observations import read_observations
from euthymia.compounds.score import score, summarise

NAME = "score-exposure"
HELP = "score the model against a table of observed exposures, with the naive superposition beside it"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("table", metavar="TABLE.csv", help="columns as in docs/pharmacology.md")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rows", action="store_true", help="also print every row")


def run(arguments: argparse.Namespace) -> int:
    observations, bad = read_observations(arguments.table)
    rows, unusable = score(observations)
    unusable = bad + unusable
    classes = summarise(rows)
    if arguments.json:
        result = {
            "classes": classes,
            "rows": [
                {**{k: v for k, v in asdict(r).items() if k != "group"}, "class": r.group} for r in rows
            ],
            "unusable": [{"id": i, "reason": reason} for i, reason in unusable],
        }
        print(json.dumps(plain(result), indent=1))
        return 0
    if arguments.rows:
        print(f"{'id':<44}{'class':<12}{'observed':>10}{'model':>10}{'naive':>10}  unit")
        for row in rows:
            numbers = f"{row.observed:>10.4g}{row.predicted:>10.4g}{row.naive:>10.4g}"
            print(f"{row.id[:43]:<44}{row.group:<12}{numbers}  {row.unit}")
        print()
    print(f"{'class':<12}{'n':>4}{'AAFE':>7}{'AFE':>7}{'<=1.25':>8}{'<=1.5':>8}{'<=2':>7}{'naive AAFE':>12}")
    for name, found in classes.items():
        if name == "occupancy":
            continue
        print(
            f"{name:<12}{found['n']:>4}{found['aafe']:>7.2f}{found['afe']:>7.2f}{found['within_1_25']:>8.0%}"
            f"{found['within_1_5']:>8.0%}{found['within_2']:>7.0%}{found['naive_aafe']:>12.2f}"
        )
    if "spread" in classes:
        found = classes["spread"]
        print(
            f"spread      {found['n']:>4}  {found['within_0_75_1_33']:.0%} within 0.75 to 1.33 of the observed "
            f"coefficient of variation ({found['attainable']:.0%} if only the sampling of the studies erred)"
        )
    if "occupancy" in classes:
        found = classes["occupancy"]
        print(
            f"occupancy   {found['n']:>4}  mean error {found['mae_points']:.1f} points, "
            f"{found['within_10_points']:.0%} within 10; {found['coverage_80']:.0%} inside the 80 % interval; "
            f"naive {found['naive_mae_points']:.1f} points"
        )
    if unusable:
        print(f"\n{len(unusable)} unusable:")
        for name, reason in unusable:
            print(f"  {name}: {reason}")
    return 0
