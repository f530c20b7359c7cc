"""Engine systems as flat SBML Level 3 Version 2 with units, SBO terms and the papers behind each number.

Comes in: an `OdeSystem`, a mapping from id to its papers, and one patient's regimen where wanted.  Goes out: SBML
text that libSBML finds no fault with.  States are parameters with rate rules; dots in ids become `__`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from euthymia.engine import Dose, OdeSystem
from euthymia.errors import InputError, Problem
from euthymia.interop.sbml_mathml import MathMl
from euthymia.units import NONE, Dimension, parse_unit

TIME = Dimension((1.0, 0.0, 0.0, 0.0, 0.0, 0.0))
SBO = {"state": 2, "concentration": 196, "parameter": 2, "input": 2, "assignment": 2, "rate constant": 9}
_QUALIFIED = re.compile(r"(?:(pmid|pubmed|doi)\s*:?\s*)?(.+)", re.IGNORECASE)


def export_sbml(
    system: OdeSystem,
    path: str | Path | None = None,
    *,
    sources: Mapping[str, Sequence[str]] | None = None,
    titles: Mapping[str, str] | None = None,
    subjects: Mapping[str, Sequence[str]] | None = None,
    regimen: Sequence[Dose] = (),
    parameters: Mapping[str, float] | None = None,
) -> str:
    """The system as SBML.

    Parameters
    ----------
    path : path, optional
        Where to write the text; it is returned in any case.
    sources : mapping
        Id to PMIDs ("12345" or "pmid:12345") and DOIs ("10.1000/x"): written as bqbiol:isDescribedBy.
    titles : mapping
        Id to a name in words.
    subjects : mapping
        Id to addresses of what it is a property of (a gene, say): written as bqbiol:isPropertyOf.
    regimen : sequence of Dose
        One patient's doses, written as events; resets and steady-state doses have no counterpart.
    parameters : mapping
        One patient's values.

    Raises
    ------
    InputError
        Ids that cannot be told apart in SBML, sources that are neither PMID nor DOI, or doses without a
        counterpart; all are listed.

    Examples
    --------
    >>> from euthymia.engine import Fragment, Parameter, State
    >>> part = Fragment(states={"A": State("-k*A", 10.0, "mg")}, parameters={"k": Parameter(0.1, "1/h")})
    >>> "rateRule" in export_sbml(OdeSystem.join("decay", part))
    True
    """
    writer = _Writer(system, sources or {}, titles or {}, subjects or {}, dict(parameters or {}))
    text = writer.text(regimen)
    if path is not None:
        Path(path).write_text(text, encoding="utf-8")
    return text


def sbml_id(name: str) -> str:
    """The SBML id of an engine id.

    >>> sbml_id("SLC6A4.occupancy")
    'SLC6A4__occupancy'
    """
    return name.replace(".", "__")


def engine_id(ident: str) -> str:
    """The engine id behind an exported SBML id.

    >>> engine_id("SLC6A4__occupancy")
    'SLC6A4.occupancy'
    """
    return ident.replace("__", ".")


def resource(source: str) -> str:
    """The identifiers.org address of a PMID or DOI.

    >>> resource("pmid:23653204"), resource("10.1000/182")
    ('https://identifiers.org/pubmed:23653204', 'https://identifiers.org/doi:10.1000/182')
    """
    match = _QUALIFIED.fullmatch(str(source).strip().removeprefix("https://doi.org/"))
    kind = (match.group(1) or "").lower() if match else ""
    value = match.group(2).strip() if match else ""
    if value.isdigit() and kind != "doi":
        return f"https://identifiers.org/pubmed:{value}"
    if re.fullmatch(r"10\.\d{4,9}/\S+", value) and kind not in ("pmid", "pubmed"):
        return f"https://identifiers.org/doi:{value}"
    raise InputError([Problem(f"'{source}' is neither a PMID (digits) nor a DOI (10.…/…)")])


class _Writer:
    def __init__(
        self,
        system: OdeSystem,
        sources: Mapping[str, Sequence[str]],
        titles: Mapping[str, str],
        subjects: Mapping[str, Sequence[str]],
        values: dict[str, float],
    ):
        import libsbml

        self.lib, self.system, self.values = libsbml, system, values
        self.sources, self.titles, self.subjects = sources, titles, subjects
        self.kinds = {
            "state": system.states, "parameter": system.parameters,
            "assignment": system.assignments, "input": system.inputs,
        }  # fmt: skip
        self.dims: dict[str, Dimension] = {"t": TIME}
        for table in self.kinds.values():
            self.dims |= {n: parse_unit(item.unit).dimension for n, item in table.items()}  # type: ignore[attr-defined]
        self.units: dict[Dimension, str] = {}
        self.math = MathMl(self.dims, self.unit, sbml_id)
        self.infused: dict[str, str] = {}

    # ------------------------------------------------------------------ document
    def text(self, regimen: Sequence[Dose]) -> str:
        self._check(regimen)
        lib = self.lib
        document = lib.SBMLDocument(3, 2)
        self.model = model = document.createModel()
        model.setId(re.sub(r"\W", "_", self.system.name) or "model")
        model.setName(self.system.name)
        model.setTimeUnits(self.unit(TIME))
        model.setSubstanceUnits(self.unit(Dimension((0, 0, 1.0, 0, 0, 0))))
        model.setExtentUnits(self.unit(Dimension((0, 0, 1.0, 0, 0, 0))))
        model.setVolumeUnits(self.unit(Dimension((0, 0, 0, 3.0, 0, 0))))
        for target in sorted({d.target for d in regimen if d.kind == "infusion"}):
            self.infused[target] = f"{sbml_id(target)}__infusion"
            self._parameter(self.infused[target], self.dims[target] / TIME, 0.0, False, 2)
        for kind, table in self.kinds.items():
            for name, item in table.items():  # type: ignore[attr-defined]
                self._symbol(kind, name, item)
        for name, item in self.system.assignments.items():
            rule = model.createAssignmentRule()
            rule.setVariable(sbml_id(name))
            self._set(rule, self.math.write(item.expression, self.dims[name]))
        for name, state in self.system.states.items():
            rule = model.createRateRule()
            rule.setVariable(sbml_id(name))
            text = self.math.write(state.rate, self.dims[name] / TIME)
            if name in self.infused:
                inner = text.removesuffix("</math>").partition(">")[2]
                head = text[: text.index(">") + 1]
                text = f"{head}<apply><plus/>{inner}<ci> {self.infused[name]} </ci></apply></math>"
            self._set(rule, text)
        for name, trigger in self.system.triggers.items():
            self._trigger(name, trigger)
        for i, dose in enumerate(regimen):
            self._dose(i, dose)
        self._define_units()
        return lib.writeSBMLToString(document)

    def _check(self, regimen: Sequence[Dose]) -> None:
        found = []
        seen: dict[str, str] = {}
        for name in self.system.names:
            ident = sbml_id(name)
            if ident in seen or "__" in name:
                found.append(Problem(f"'{name}' has no SBML id of its own ('__' stands for a dot)", key=name))
            seen[ident] = name
        for i, d in enumerate(regimen):
            if d.kind == "reset" or d.steady_state or d.duration == float("inf"):
                text = f"a {'reset' if d.kind == 'reset' else 'steady-state or endless dose'} has no SBML counterpart"
                found.append(Problem(text, key=f"regimen[{i}]"))
        for name, papers in self.sources.items():
            for paper in papers:
                try:
                    resource(paper)
                except InputError as error:
                    found += [Problem(p.message, key=name) for p in error.problems]
        if found:
            raise InputError(found)

    # ------------------------------------------------------------------ symbols
    def _symbol(self, kind: str, name: str, item: Any) -> None:
        dimension = self.dims[name]
        sbo = SBO[kind]
        if kind == "state" and dimension.exponents[2] == 1 and dimension.exponents[3] == -3:
            sbo = SBO["concentration"]
        elif kind == "parameter" and dimension.exponents[0] == -1:
            sbo = SBO["rate constant"]
        value: float | None = None
        if kind == "state" and not isinstance(item.initial, str):
            value = float(item.initial)
        elif kind in ("parameter", "input"):
            value = float(self.values.get(name, item.value))
        element = self._parameter(sbml_id(name), dimension, value, kind == "parameter", sbo)
        if name in self.titles:
            element.setName(self.titles[name])
        self._annotate(element, name)
        if kind == "state" and isinstance(item.initial, str):
            first = self.model.createInitialAssignment()
            first.setSymbol(sbml_id(name))
            self._set(first, self.math.write(item.initial, dimension))

    def _annotate(self, element: Any, name: str) -> None:
        """The papers behind an element, and what it is a property of."""
        papers = [resource(p) for p in self.sources.get(name, ())]
        for kind, addresses in (
            (self.lib.BQB_IS_DESCRIBED_BY, papers),
            (self.lib.BQB_IS_PROPERTY_OF, self.subjects.get(name, ())),
        ):
            if not addresses:
                continue
            element.setMetaId(f"meta_{sbml_id(name)}")
            term = self.lib.CVTerm(self.lib.BIOLOGICAL_QUALIFIER)
            term.setBiologicalQualifierType(kind)
            for address in addresses:
                term.addResource(address)
            element.addCVTerm(term)

    def _parameter(
        self, ident: str, dimension: Dimension, value: float | None, constant: bool, sbo: int
    ) -> Any:
        element = self.model.createParameter()
        element.setId(ident)
        element.setConstant(constant)
        element.setUnits(self.unit(dimension))
        element.setSBOTerm(sbo)
        if value is not None:
            element.setValue(value)
        return element

    def _set(self, element: Any, mathml: str) -> None:
        tree = self.lib.readMathMLFromString(mathml)
        if tree is None or element.setMath(tree) != self.lib.LIBSBML_OPERATION_SUCCESS:
            raise InputError([Problem(f"libSBML refuses {mathml}", key=element.getElementName())])

    # ------------------------------------------------------------------ events
    def _event(self, ident: str, condition: str, delay: str, changes: Mapping[str, str]) -> Any:
        event = self.model.createEvent()
        event.setId(ident)
        event.setUseValuesFromTriggerTime(False)
        trigger = event.createTrigger()
        trigger.setInitialValue(False)
        trigger.setPersistent(True)
        self._set(trigger, condition)
        if delay:
            self._set(event.createDelay(), delay)
        for target, value in changes.items():
            change = event.createEventAssignment()
            change.setVariable(target)
            self._set(change, value)
        return event

    def _trigger(self, name: str, t: Any) -> None:
        changes = {sbml_id(k): self.math.write(e, self.dims[k]) for k, e in t.changes.items()}
        delay = self.math.write(t.delay, TIME) if t.delay not in ("", "0") else ""
        event = self._event(sbml_id(name), self.math.write(t.condition, truth=True), delay, changes)
        event.setUseValuesFromTriggerTime(t.at_trigger)
        event.getTrigger().setInitialValue(t.initial)
        event.getTrigger().setPersistent(t.persistent)
        if t.priority:
            self._set(event.createPriority(), self.math.write(t.priority))

    def _dose(self, i: int, dose: Dose) -> None:
        def shown(value: float | str, unit: Dimension) -> str:
            return (
                value if isinstance(value, str) else f"{float(value)!r} [{unit.canonical}]" if value else "0"
            )

        amount = self.dims[dose.target]
        arrives = f"({shown(dose.amount, amount)}) * ({shown(dose.bioavailability, NONE)})"
        for k in range(dose.additional + 1):
            start = f"{dose.time + k * dose.interval!r} [h] + ({shown(dose.lag, TIME)})"
            ident = f"dose_{i + 1}_{k + 1}"
            begins = self.math.write(f"t >= {start}", truth=True)
            if dose.kind == "set":
                self._event(
                    ident,
                    begins,
                    "",
                    {sbml_id(dose.target): self.math.write(shown(dose.amount, amount), amount)},
                )
            elif dose.kind == "bolus":
                more = self.math.write(f"{dose.target} + {arrives}", amount)
                self._event(ident, begins, "", {sbml_id(dose.target): more})
            else:
                given = shown(dose.rate, amount / TIME)
                lasting = f"{arrives} / ({given})" if dose.rate else shown(dose.duration, TIME)
                rate = given if dose.rate else f"{arrives} / ({lasting})"
                held = self.infused[dose.target]
                self.dims[held] = amount / TIME
                on = self.math.write(f"{held} + {rate}", amount / TIME)
                off = self.math.write(f"{held} - {rate}", amount / TIME)
                self._event(ident, begins, "", {held: on})
                ends = self.math.write(f"t >= {start} + {lasting}", truth=True)
                self._event(f"{ident}_end", ends, "", {held: off})

    # ------------------------------------------------------------------ units
    def unit(self, dimension: Dimension) -> str:
        """The id of a dimension's unit definition."""
        if dimension.dimensionless:
            return "dimensionless"
        if dimension not in self.units:
            self.units[dimension] = "u_" + re.sub(
                r"\W+", "_", dimension.canonical.replace("/", "_per_").replace(".", "p").replace("-", "m")
            ).strip("_")
        return self.units[dimension]

    def _define_units(self) -> None:
        lib = self.lib
        kinds = (
            (lib.UNIT_KIND_SECOND, 0, 3600.0), (lib.UNIT_KIND_GRAM, -3, 1.0), (lib.UNIT_KIND_MOLE, -9, 1.0),
            (lib.UNIT_KIND_METRE, -1, 1.0), (lib.UNIT_KIND_KELVIN, 0, 1.0), (lib.UNIT_KIND_AMPERE, 0, 1.0),
        )  # fmt: skip
        for dimension, ident in self.units.items():
            definition = self.model.createUnitDefinition()
            definition.setId(ident)
            definition.setName(dimension.canonical)
            for (kind, scale, multiplier), exponent in zip(kinds, dimension.exponents, strict=True):
                if not exponent:
                    continue
                unit = definition.createUnit()
                if kind == lib.UNIT_KIND_METRE and exponent % 3 == 0:
                    kind, scale, exponent = lib.UNIT_KIND_LITRE, 0, exponent / 3
                unit.setKind(kind)
                unit.setScale(scale)
                unit.setMultiplier(multiplier)
                unit.setExponent(exponent)


def consistency(text: str) -> list[str]:
    """What libSBML finds wrong with an SBML text, all checks on; empty where all is well."""
    import libsbml

    document = libsbml.readSBMLFromString(text)
    for category in range(8):
        document.setConsistencyChecks(category, True)
    document.checkConsistency()
    return [
        f"line {e.getLine()}: {e.getSeverityAsString()} {e.getErrorId()}: {' '.join(e.getMessage().split())}"
        for e in (document.getError(i) for i in range(document.getNumErrors()))
    ]
