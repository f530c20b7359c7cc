"""A protocol as tables: any YAML protocol, read as data, without knowing its vocabulary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

SKIPPED = ("euthymia", "arms", "title")
NAMES = ("name", "n", "control")


def protocol_rows(protocol: Any) -> list[tuple[str, list[str]]]:
    """Every key of the protocol but its arms, with its contents as lines.

    >>> protocol_rows({"euthymia": 1, "seed": 7, "visits": {"madrs": ["baseline", "week 1"]}})
    [('Seed', ['7']), ('Visits', ['madrs: baseline, week 1'])]
    """
    if not isinstance(protocol, Mapping):
        return []
    return [(_title(key), lines(value)) for key, value in protocol.items() if key not in SKIPPED]


def arm_rows(protocol: Any) -> list[tuple[str, str, list[str]]]:
    """Each arm: name, number of patients, treatment and anything else as lines."""
    if not isinstance(protocol, Mapping):
        return []
    arms = protocol.get("arms")
    if isinstance(arms, Mapping):
        arms = [
            {"name": name, **(arm if isinstance(arm, Mapping) else {"": arm})} for name, arm in arms.items()
        ]
    if not isinstance(arms, Sequence) or isinstance(arms, str):
        return []
    return [_arm(arm) for arm in arms if isinstance(arm, Mapping)]


def _arm(arm: Mapping[str, Any]) -> tuple[str, str, list[str]]:
    name = str(arm.get("name", "")) + (" (control)" if arm.get("control") is True else "")
    told: list[str] = []
    for key, value in arm.items():
        if key == "treatment":
            told += lines(value)
        elif key == "steps":
            told += [f"then {line}" for line in lines(value)]
        elif key not in NAMES:
            told.append(f"{key}: {inline(value)}")
    return name, str(arm.get("n", "")), told


def lines(value: Any) -> list[str]:
    """A value as lines to print.

    >>> lines([{"drug": "escitalopram", "dose": "10 mg", "every": "24 h"}])
    ['escitalopram 10 mg, every 24 h']
    """
    if isinstance(value, Mapping):
        return [f"{key}: {inline(part)}" for key, part in value.items()]
    if isinstance(value, Sequence) and not isinstance(value, str):
        short = all(isinstance(part, str) for part in value)
        return [inline(value)] if short else [inline(part) for part in value]
    return [inline(value)]


def inline(value: Any) -> str:
    """A value in one line."""
    if isinstance(value, Mapping):
        parts = dict(value)
        head = " ".join(
            str(parts.pop(k)) for k in ("drug", "intervention", "control", "name", "dose") if k in parts
        )
        tail = [f"{str(key).replace('_', ' ')} {inline(part)}" for key, part in parts.items()]
        return ", ".join(p for p in (head, *tail) if p)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(inline(part) for part in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "–" if value is None else str(value)


def _title(key: Any) -> str:
    text = str(key).replace("_", " ")
    return text[:1].upper() + text[1:]
