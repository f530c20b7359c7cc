"""The claims ledger: every numbered claim of the review, its home in the platform, and whether the home exists.

In: `library/claims.csv`.  A home is one or more of `edge:SOURCE->TARGET`, `output:ID`, `parameter:ID`, `port:ID`,
`structure:NAME`, `species:NAME`, `intervention:NAME`, `compound:NAME`, `trial:NAME`, `population:NAME`,
`test:PATH`, `docs:FILE`, separated by semicolons.  The grade is computed from the edges that carry the claim.

>>> ledger = read_claims()
>>> len(ledger), ledger[0].id
(301, 1)
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from euthymia.biology.module import load_module, module_names
from euthymia.errors import Problem, nearest
from euthymia.evidence.read import LIBRARY

FILE = LIBRARY / "claims.csv"
TESTED, EXECUTABLE, DOCUMENTED = STATES = ("executable and tested", "executable", "documented only")
REPOSITORY = Path(__file__).resolve().parents[3]  # tests and docs live beside src in a checkout
COUNTED = ("S", "Q")


@dataclass(frozen=True, slots=True)
class Claim:
    """One row of the ledger."""

    id: int
    section: str
    type: str
    claim: str
    system: str
    homes: tuple[str, ...]
    grade: str
    state: str
    contested: bool
    test: str
    reason: str
    line: int


def read_claims(path: Path = FILE) -> tuple[Claim, ...]:
    """The ledger in the order of the review."""
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    return tuple(
        Claim(
            int(r["id"]),
            r["section"],
            r["type"],
            r["claim"],
            r["system"],
            tuple(h.strip() for h in r["home"].split(";") if h.strip()),
            r["grade"],
            r["state"],
            r["contested"].startswith("yes"),
            r["test"],
            r["reason"],
            i,
        )
        for i, r in enumerate(rows, 2)
    )


@lru_cache(maxsize=1)
def homes() -> dict[str, set[str]]:
    """Every home that exists, by kind (tests and docs are looked up on disk)."""
    modules = [load_module(name) for name in module_names()]

    def files(folder: str) -> set[str]:
        return {p.stem for p in (LIBRARY / folder).glob("*.yaml")}

    return {
        "edge": {f"{e.source}->{e.target}" for m in modules for e in m.edges},
        "output": {o for m in modules for o in m.outputs},
        "parameter": {p for m in modules for p in m.parameters},
        "port": {p for m in modules for p in m.ports},
        "structure": files("structures"),
        "species": files("species"),
        "intervention": files("interventions"),
        "compound": files("compounds"),
        "trial": files("trials"),
        "population": files("populations"),
    }


def claim_grades() -> dict[int, str]:
    """Best grade among the edges that carry each claim."""
    best: dict[int, str] = {}
    for name in module_names():
        for edge in load_module(name).edges:
            for claim in edge.claims:
                best[claim] = min(best.get(claim, "D"), edge.grade)
    return best


def check_claims(ledger: Iterable[Claim]) -> list[Problem]:
    """Every home that does not exist, every unknown state, missing reason, wrong grade and doubled id."""
    known, grades, seen = homes(), claim_grades(), set()
    problems: list[Problem] = []
    for claim in ledger:

        def problem(message: str, key: str, line: int = claim.line, id: int = claim.id) -> None:
            problems.append(Problem(message, "claims.csv", line, key=f"{id}.{key}"))

        if claim.id in seen:
            problem("stands here a second time", "id")
        seen.add(claim.id)
        if not claim.homes:
            problem("has no home", "home")
        for home in claim.homes:
            _check_home(home, known, problem)
        if claim.state not in STATES:
            problem(f"unknown state '{claim.state}'{nearest(claim.state, STATES)}", "state")
        if claim.state == TESTED and not _exists(claim.test):
            problem(f"no such test '{claim.test}'", "test")
        if claim.state == DOCUMENTED and not claim.reason:
            problem("'documented only' needs a reason", "reason")
        carried = any(h.startswith("edge:") for h in claim.homes)
        if carried and claim.grade != grades.get(claim.id, claim.grade):
            problem(f"grade is {grades[claim.id]} by its edges, not '{claim.grade}'", "grade")
    return problems


def _check_home(home: str, known: dict[str, set[str]], problem: Callable[[str, str], None]) -> None:
    kind, _, name = home.partition(":")
    if kind in ("test", "docs"):
        if not _exists(name if kind == "test" else f"docs/{name}"):
            problem(f"no such file '{name}'", "home")
    elif kind not in known:
        problem(f"unknown kind of home '{kind}'{nearest(kind, [*known, 'test', 'docs'])}", "home")
    elif name not in known[kind]:
        problem(f"no {kind} '{name}'{nearest(name, known[kind])}", "home")


def _exists(name: str) -> bool:
    if not name:
        return False
    return not (REPOSITORY / "tests").is_dir() or (REPOSITORY / name.split("::")[0]).is_file()


def coverage(ledger: Iterable[Claim], by: str = "section") -> dict[str, Counter[str]]:
    """Number of claims in each state by section or system."""
    found: dict[str, Counter[str]] = {}
    for claim in ledger:
        found.setdefault(getattr(claim, by), Counter())[claim.state] += 1
    return found
