"""What is wrong with a trial in the stored form: names that do not resolve, numbers that cannot be, contradictions.

In: a document that fits `trial.schema.json`.  Out: problems, for which the trial is left out, and notes, with which it is
scored all the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from euthymia.errors import InputError, Problem, nearest
from euthymia.evidence.read import Document, Path_
from euthymia.outcomes.scales import canonical, scale, scale_names
from euthymia.trials.treatments import find_treatments
from euthymia.trials.words import schedule_days

UNSCALED = ("relapse",)
FEWEST = 2
SLACK_DAYS = 14  # a last visit may lie this long before the end of treatment
FAR = 3.0  # points between a printed difference and the difference of the printed changes
MUCH = 0.6  # and as a share of either
ABOVE = 15  # per cent points of remission above response that no definition explains


def faults(document: Document) -> Iterator[Problem]:
    """Everything for which a trial cannot be scored."""
    data = document.data
    names = [a["name"] for a in data["arms"]]
    yield from _arms(document, names)
    seen: dict[tuple[Any, ...], int] = {}
    for i, r in enumerate(data["results"]):
        at: Path_ = ("results", i)
        for key in ("arm", "against"):
            if key in r and r[key] not in names:
                hint = nearest(r[key], names) or f"; arms: {', '.join(names)}"
                yield document.problem((*at, key), f"no arm '{r[key]}'{hint}")
        place = (r["arm"], canonical(r["scale"]), r.get("day"), r.get("against"))
        if place in seen and r.get("change") != data["results"][seen[place]].get("change"):
            yield document.problem(
                at, f"a second result of '{r['arm']}' on {r['scale']} at the same time; keep one"
            )
        seen[place] = i
        yield from _numbers(document, at, r)
        yield from _scale(document, at, r)


def _arms(document: Document, names: list[str]) -> Iterator[Problem]:
    arms = document.data["arms"]
    roles = {a["role"] for a in arms}
    for i, arm in enumerate(arms):
        if names.index(arm["name"]) != i:
            yield document.problem(("arms", i, "name"), f"arm '{arm['name']}' is defined twice; rename one")
        if arm.get("n", FEWEST) < FEWEST:
            yield document.problem(
                ("arms", i, "n"), f"{arm['n']} patients are no arm; give at least {FEWEST}"
            )
        named = [n for _, n in find_treatments(arm["treatment"])]
        idle = all(n is not None and n.kind == "control" and n.name != "midazolam" for n in named)
        if arm["role"] == "active" and idle:
            message = f"'{arm['treatment']}' is no active treatment; give 'role: control' or name what the arm received"
            yield document.problem(("arms", i, "treatment"), message)
        if arm.get("dose", "").strip().startswith("-"):
            yield document.problem(
                ("arms", i, "dose"), f"'{arm['dose']}' is no dose; leave it out if not known"
            )
    if "active" not in roles or roles == {"active"}:
        yield document.problem(
            ("arms",), "needs an active arm and a control or comparator arm; give 'role' to each"
        )
    length = document.data["design"].get("duration")
    for i, arm in enumerate(arms):
        lasts = schedule_days(arm.get("schedule", ""))
        if lasts is not None and length is not None and lasts > length + SLACK_DAYS:
            message = f"'{arm['schedule']}' lasts {lasts:g} days, the trial {length:g}; mend the schedule or 'design.duration'"
            yield document.problem(("arms", i, "schedule"), message)


def _numbers(document: Document, at: Path_, r: dict[str, Any]) -> Iterator[Problem]:
    for key in ("response", "remission", "dropout"):
        if not 0 <= r.get(key, 0) <= 100:
            yield document.problem(
                (*at, key), f"{r[key]} is not a percentage between 0 and 100; check the count and n"
            )
    if r.get("remission", 0) > r.get("response", 100) + ABOVE:
        yield document.problem(
            (*at, "remission"),
            f"remission {r['remission']} % far above response {r['response']} %: check both",
        )
    for key in ("sd", "se", "difference_se"):
        if r.get(key, 1) <= 0:
            yield document.problem((*at, key), f"{r[key]} cannot be; leave it out if not reported")
    if not 0 <= r.get("p", 0.5) <= 1:
        yield document.problem((*at, "p"), f"{r['p']} is no p value between 0 and 1")
    if r.get("day", 0) < 0:
        yield document.problem((*at, "day"), f"day {r['day']} is before randomisation")
    if r.get("n", FEWEST) < 1:
        yield document.problem((*at, "n"), f"{r['n']} patients; leave the row out if nobody was rated")
    if "score" in r and "baseline" in r and "change" in r:
        gap = r["score"] - r["baseline"] - r["change"]
        if abs(gap) > FAR:
            message = f"change {r['change']} contradicts baseline {r['baseline']} and score {r['score']}; keep two of them"
            yield document.problem((*at, "change"), message)


def _scale(document: Document, at: Path_, r: dict[str, Any]) -> Iterator[Problem]:
    if r["scale"] in UNSCALED:
        return
    try:
        top = scale(r["scale"]).maximum
    except InputError as error:
        if nearest(canonical(r["scale"]), scale_names()):  # surely a slip of the pen
            yield document.problem((*at, "scale"), str(error))
        return
    for key in ("baseline", "score", "change", "difference"):
        if abs(r.get(key, 0)) > top:
            yield document.problem(
                (*at, key), f"{r[key]} is beyond the range of {r['scale']} (0 to {top:g}); check the scale"
            )
    if "baseline" in r and r.get("change", 0) < -r["baseline"]:
        yield document.problem((*at, "change"), f"a fall of {-r['change']} from a mean of {r['baseline']}")


def remarks(document: Document) -> Iterator[Problem]:
    """What a reader should know although the trial is scored."""
    data = document.data
    rows = data["results"]
    latest = max((r["day"] for r in rows if "day" in r), default=None)
    for i, arm in enumerate(data["arms"]):
        lasts = schedule_days(arm.get("schedule", ""))
        if (
            lasts
            and latest is not None
            and "duration" not in data["design"]
            and lasts > latest + SLACK_DAYS
            and data["design"]["layout"] not in ("spcd", "crossover")
        ):
            yield document.problem(
                ("arms", i, "schedule"),
                f"'{arm['schedule']}' lasts {lasts:g} days, the last result is at day {latest:g}; "
                "give 'design.duration' or mend one",
            )
    sizes = {a["name"]: a.get("n") for a in data["arms"]}
    roles = {a["name"]: a["role"] for a in data["arms"]}
    control = next((a["name"] for a in data["arms"] if a["role"] == "control"), "")
    for i, r in enumerate(rows):
        most = sizes.get(r["arm"])
        if most and r.get("n", 0) > most:
            yield document.problem(
                ("results", i, "n"),
                f"{r['n']} patients rated, but the arm has {most}; the arm's n is those randomised",
            )
        yield from _unlinked(document, ("results", i), r)
        against = r.get("against", control)
        other = next(
            (x for x in rows if x["arm"] == against and _place(x) == _place(r) and "change" in x), None
        )
        if roles.get(r["arm"]) != "control" and other and "change" in r and "difference" in r:
            raw = r["change"] - other["change"]
            gap = abs(raw - r["difference"])
            if gap > FAR and gap > MUCH * max(abs(raw), abs(r["difference"])):
                message = (
                    f"difference {r['difference']}, but the changes differ by {raw:.3g}; "
                    "the difference is used; check which is right"
                )
                yield document.problem(("results", i, "difference"), message)


def _place(r: dict[str, Any]) -> tuple[Any, ...]:
    return canonical(r["scale"]), r.get("day")


def _unlinked(document: Document, at: Path_, r: dict[str, Any]) -> Iterator[Problem]:
    if r["scale"] in UNSCALED or canonical(r["scale"]) in scale_names():
        return
    if nearest(canonical(r["scale"]), scale_names()) or not {"change", "difference"} & set(r):
        return
    if "sd" in r:
        message = f"'{r['scale']}' has no link to severity; compared by its standard deviation {r['sd']}"
    else:
        message = (
            f"'{r['scale']}' has no link to severity; its size is left out, response and success are scored; "
            f"add 'sd' of the change or 'smd', or give the result on one of {', '.join(scale_names())}"
        )
    yield document.problem((*at, "scale"), message)
