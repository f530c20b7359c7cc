"""Plasma kinetics of a compound and its active products as a fragment of equations.

In: a `Compound` and a route.  Out: states (amounts, nmol), parameters and, for every analyte, `<prefix>.C`
(nmol/L) and `<prefix>.C_mass` (mg/L) in plasma, total.  Assumed: absorption of first order (zero order through an
infusion into the depot; a share of a slow release may come `late`, at a rate of its own), 1-3 compartments, a
well-stirred liver where the extraction ratio E is known:

    CL(r) = CL r / (1 - E + E r),  F(r) = F / (1 - E + E r)

with r the intrinsic clearance relative to a typical adult (see `metabolism`).  The gut wall passes
1/(1 - G + G a) of an oral dose relative to a typical adult, with G what its CYP3A4 takes there and a that enzyme's
activity.  What liver and gut take on first pass forms metabolites in the same proportions as later.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from euthymia.compounds.compound import Compound, Metabolite, analytes
from euthymia.compounds.metabolism import Equations, clearance_ratio
from euthymia.engine import Fragment, Parameter, State
from euthymia.errors import InputError, nearest

_SECOND = (
    "swallowed",
    "late",
)  # shares of a dose with a second depot: of the nose in the gut, of a slow release
MIXING = 60.0  # 1/h: how fast a dose of a mixture reaches its components when it is not absorbed first


@dataclass(frozen=True, slots=True)
class DoseTarget:
    """Where a dose goes: state, bioavailability and lag parameters, and nmol per mg.

    Unpacks as `state, bioavailability, lag, factor`.
    """

    state: str
    bioavailability: str
    lag: str
    factor: float

    def __iter__(self):  # type: ignore[no-untyped-def]
        return iter((self.state, self.bioavailability, self.lag, self.factor))


def choose_route(compound: Compound, route: str | None = None, formulation: str | None = None) -> str:
    """The route's key in the compound's file; the usual route where none is given.

    Raises
    ------
    InputError
        The compound has no such route; the message lists those it has.
    """
    if not compound.routes:
        raise InputError([f"{compound.name} has no route with kinetic data, so no level can be computed"])
    plain = (route or compound.routes[0]).strip().lower().replace("-", "_").replace(" ", "_")
    plain = _ROUTES.get(plain, _ROUTES.get(plain.split("_")[0], plain))
    key = f"{plain}_{formulation.replace('-', '_')}" if formulation else plain
    if key in compound.routes:
        return key
    if not formulation and (usual := [name for name in compound.routes if name.startswith(f"{plain}_")]):
        return usual[0]  # a drug that comes by mouth in a special form only
    if formulation and formulation in ("immediate_release", "tablet", "capsule") and plain in compound.routes:
        return plain
    has = ", ".join(r.replace("_", " ") for r in compound.routes)
    raise InputError(
        [f"{compound.name} has no data for the route '{key.replace('_', ' ')}'; it has: {has}"
         + nearest(key, compound.routes)]
    )  # fmt: skip


_ROUTES = {
    "po": "oral",
    "iv": "intravenous",
    "in": "intranasal",
    "nasal": "intranasal",
    "sl": "sublingual",
    "td": "transdermal",
    "sc": "subcutaneous",
    "im": "intramuscular",
    "patch": "transdermal",
}


def dose_target(
    compound: Compound, route: str | None = None, formulation: str | None = None, prefix: str = ""
) -> DoseTarget:
    """Where a dose of this compound goes.

    Returns
    -------
    DoseTarget
        State id, bioavailability parameter id, lag parameter id, and the factor from mg to the state's nmol.

    >>> from euthymia.compounds.compound import load_compound
    >>> dose_target(load_compound("escitalopram"), "oral").state
    'escitalopram.depot'
    """
    prefix = prefix or compound.id
    key = choose_route(compound, route, formulation)
    absorbed = f"routes.{key}.ka" in compound.parameters
    state = "depot" if absorbed else "mixture" if compound.components else "A1"
    return DoseTarget(f"{prefix}.{state}", f"{prefix}.F", f"{prefix}.lag", compound.nmol_per_mg())


def fragment(
    compound: Compound,
    route: str | None = None,
    prefix: str = "",
    others: Mapping[str, Compound] | Iterable[Compound] = (),
) -> Fragment:
    """The kinetics of one compound by one route.

    Parameters
    ----------
    compound : Compound
    route : str
        A route of the compound, for example 'oral'; the usual one where left out.
    prefix : str
        Start of every id; the compound's name where left out.
    others : mapping of prefix to Compound
        Compounds that are simulated beside this one and may inhibit or induce its enzymes.

    Raises
    ------
    InputError
        No such route, or no clearance and volume are known.
    """
    prefix = prefix or compound.id
    if not compound.has_kinetics:
        raise InputError([f"no clearance and volume of {compound.name} are known: no level can be computed"])
    key = choose_route(compound, route)
    mapping = others if isinstance(others, Mapping) else {c.id: c for c in others}
    present = dict(analytes(compound, prefix))
    for name, other in mapping.items():
        if name != prefix and other.has_kinetics:
            present.update(analytes(other, name))
    equations = Equations()
    supply = _absorption(equations, prefix, compound, key)
    if compound.components:
        for part in compound.components:
            share = equations.take(
                prefix, compound, f"components.{part.compound.name}.fraction", f"{part.compound.id}.fraction"
            )
            child = f"{prefix}.{part.compound.id}"
            flux = equations.give(f"{child}.supply", f"{share}*({supply})", "nmol/h")
            _body(equations, child, part.compound, flux, present, first_pass=key.startswith("oral"))
        levels = [f"{prefix}.{part.compound.id}.C" for part in compound.components]
        equations.give(f"{prefix}.C", " + ".join(levels), "nmol/L")
        mass = equations.take(prefix, compound, "molar_mass")
        equations.give(f"{prefix}.C_mass", f"{prefix}.C*{mass}", "mg/L")
    else:
        _body(equations, prefix, compound, supply, present, first_pass=key.startswith("oral"))
    return Fragment(equations.states, equations.parameters, equations.assignments, {})


def _absorption(equations: Equations, prefix: str, compound: Compound, key: str) -> str:
    """Depot states of a route; returns the flux (nmol/h) that reaches the liver or the blood, '' for none."""
    base = f"routes.{key}"
    equations.take(prefix, compound, f"{base}.F")
    equations.take(prefix, compound, f"{base}.lag", default=0.0)
    if f"{base}.lag" not in compound.parameters:
        equations.parameters[f"{prefix}.lag"] = Parameter(0.0, "h")
    if f"{base}.ka" not in compound.parameters:
        if compound.components:
            equations.parameters[f"{prefix}.mixing"] = Parameter(MIXING, "1/h")
            equations.states[f"{prefix}.mixture"] = State(f"-{prefix}.mixing*{prefix}.mixture", 0.0, "nmol")
            return f"{prefix}.mixing*{prefix}.mixture"
        return ""
    ka = equations.take(prefix, compound, f"{base}.ka")
    depot = f"{prefix}.depot"
    equations.states[depot] = State(f"-{ka}*{depot}", 0.0, "nmol")
    flux = f"{ka}*{depot}"
    for second in _SECOND:
        if f"{base}.{second}" in compound.parameters:
            part = equations.take(prefix, compound, f"{base}.{second}")
            slow = equations.take(prefix, compound, f"{base}.ka_{second}")
            gut = f"{prefix}.gut"
            equations.states[gut] = State(f"{part}*{ka}*{depot} - {slow}*{gut}", 0.0, "nmol")
            flux = f"(1 - {part})*{ka}*{depot} + {slow}*{gut}"
    return flux


def _body(
    equations: Equations,
    prefix: str,
    compound: Compound,
    supply: str,
    present: Mapping[str, Compound],
    first_pass: bool = False,
) -> None:
    """Distribution and elimination of one analyte, then its products."""
    clearance = equations.take(prefix, compound, "CL")
    volume = equations.take(prefix, compound, "V")
    ratio = clearance_ratio(equations, prefix, compound, present)
    extracted = "extraction" in compound.parameters
    liver = "1"
    if extracted:
        share = equations.take(prefix, compound, "extraction")
        liver = equations.give(f"{prefix}.liver", f"1/(1 - {share} + {share}*{ratio})")
    level = equations.give(f"{prefix}.C", f"{prefix}.A1/{volume}", "nmol/L")
    mass = equations.take(prefix, compound, "molar_mass")
    equations.give(f"{prefix}.C_mass", f"{level}*{mass}", "mg/L")
    lost = equations.give(f"{prefix}.elimination", f"{clearance}*{ratio}*{liver}*{level}", "nmol/h")
    gut = _gut_wall(equations, prefix, compound) if supply and first_pass else ""
    entering = f"({supply}){gut}*{liver}" if supply and first_pass else supply
    change = [f"{entering} - {lost}" if supply else f"-{lost}"]
    for n in ("2", "3"):
        if f"V{n}" in compound.parameters:
            flow, space = (equations.take(prefix, compound, f"{k}{n}") for k in ("Q", "V"))
            exchange = f"{flow}*({level} - {prefix}.A{n}/{space})"
            equations.states[f"{prefix}.A{n}"] = State(exchange, 0.0, "nmol")
            change.append(f" - {exchange}")
    equations.states[f"{prefix}.A1"] = State("".join(change), 0.0, "nmol")
    if "effect_delay" in compound.parameters:
        delay = equations.take(prefix, compound, "effect_delay")
        reach = equations.take(prefix, compound, "effect_ratio", default=1.0)
        rate = f"0.6931471805599453/{delay}*({reach}*{level} - {prefix}.Ce)"
        equations.states[f"{prefix}.Ce"] = State(rate, 0.0, "nmol/L")
    formed = lost
    taken = []
    if supply and first_pass and extracted:
        share = f"{prefix}.extraction"
        taken.append(f"({supply}){gut}*{liver}*{ratio}*{share}/(1 - {share})")
    if gut:
        share = f"{prefix}.gut_extraction"
        before = f"/(1 - {prefix}.extraction)" if extracted else ""
        taken.append(f"({supply}){gut}*{prefix}.gut_activity*{share}/(1 - {share}){before}")
    if taken:
        formed = equations.give(f"{prefix}.metabolised", " + ".join([lost, *taken]), "nmol/h")
    for product in compound.metabolites:
        _product(equations, prefix, compound, product, formed, present)


def _gut_wall(equations: Equations, prefix: str, compound: Compound) -> str:
    """The factor '*gut' on what passes the gut wall, 1 in a typical adult; '' where no loss there is known."""
    if "gut_extraction" not in compound.parameters or "CYP3A4" not in compound.pathways:
        return ""
    share = equations.take(prefix, compound, "gut_extraction")
    equations.parameters[f"{prefix}.gut.function"] = Parameter(1.0, "1")
    work = equations.give(f"{prefix}.gut_activity", f"{prefix}.gut.function*{prefix}.CYP3A4.activity")
    passed = equations.give(f"{prefix}.gut", f"1/(1 - {share} + {share}*{work})")
    return f"*{passed}"


def _product(
    equations: Equations,
    prefix: str,
    parent: Compound,
    product: Metabolite,
    formed: str,
    present: Mapping[str, Compound],
) -> None:
    """Formation and kinetics of one active product."""
    child = product.compound
    name = f"{prefix}.{child.id}"
    fraction = equations.take(prefix, parent, f"metabolites.{child.name}.fraction", f"{child.id}.fraction")
    through = [p for p in product.through if p in parent.pathways]
    if through:
        shares = " + ".join(f"{prefix}.{p}.share" for p in through)
        work = " + ".join(f"{prefix}.{p}.share*{prefix}.{p}.activity" for p in through)
        fraction = f"{fraction}*({work})/(({shares})*{prefix}.clearance_ratio)"
    flux = equations.give(f"{name}.formation", f"{fraction}*{formed}", "nmol/h")
    _body(equations, name, child, flux, present)
