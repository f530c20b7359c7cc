"""A trial file as people write it, to the form of `trial.schema.json`.

In: the document as read.  Out: a document in the stored form with the same lines and columns, what could not be
understood (problems), and what was understood in another way than written (notes).  Keys may be spelt in other usual
ways, words and numbers as papers print them; where two readings are possible nothing is changed.
"""

from __future__ import annotations

import copy
import re
from typing import Any

from euthymia.errors import Problem
from euthymia.evidence.read import Document, Path_, schema
from euthymia.trials import words
from euthymia.trials.dose_words import doses_in
from euthymia.trials.form import KEYS, Form
from euthymia.trials.form_results import outcome, results
from euthymia.trials.treatments import find_treatment, find_treatments


def stored_form(document: Document, stem: str = "") -> tuple[Document, list[Problem], list[Problem]]:
    """The document in the form of the schema, the problems and the notes.

    Parameters
    ----------
    stem : str
        Name of the trial where the file gives none.
    """
    if not isinstance(document.data, dict):
        return document, [document.problem((), "should be a block of keys such as 'trial:' and 'arms:'")], []
    form = Form(document, copy.deepcopy(document.data), dict(document.places))
    form.rename((), form.data, KEYS[()])
    _inward(form)
    _head(form, stem)
    _described(form)
    _arms(form)
    results(form)
    outcome(form)
    _unknown(form)
    return Document(form.data, document.name, form.places), form.problems, form.notes


def _unknown(form: Form) -> None:
    """Keys beside those of the schema are left out with a note."""
    known = schema("trial")["properties"]
    form.drop_unknown((), form.data, known)
    for key in ("population", "design"):
        if isinstance(form.data.get(key), dict):
            form.drop_unknown((key,), form.data[key], known[key]["properties"])
    for key in ("arms", "results"):
        for i, record in enumerate(form.data[key] if isinstance(form.data.get(key), list) else ()):
            if isinstance(record, dict):
                form.drop_unknown((key, i), record, known[key]["items"]["properties"])


def _inward(form: Form) -> None:
    """Keys of population and design that stand at the top go where they belong; `weeks: 8` is a duration."""
    known = schema("trial")["properties"]
    design = form.data.get("design")
    _in_weeks(form, (), form.data)
    _in_weeks(form, ("design",), design if isinstance(design, dict) else {})
    for block in ("design", "population"):
        inside = form.data.get(block, {})
        for key in [k for k in form.data if k in known[block]["properties"] and k not in known]:
            if isinstance(inside, dict) and key not in inside:
                inside[key] = form.data.pop(key)
                form.data[block] = inside
                form.places[(block, key)] = form.places.get((key,), (0, 0))


def _in_weeks(form: Form, path: Path_, record: dict[str, Any]) -> None:
    for key in ("weeks", "duration_weeks"):
        if key in record and "duration" not in record and words.number(record[key]) is not None:
            record["duration"] = f"{record.pop(key)} weeks"
            form.places[(*path, "duration")] = form.places.get((*path, key), (0, 0))


def _head(form: Form, stem: str) -> None:
    data = form.data
    name = str(data.get("trial") or stem or "trial")
    plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    data["trial"] = plain if plain[:1].isalpha() else f"t_{plain}"
    data.setdefault("title", str(data.get("source") or data["trial"]))
    data.setdefault("use", "validation")
    form.word(("use",), data, "use", words.USE)
    if isinstance(data.get("year"), str) and re.fullmatch(r"\d{4}", data["year"].strip()):
        data["year"] = int(data["year"])
    if data.get("year") is None:
        told = [
            y for text in (name, str(data["title"])) for y in re.findall(r"(?<!\d)(?:19|20)\d\d(?!\d)", text)
        ]
        if told:
            data["year"] = int(told[0])
            form.note((), f"'year' is missing; {told[0]} is taken from the name or title")
    _evidence(form)
    background = data.get("background")
    if isinstance(background, list):
        data["background"] = " + ".join(map(str, background))
    elif background is None:
        data["background"] = "none"
    elif not isinstance(background, dict):
        data["background"] = str(background)


def _evidence(form: Form) -> None:
    """Text becomes the source; what a list leaves out about each source is filled in."""
    data = form.data
    found = data.get("evidence")
    if isinstance(found, str | int | float) or found is None or found == []:
        data.pop("evidence", None)
        if found:
            data.setdefault("source", str(found))
        return
    rows = [found] if isinstance(found, dict) else found
    if isinstance(rows, list) and all(isinstance(r, dict) for r in rows):
        data["evidence"] = rows
        for r in rows:
            r.setdefault("basis", "measured")
            if r["basis"] not in ("assumed", "fitted", "derived"):
                r.setdefault("cite", data["trial"])


def _described(form: Form) -> None:
    """Population and design: blocks, or a line of text that is read for the usual words."""
    from euthymia.trials.table import _design, _population

    data = form.data
    people = data.get("population", "not described")
    if isinstance(people, str):
        data["population"] = _population(people, str(data.get("background", "")))
    elif isinstance(people, dict):
        form.rename(("population",), people, KEYS[("population",)])
        told = _population(str(people.get("described", "")), str(data.get("background", "")))
        people.setdefault("described", told["described"])
        if "region" in people:
            told_region = words.region(people["region"])
            if told_region is None:
                form.note(("population", "region"), f"'{people['region']}' is no region known here "
                          f"({', '.join(words.REGIONS)}); it is left out")  # fmt: skip
                del people["region"]
            else:
                people["region"] = told_region
        for key, known in (("history", words.HISTORY), ("setting", words.SETTINGS)):
            form.word(("population", key), people, key, known)
            people.setdefault(key, told[key])
        form.numbers(people, ("age", "female", "threshold", "failed"))
    design = data.get("design", "")
    if isinstance(design, str):
        data["design"] = _design(design)
    elif isinstance(design, dict):
        form.rename(("design",), design, KEYS[("design",)])
        told = _design(str(design.get("described", "")))
        for key, known in (("layout", words.LAYOUT), ("blinding", words.BLINDING)):
            form.word(("design", key), design, key, known)
            design.setdefault(key, told[key])
        design.setdefault("run_in", told["run_in"])
        if isinstance(design["run_in"], str):
            design["run_in"] = words.choose(words.MET, design["run_in"]) == "yes"
        if "duration" in design:
            length = words.days(design["duration"])
            if length is None:
                form.problem(("design", "duration"), f"'{design['duration']}' is no time such as '8 weeks'")
            else:
                design["duration"] = length


def _arms(form: Form) -> None:
    arms = form.data.get("arms")
    if isinstance(arms, dict):
        form.data["arms"] = arms = [
            {"name": k, **(v if isinstance(v, dict) else {"treatment": v})} for k, v in arms.items()
        ]
    if not isinstance(arms, list):
        return
    nested: list[dict[str, Any]] = []
    for i, arm in enumerate(arms):
        if not isinstance(arm, dict):
            continue
        path: Path_ = ("arms", i)
        form.rename(path, arm, KEYS[("arms",)])
        for found in arm.pop("results", None) or []:
            if isinstance(found, dict):
                nested.append({"arm": arm.get("name", ""), **found})
        treatment = arm.get("treatment")
        if isinstance(treatment, list):
            _combined(arm, treatment)
        for key in ("name", "treatment", "dose", "route", "schedule", "mechanism", "class"):
            if key in arm and not isinstance(arm[key], str):
                if arm[key] is None:
                    arm.pop(key)
                elif isinstance(arm[key], list):
                    arm[key] = ", ".join(map(str, arm[key]))
                elif isinstance(arm[key], dict):
                    arm[key] = ", ".join(f"{k} {v}" for k, v in arm[key].items())
                else:
                    arm[key] = f"{arm[key]:g}" if isinstance(arm[key], float) else str(arm[key])
        if isinstance(arm.get("schedule"), str):
            arm["schedule"] = words.schedule(arm["schedule"])
        if "name" not in arm and "treatment" in arm:
            arm["name"] = " ".join(str(arm[k]) for k in ("treatment", "dose") if k in arm)
        if "treatment" not in arm and "name" in arm:
            arm["treatment"] = arm["name"]
        form.numbers(arm, ("n",))
        _dosed(form, path, arm)
        _role(arm)
        _named(form, path, arm)
    if nested:
        form.data["results"] = [*(form.data.get("results") or []), *nested]


def _dosed(form: Form, path: Path_, arm: dict[str, Any]) -> None:
    """A dose that stands in the treatment's words becomes the arm's dose; what looks like one and is none is named."""
    text = arm.get("treatment")
    if not isinstance(text, str) or str(arm.get("dose") or "").strip():
        return
    clean, dose, unread = doses_in(text)
    if dose and clean:
        arm["treatment"], arm["dose"] = clean, dose
        form.note((*path, "treatment"), f"'{dose.strip(' +')}' is taken from '{text}' as its dose")
    first = next((n for _, n in find_treatments(clean) if n), None)
    if first is None or first.kind in ("drug", "combination"):
        for words_ in unread:
            form.note(
                (*path, "treatment"),
                f"'{words_}' in '{text}' is not read as a dose; write it as 'dose: 50 mg'",
            )


def _combined(arm: dict[str, Any], parts: list[Any]) -> None:
    """Several treatments of one arm, each a name or a block, as one line; dose, route, schedule of the first."""
    blocks = [p if isinstance(p, dict) else {"drug": str(p)} for p in parts]
    names = [
        str(b.get("drug") or b.get("treatment") or b.get("intervention") or b.get("name")) for b in blocks
    ]
    arm["treatment"] = " + ".join(names)
    if not blocks:
        return
    for key in ("dose", "route", "schedule"):
        if key in blocks[0]:
            arm.setdefault(key, blocks[0][key])


def _role(arm: dict[str, Any]) -> None:
    role = words.choose(words.ROLES, arm["role"]) if "role" in arm else None
    if role is None and "role" not in arm:
        named = find_treatment(str(arm.get("treatment", "")))
        first = [n for _, n in find_treatments(str(arm.get("treatment", ""))) if n]
        control = (
            bool(first)
            and all(n.kind == "control" for n in first[:1])
            and (named or first[0]).kind == "control"
        )
        role = "control" if control else "active"
    if role:
        arm["role"] = role


def _named(form: Form, path: Path_, arm: dict[str, Any]) -> None:
    """Class and mechanism where left out; what the library lacks is said."""
    if arm.get("role") == "control" or not isinstance(arm.get("treatment"), str):
        return
    from euthymia.trials.treatments import classes, mechanisms, suggestion

    first = next((n for _, n in find_treatments(arm["treatment"]) if n and n.kind != "control"), None)
    if first and first.group:
        arm.setdefault("mechanism", first.mechanism)
        arm.setdefault("class", mechanisms().get(arm["mechanism"], first.group))
    if "mechanism" in arm and "class" not in arm:
        arm["class"] = mechanisms().get(arm["mechanism"], arm["mechanism"])
    name = arm["treatment"]
    if first is None or not first.library:
        hint = "" if first else suggestion(name)
        if "class" in arm:
            form.note((*path, "treatment"), f"'{name}' is not in the library{hint}; it is predicted from its class "
                      f"'{arm['class']}' without kinetics; a compound file would add them")  # fmt: skip
        else:
            form.note((*path, "treatment"), f"'{name}' is not in the library{hint} and no class is given; it is "
                      f"predicted as a new mechanism; add 'class:', one of {', '.join(classes())}")  # fmt: skip
