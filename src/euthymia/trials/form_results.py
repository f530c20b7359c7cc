"""The results of a trial file, in the stored form: times, counts, intervals, signs, the primary row.

In: a `Form` whose arms are settled.  Out: nothing; the form's results are changed in place, with problems and notes.
"""

from __future__ import annotations

import re
from typing import Any

from euthymia.evidence.read import Path_
from euthymia.trials import words
from euthymia.trials.form import KEYS, Form

NUMBERS = ("n", "baseline", "score", "change", "sd", "se", "response", "remission", "dropout", "difference",
           "difference_se", "p", "smd", "responders", "remitters", "dropped")  # fmt: skip
COUNTS = {"responders": "response", "remitters": "remission", "dropped": "dropout"}
SHARES = ("response", "remission", "dropout")
Z95 = 1.959963984540054
WORSE = 3.0  # points of mean worsening in every arm above which a change was surely printed as an improvement
ROUNDED = 0.05  # patients by which a printed percentage may miss a whole number of them
DAYS_A_WEEK, HOURS_A_DAY, PERCENT = 7, 24, 100


def results(form: Form) -> None:
    """Bring every result into the stored form."""
    data = form.data
    for place in ("results", "arms"):
        _texts(data.get(place))
    rows = data.get("results")
    if rows is None:
        data["results"] = rows = []
    if not isinstance(rows, list):
        return
    scale = data.pop("scale", None)
    day = words.days(data.pop("day")) if "day" in data else None
    arms = data["arms"] if isinstance(data.get("arms"), list) else []
    sizes = {a.get("name"): a.get("n") for a in arms if isinstance(a, dict)}
    alone = _by_treatment(arms)
    entry = _entry(data, arms)
    for i, r in enumerate(rows):
        if not isinstance(r, dict):
            continue
        path: Path_ = ("results", i)
        form.rename(path, r, KEYS[("results",)])
        if (first := entry.get(r.get("arm"), entry.get(None))) is not None:
            r.setdefault("baseline", first)
        if isinstance(r.get("arm"), int | float):
            r["arm"] = str(r["arm"])
        for key in ("arm", "against"):
            if r.get(key) not in sizes and r.get(key) in alone:
                r[key] = alone[r[key]]
        if scale is not None:
            r.setdefault("scale", scale)
        _time(form, path, r)
        for key in SHARES:  # `62/118` says what it is before it becomes a number
            told = isinstance(r.get(key), str) and words.choose({"na": words.MET["na"]}, r[key]) is None
            if told and words.number(r[key]) is None:
                form.problem((*path, key), f"'{r[key]}' is no percentage such as 52, '52 %' or '62/118'")
                r.pop(key)
        _bound(form, path, r)
        form.numbers(r, NUMBERS)
        if isinstance(r.get("score"), int | float) and r["score"] < 0 and "change" not in r:
            form.note((*path, "score"), f"a mean of {r['score']} is below every scale; read as a change")
            r["change"] = r.pop("score")
        _counts(form, path, r, sizes)
        _interval(form, path, r)
        if isinstance(r.get("primary"), str | int) and not isinstance(r.get("primary"), bool):
            r["primary"] = words.choose(words.MET, r["primary"]) == "yes"
        if "significant" in r:
            r["significant"] = words.choose(words.MET, r["significant"]) or r["significant"]
        if (
            "change" not in r
            and words.number(r.get("score")) is not None
            and words.number(r.get("baseline")) is not None
        ):
            r["change"] = round(r["score"] - r["baseline"], 6)
    _primary(form, rows, day)
    _signs(form, rows)


def _entry(data: dict[str, Any], arms: list[Any]) -> dict[Any, Any]:
    """Mean totals at entry that stand with the population (key None) or an arm instead of a result."""
    people = data.get("population")
    found = {a.get("name"): a.pop("baseline") for a in arms if isinstance(a, dict) and "baseline" in a}
    if isinstance(people, dict) and "baseline" in people:
        found[None] = people.pop("baseline")
    return found


def _bound(form: Form, path: Path_, r: dict[str, Any]) -> None:
    """A p value printed as a bound, `<0.001`, is read as the bound."""
    told = re.fullmatch(r"p?\s*(?:<|<=|\u2264|=)\s*([0-9.]+)", str(r.get("p", "")).strip(), re.IGNORECASE)
    if told and (value := words.number(told[1])) is not None:
        if "=" not in str(r["p"]):
            form.note((*path, "p"), f"'{r['p']}' is read as {value}")
        r["p"] = value


def _by_treatment(arms: list[Any]) -> dict[str, str]:
    """Names of arms by their treatment, where one arm alone has it."""
    found: dict[str, list[str]] = {}
    for a in arms:
        if isinstance(a, dict) and isinstance(a.get("treatment"), str):
            found.setdefault(a["treatment"], []).append(str(a.get("name")))
    return {t: names[0] for t, names in found.items() if len(names) == 1}


def _texts(rows: Any) -> None:
    """Names that are lists or blocks become text, which the schema then judges."""
    for r in rows if isinstance(rows, list) else ():
        if isinstance(r, dict):
            for key in ("arm", "name", "scale", "against"):
                if isinstance(r.get(key), list | dict):
                    r[key] = str(r[key])


def _time(form: Form, path: Path_, r: dict[str, Any]) -> None:
    for key, factor in (("week", float(DAYS_A_WEEK)), ("hour", 1 / HOURS_A_DAY)):
        if key in r:
            value = words.number(r[key])
            if value is None:
                form.problem((*path, key), f"'{r[key]}' is no number")
            elif "day" not in r:
                form.places[(*path, "day")] = form.places.get((*path, key), form.places.get(path, (0, 0)))
                at = value * factor
                r["day"] = int(at) if float(at).is_integer() else at
            r.pop(key)
    if "day" in r:
        found = words.days(r["day"])
        if found is None:
            form.problem((*path, "day"), f"'{r['day']}' is no time such as 42, '6 weeks' or '24 h'")
            r.pop("day")
        else:
            r["day"] = found


def _counts(form: Form, path: Path_, r: dict[str, Any], sizes: dict[Any, Any]) -> None:
    n = r.get("n", sizes.get(r.get("arm")))
    for count, share in COUNTS.items():
        if count not in r:
            continue
        value = r.pop(count)
        if not isinstance(n, int | float) or not n:
            form.problem((*path, count), f"{value} {count} of how many? add 'n'")
        elif not isinstance(value, int | float) or not 0 <= value <= n:
            form.problem((*path, count), f"{value} {count} of {n} patients cannot be; check both")
        else:
            r.setdefault(share, PERCENT * value / n)
    for share in SHARES:
        value = r.get(share)
        if not isinstance(value, int | float) or not isinstance(n, int | float):
            continue
        patients = value * n / PERCENT  # a true percentage stands for whole patients
        if 0 < value < 1 and (round(patients) < 1 or abs(patients - round(patients)) > ROUNDED):
            form.note((*path, share), f"{value} is read as a share, {PERCENT * value:g} %")
            r[share] = PERCENT * value


def _interval(form: Form, path: Path_, r: dict[str, Any]) -> None:
    """Standard error of the difference from its interval or its p value."""
    if "ci" in r:
        found = words.pair(r["ci"])
        if found is None:
            form.problem((*path, "ci"), f"{r['ci']!r} is no interval such as [-5.1, -0.3]")
            r.pop("ci")
        else:
            r["ci"] = list(found)
            if found[1] > found[0]:
                r.setdefault("difference_se", round((found[1] - found[0]) / (2 * Z95), 6))
            value = r.get("difference")
            if isinstance(value, int | float) and not found[0] <= value <= found[1]:
                if found[0] <= -value <= found[1]:
                    form.note((*path, "difference"), f"{value} lies outside its interval {list(found)}, "
                              f"{-value} inside; read as {-value}")  # fmt: skip
                    r["difference"] = -value
                else:
                    form.problem((*path, "difference"), f"{value} lies outside its interval {list(found)}")
            r.setdefault("difference", round(sum(found) / 2, 6))
    p, value = r.get("p"), r.get("difference")
    if (
        isinstance(p, int | float)
        and 0 < p < 1
        and isinstance(value, int | float)
        and value
        and "difference_se" not in r
    ):
        from scipy.stats import norm

        r["difference_se"] = round(abs(value) / float(norm.isf(p / 2)), 6)


def _primary(form: Form, results: list[Any], day: float | int | None) -> None:
    rows = [r for r in results if isinstance(r, dict)]
    if not rows or any("primary" in r for r in rows):
        return
    scales = [r.get("scale") for r in rows]
    first = scales[0]
    times = [r["day"] for r in rows if r.get("scale") == first and isinstance(r.get("day"), int | float)]
    at = day if day is not None else max(times, default=None)
    for r in rows:
        r["primary"] = r.get("scale") == first and (at is None or r.get("day", at) == at)
    if any(r["primary"] for r in rows) and len({(r.get("scale"), r.get("day")) for r in rows}) > 1:
        form.note(("results",), f"no row is marked 'primary: true'; {first} at day {at} is taken as primary")


def _signs(form: Form, results: list[Any]) -> None:
    """Improvements printed as positive numbers, where no other reading is possible."""
    rows = [r for r in results if isinstance(r, dict)]
    changes = [
        (i, r)
        for i, r in enumerate(results)
        if isinstance(r, dict) and isinstance(r.get("change"), int | float)
    ]
    if len(changes) > 1 and all(r["change"] > WORSE for _, r in changes):
        form.note(("results", changes[0][0], "change"), "every change is above 0; they are read as improvements, "
                  "which this format writes as negative")  # fmt: skip
        for _, r in changes:
            r["change"] = -r["change"]
    arms = form.data.get("arms")
    roles = (
        {a.get("name"): a.get("role") for a in arms if isinstance(a, dict)} if isinstance(arms, list) else {}
    )
    control = {
        (r.get("scale"), r.get("day")): r["change"]
        for _, r in changes
        if roles.get(r.get("arm")) == "control"
    }
    for r in rows:
        value, other = r.get("difference"), control.get((r.get("scale"), r.get("day")))
        if not isinstance(value, int | float) or not value or roles.get(r.get("arm")) == "control":
            continue
        i = next(k for k, x in enumerate(results) if x is r)
        if isinstance(r.get("change"), int | float) and other is not None:
            raw = r["change"] - other
            if raw * value < 0 and abs(raw + value) < max(0.5 * abs(value), 1.0) < abs(raw - value):
                form.note(("results", i, "difference"), f"{value} is read as {-value}: the changes {r['change']:g} and "
                          f"{other:g} differ by {raw:.3g}, and negative favours the arm")  # fmt: skip
                r["difference"] = -value
                if "ci" in r and not r["ci"][0] <= -value <= r["ci"][1]:
                    r["ci"] = [-r["ci"][1], -r["ci"][0]]


def outcome(form: Form) -> None:
    """Whether the trial met its endpoint: as stated, else from what the primary rows say."""
    data = form.data
    form.word(("primary_met",), data, "primary_met", words.MET)
    if data.get("primary_met") is None:
        rows = [r for r in data["results"] if isinstance(r, dict) and r.get("primary")] if isinstance(
            data.get("results"), list) else []  # fmt: skip
        said = [s for s in map(_significant, rows) if s is not None]
        data["primary_met"] = ("yes" if any(said) else "no") if said else "na"
        if said:
            form.note(
                ("results",),
                f"'primary_met' is missing; read as '{data['primary_met']}' from the primary rows",
            )


def _significant(r: dict[str, Any]) -> bool | None:
    value = r.get("difference")
    favours = not isinstance(value, int | float) or value < 0
    if r.get("significant") in ("yes", "no"):
        return r["significant"] == "yes" and favours
    if isinstance(r.get("p"), int | float):
        return bool(r["p"] < 0.05 and favours)
    if isinstance(r.get("ci"), list):
        return bool(r["ci"][1] < 0)
    return None
