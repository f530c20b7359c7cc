"""A compound: one library file with its kinetics, metabolism and targets.

In: `library/compounds/<name>.yaml`.  Out: a `Compound` whose numbers are `Parameter` objects in canonical units,
keyed by their dotted path in the file (`CL`, `routes.oral.ka`, `targets.SLC6A4.EC50`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from euthymia.errors import InputError, Problem, nearest
from euthymia.evidence.parameter import Parameter, parameter_records, read_parameter
from euthymia.evidence.read import LIBRARY, load

FOLDER = LIBRARY / "compounds"
PLACEBO = "placebo"
MOST_SHARE = 1.001  # shares of the clearance may add up to 1, rounding aside


@dataclass(frozen=True, slots=True)
class Metabolite:
    """An active product: which compound it is, and how it is formed.

    Attributes
    ----------
    compound : Compound
        Its own library entry.
    through : tuple of str
        The parent's pathways that form it; empty means all of them in proportion.
    """

    compound: Compound
    through: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Compound:
    """One drug, metabolite or dietary compound of the library.

    Attributes
    ----------
    name, title, drug_class : str
        Library name, display name and pharmacological class.
    state : str
        'on' or 'off': whether human predictions use it unless the user says otherwise.
    parameters : mapping of dotted path to Parameter
        Every number of the file.
    metabolites, components : tuple of Metabolite
        Active products, and the enantiomers (or salts) that a mixture consists of.
    data : mapping
        The rest of the file as written.
    """

    name: str
    title: str
    drug_class: str
    state: str
    status: str
    synonyms: tuple[str, ...]
    parameters: Mapping[str, Parameter]
    metabolites: tuple[Metabolite, ...] = ()
    components: tuple[Metabolite, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def id(self) -> str:
        """The name as an identifier inside a system of equations."""
        plain = re.sub(r"\W+", "_", self.name).strip("_").lower()
        return plain if plain[0].isalpha() else f"c_{plain}"

    @property
    def routes(self) -> tuple[str, ...]:
        """The routes that have data, the usual one first."""
        return tuple(self.data.get("routes", {}))

    @property
    def has_kinetics(self) -> bool:
        """Whether a concentration can be computed (clearance, volume and a route are known)."""
        own = {"CL", "V"} <= set(self.parameters) and bool(self.routes)
        return own or (bool(self.components) and bool(self.routes))

    @property
    def pathways(self) -> tuple[str, ...]:
        """Enzymes (and 'renal') with a known share of the clearance."""
        return tuple(self.data.get("pathways", {}))

    def value(self, path: str, default: float | None = None) -> float:
        """The canonical value at a dotted path.

        Raises
        ------
        InputError
            The file has no such number and no default is given.
        """
        if path in self.parameters:
            return self.parameters[path].value
        if default is None:
            raise InputError([Problem(f"{self.name} has no '{path}'", f"compounds/{self.name}.yaml")])
        return default

    def nmol_per_mg(self) -> float:
        """Amount of substance in one milligram, nmol/mg."""
        return 1.0 / self.value("molar_mass")

    def sources(self) -> list[str]:
        """Citation keys of every number, metabolites included, sorted."""
        keys = {e.cite for p in self.parameters.values() for e in p.evidence if e.cite}
        for part in (*self.metabolites, *self.components):
            keys.update(part.compound.sources())
        return sorted(keys)


@cache
def _index() -> dict[str, str]:
    """Lower-case names and synonyms to library names (read without parsing the files)."""
    found: dict[str, str] = {}
    for path in sorted(FOLDER.glob("*.yaml")):
        found[path.stem.lower()] = path.stem
    for path in sorted(FOLDER.glob("*.yaml")):
        match = re.search(r"^synonyms: \[(.*)\]", path.read_text("utf-8"), re.MULTILINE)
        for word in re.findall(r'"([^"]*)"|([^",\s][^",]*)', match.group(1)) if match else ():
            name = (word[0] or word[1]).strip().lower()
            if name:
                found.setdefault(name, path.stem)
    return found


def list_compounds() -> list[str]:
    """Library names of all compounds, sorted.

    >>> "escitalopram" in list_compounds()
    True
    """
    return sorted(set(_index().values()))


def resolve(name: str) -> str:
    """The library name for a name or synonym.

    Raises
    ------
    InputError
        Nothing of that name; the nearest one is offered.

    >>> resolve("Cipralex")
    'escitalopram'
    """
    plain = " ".join(str(name).lower().split())
    index = _index()
    for spelling in (plain, plain.replace(" ", "-"), plain.replace("_", "-"), plain.split(" (")[0]):
        if spelling in index:
            return index[spelling]
    raise InputError([f"'{name}' is not a compound of the library{nearest(plain, index)}"])


def is_compound(name: str) -> bool:
    """Whether the library has a compound of that name or synonym.

    >>> is_compound("Cipralex"), is_compound("cipralax")
    (True, False)
    """
    try:
        resolve(name)
    except InputError:
        return False
    return True


def load_compound(name: str) -> Compound:
    """Read one compound with its metabolites.

    Parameters
    ----------
    name : str
        Library name, brand name or other synonym, in any case.

    Raises
    ------
    InputError
        Unknown name, or every problem of the file.

    >>> round(load_compound("escitalopram").value("molar_mass") * 1e6, 1)
    324.4
    """
    return _read(FOLDER / f"{resolve(name)}.yaml", ())


def read_compound(path: str | Path) -> Compound:
    """Read a compound from a file outside the library; its metabolites still come from the library."""
    return _read(Path(path), ())


@lru_cache(maxsize=512)
def _read(path: Path, above: tuple[str, ...]) -> Compound:
    document = load(path, "compound")
    data = document.data
    problems: list[Problem] = []
    parameters: dict[str, Parameter] = {}
    for place, _ in parameter_records(data):
        if len(place) > 2 and place[0] in ("metabolites", "components"):
            key = f"{place[0]}.{data[place[0]][place[1]]['compound']}.{place[-1]}"
        else:
            key = ".".join(str(p) for p in place)
        try:
            parameters[key] = read_parameter(document, place, key)
        except InputError as error:
            problems.extend(error.problems)
    parts: dict[str, list[Metabolite]] = {"metabolites": [], "components": []}
    for kind, found in parts.items():
        for i, record in enumerate(data.get(kind, [])):
            child = record["compound"]
            if child in (*above, data["name"]):
                problems.append(document.problem((kind, i, "compound"), f"'{child}' is its own product"))
            elif not (FOLDER / f"{child}.yaml").is_file():
                hint = nearest(child, list_compounds())
                problems.append(document.problem((kind, i, "compound"), f"unknown compound '{child}'{hint}"))
            else:
                product = _read(FOLDER / f"{child}.yaml", (*above, data["name"]))
                found.append(Metabolite(product, tuple(record.get("through", ()))))
    share = sum(p.value for k, p in parameters.items() if k.startswith("pathways."))
    if share > MOST_SHARE:
        problems.append(document.problem(("pathways",), f"the shares add up to {share:g}; at most 1"))
    if problems:
        raise InputError(problems)
    return Compound(
        name=data["name"],
        title=data["title"],
        drug_class=data["class"],
        state=data["state"],
        status=data["status"],
        synonyms=tuple(data.get("synonyms", ())),
        parameters=parameters,
        metabolites=tuple(parts["metabolites"]),
        components=tuple(parts["components"]),
        data=data,
    )


Compounds = Mapping[str, Compound] | Iterable[Compound]


def by_prefix(compounds: Compounds) -> dict[str, Compound]:
    """Compounds keyed by the prefix of their names in a system of equations."""
    if isinstance(compounds, Mapping):
        return dict(compounds)
    return {compound.id: compound for compound in compounds}


def analytes(compound: Compound, prefix: str = "") -> dict[str, Compound]:
    """The compound and all that it turns into, by prefix: what is measured in plasma.

    >>> list(analytes(load_compound("imipramine")))
    ['imipramine', 'imipramine.desipramine']
    """
    prefix = prefix or compound.id
    found = {} if compound.components else {prefix: compound}
    for part in (*compound.components, *compound.metabolites):
        found.update(analytes(part.compound, f"{prefix}.{part.compound.id}"))
    return found
