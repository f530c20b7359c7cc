"""results.json, table.md and plot.png from measured rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

RIVAL = "libroadrunner"


def summary(rows: list[dict[str, Any]]) -> list[str]:
    """Median and least ratio for each target: against libRoadRunner, and against the fastest other tool."""
    lines = []
    for target in sorted({r["target"] for r in rows}):
        timed = [
            r for r in rows if r["target"] == target and r["rtol"] is not None and r["tool"] != "euthymia"
        ]
        timed = [r for r in timed if r["short"] != "pk"]
        first = {r["model"]: r["ours_faster_by"] for r in timed if r["tool"] == RIVAL}
        other: dict[str, float] = {}
        for r in timed:
            if r["tool"] != RIVAL:
                other[r["model"]] = min(other.get(r["model"], np.inf), r["ours_faster_by"])
        for name, found in ((f"against {RIVAL}", first), ("against the fastest other tool", other)):
            if found:
                least = min(found, key=lambda k: found[k])
                middle = float(np.median(list(found.values())))
                lines.append(
                    f"- max error <= {target:g}, {name}: median {middle:.3g} over {len(found)} models, "
                    f"least {found[least]:.3g} ({least})"
                )
    return lines


def table(rows: list[dict[str, Any]]) -> str:
    """The rows in Markdown."""
    lines = [
        "| model | max error <= | tool | rtol | atol share | reached | patients | patients/s (range) | "
        "ours faster by (range) |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for r in rows:
        if r["rtol"] is None:
            lines.append(f"| {r['model']} | {r['target']:g} | {r['tool']} | not reached | | | | | |")
            continue
        low, high = r["ours_faster_by_range"]
        cells = (
            r["model"], f"{r['target']:g}", r["tool"], f"{r['rtol']:.2g}", f"{r['atol_share']:g}",
            f"{r['max_error']:.1e}", str(r["patients"]),
            f"{r['patients_per_second']:.3g} ({min(r['runs']):.3g}-{max(r['runs']):.3g})",
            f"{r['ours_faster_by']:.3g} ({low:.3g}-{high:.3g})",
        )  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def scaling_lines(found: dict[str, Any]) -> list[str]:
    return [f"- {name}: {json.dumps(value)}" for name, value in found.items()]


def plot(rows: list[dict[str, Any]], path: Path) -> None:
    """Ratios as bars; skipped where matplotlib is not installed."""
    try:
        import matplotlib

        matplotlib.use("Agg")
        import matplotlib.pyplot as plt
    except ImportError:
        return
    timed = [r for r in rows if r["rtol"] is not None and r["tool"] == RIVAL]
    models = list(dict.fromkeys(r["model"] for r in timed))
    if not models:
        return
    figure, axis = plt.subplots(figsize=(9, 0.6 * len(models) + 1.5))
    for k, (target, colour) in enumerate(((1e-6, "#0072B2"), (1e-4, "#E69F00"))):
        some = [r for r in timed if r["target"] == target]
        where = [models.index(r["model"]) + 0.38 * k for r in some]
        values = [r["ours_faster_by"] for r in some]
        gaps = np.array([[v - r["ours_faster_by_range"][0], r["ours_faster_by_range"][1] - v]
                         for v, r in zip(values, some, strict=True)]).T  # fmt: skip
        axis.barh(
            where, values, 0.36, color=colour, xerr=np.maximum(gaps, 0), label=f"max error <= {target:g}"
        )
    axis.set_yticks(np.arange(len(models)) + 0.19, models)
    axis.invert_yaxis()
    axis.set_xlabel("times libRoadRunner, patients per second and core at equal error")
    axis.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, frameon=False)
    figure.tight_layout()
    figure.savefig(path, dpi=130)
    plt.close(figure)


def write(results: dict[str, Any], file: Path, folder: Path) -> None:
    """Write everything; the quick run keeps to files of its own."""
    rows = results["rows"]
    results["summary"] = summary(rows)
    file.write_text(json.dumps(results, indent=1) + "\n")
    m = results["machine"]
    head = f"{m['cpu']} ({m['llvm_cpu']}), CPU time of one core, Python {m['python']}."
    extra = "-quick" if results["quick"] else ""
    text = "\n".join(
        [head, "", *results["summary"], "", table(rows), "", *scaling_lines(results.get("scaling", {}))]
    )
    (folder / f"table{extra}.md").write_text(text.rstrip() + "\n")
    plot(rows, folder / f"plot{extra}.png")
    print("\n".join(results["summary"]), flush=True)
