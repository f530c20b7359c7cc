"""Reads an SBML file of Level 1 to Level 3 Version 2 into an `SbmlModel`.

The `comp` package is flattened by libSBML.  Refused with the element and its id: fast reactions and
packages that change the mathematics (fbc, qual, spatial, multi, distrib, arrays).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from euthymia.errors import InputError, Problem
from euthymia.interop import sbml_model as m
from euthymia.interop.sbml_math import Expr, Reader, Unsupported, name

HARMLESS = {"layout", "render", "groups", "comp", "l3v2extendedmath", "req"}


def read_sbml(path: str | Path) -> m.SbmlModel:
    """The model in an SBML file.

    Raises
    ------
    InputError
        The file is no readable SBML; every error of libSBML is listed with its line.
    Unsupported
        It uses something outside the supported set; element and id are named.
    """
    file = str(path)
    if not Path(path).is_file():
        raise InputError([Problem("no such file", file=file)])
    document = _document(file)
    model = document.getModel()
    if model is None:
        raise InputError([Problem("the file holds no SBML model", file=file)])
    try:
        return _Importer(model, file).model()
    except RecursionError:
        raise InputError([Problem("a formula is nested too deeply to be read", file=file)]) from None


def _document(file: str) -> Any:
    import libsbml

    document = libsbml.readSBMLFromFile(file)
    faults = []
    for i in range(document.getNumErrors()):
        error = document.getError(i)
        if error.getSeverity() >= libsbml.LIBSBML_SEV_ERROR:
            if error.getErrorId() in (libsbml.MissingXMLEncoding, libsbml.MissingXMLDecl):
                continue  # XML without them is UTF-8
            text = " ".join(error.getMessage().split())
            if any(f"The L3 package '{p}" in text for p in ("layout", "render")):
                continue  # a drawing in a Level 2 file: no mathematics
            if error.getPackage() in ("layout", "render") or "RenderInformation" in text:
                continue
            faults.append(Problem(text, file=file, line=error.getLine(), column=error.getColumn()))
    if faults:
        raise InputError(faults)
    for i in range(document.getNumPlugins()):
        package = document.getPlugin(i).getPackageName()
        if package not in HARMLESS:
            raise Unsupported(f"the SBML package '{package}'", "sbml", package, file)
    for i in range(document.getNumUnknownPackages()):
        prefix = document.getUnknownPackagePrefix(i)
        if document.getPkgRequired(document.getUnknownPackageURI(i)):
            raise Unsupported(f"the unknown SBML package '{prefix}'", "sbml", prefix, file)
    if document.getPlugin("comp") is not None:
        options = libsbml.ConversionProperties()
        options.addOption("flatten comp", True)
        options.addOption("performValidation", False)
        options.addOption("basePath", str(Path(file).resolve().parent))
        if document.convert(options) != libsbml.LIBSBML_OPERATION_SUCCESS:
            texts = [document.getError(i).getMessage().strip() for i in range(document.getNumErrors())]
            raise InputError(
                [Problem("flattening the submodels failed: " + " | ".join(texts[-2:]), file=file)]
            )
    return document


class _Importer:
    """Walks a libSBML model once."""

    def __init__(self, model: Any, file: str):
        self.source, self.file = model, file
        self.level = model.getLevel()
        self.reader = Reader({f.getId(): f for f in model.getListOfFunctionDefinitions()}, file)
        self.parameters: dict[str, m.Parameter] = {}
        self.references: dict[str, m.Reference] = {}
        self.assignment: dict[str, Expr] = {}
        self.ruled = {r.getVariable() for r in model.getListOfRules() if not r.isAlgebraic()}
        self.warnings: list[str] = []

    def model(self) -> m.SbmlModel:
        source = self.source
        for p in source.getListOfParameters():
            value = p.getValue() if p.isSetValue() else None
            self.parameters[p.getId()] = m.Parameter(p.getId(), value, self._constant(p))
        compartments = {c.getId(): self._compartment(c) for c in source.getListOfCompartments()}
        species = {s.getId(): self._species(s) for s in source.getListOfSpecies()}
        rate: dict[str, Expr] = {}
        algebraic: list[Expr] = []
        for i, rule in enumerate(source.getListOfRules()):
            if rule.getMath() is None:
                continue
            ident = rule.getVariable() or str(i + 1)
            expr = self.reader.read(rule.getMath(), rule.getElementName(), ident)
            if rule.isAlgebraic():
                algebraic.append(expr)
            else:
                (self.assignment if rule.isAssignment() else rate)[ident] = expr
        reactions = {r.getId(): self._reaction(r) for r in source.getListOfReactions()}
        initial = {
            a.getSymbol(): self.reader.read(a.getMath(), "initialAssignment", a.getSymbol())
            for a in source.getListOfInitialAssignments()
            if a.getMath() is not None
        }
        events = tuple(
            self._event(e, e.getId() or f"event {i + 1}") for i, e in enumerate(source.getListOfEvents())
        )
        titled = {e.getId(): e.getName() for e in (*source.getListOfSpecies(), *source.getListOfParameters())}
        return m.SbmlModel(
            self.file,
            source.getId(),
            compartments,
            species,
            self.parameters,
            self.references,
            reactions,
            self.assignment,
            rate,
            initial,
            tuple(algebraic),
            tuple(e for e in events if e is not None),
            source.getConversionFactor() if self.level > 2 else "",
            titled,
            tuple(self.warnings),
        )

    def _constant(self, thing: Any) -> bool:
        return self.level > 1 and thing.getConstant()

    def _compartment(self, c: Any) -> m.Compartment:
        size = c.getSize() if c.isSetSize() else (1.0 if self.level == 1 else None)
        given = {a.getSymbol() for a in self.source.getListOfInitialAssignments()}
        if size is None and self.level == 2 and c.getId() not in given and c.getId() not in self.ruled:
            size = 1.0
            self.warnings.append(f"compartment '{c.getId()}' has no size in the file; 1 is taken")
        dimensions = c.getSpatialDimensionsAsDouble() if self.level > 2 else float(c.getSpatialDimensions())
        return m.Compartment(c.getId(), size, dimensions, self._constant(c))

    def _species(self, s: Any) -> m.Species:
        return m.Species(
            s.getId(),
            s.getCompartment(),
            s.getInitialAmount() if s.isSetInitialAmount() else None,
            s.getInitialConcentration() if s.isSetInitialConcentration() else None,
            s.getHasOnlySubstanceUnits(),
            s.getBoundaryCondition(),
            self._constant(s),
            s.getConversionFactor() if self.level > 2 else "",
        )

    def _reaction(self, r: Any) -> m.Reaction:
        ident = r.getId()
        if r.isSetFast() and r.getFast():
            raise Unsupported("a fast reaction", "reaction", ident, self.file)
        law, expr = r.getKineticLaw(), None
        if law is not None and law.getMath() is not None:
            local = law.getListOfLocalParameters() if self.level > 2 else law.getListOfParameters()
            scope = {}
            for p in local:
                own = f"{ident}.{p.getId()}"
                self.parameters[own] = m.Parameter(own, p.getValue() if p.isSetValue() else None, True)
                scope[p.getId()] = name(own)
            expr = self.reader.read(law.getMath(), "kineticLaw of reaction", ident, scope)
        sides = [
            tuple(self._reference(x, f"{ident}.{word}{i + 1}") for i, x in enumerate(side))
            for word, side in (("reactant", r.getListOfReactants()), ("product", r.getListOfProducts()))
        ]
        return m.Reaction(ident, sides[0], sides[1], expr)

    def _reference(self, x: Any, fallback: str) -> m.Reference:
        ident = (x.getId() if self.level > 1 else "") or fallback
        value: float | None = x.getStoichiometry()
        if self.level == 1:
            value = x.getStoichiometry() / x.getDenominator()
        elif self.level == 2 and x.getStoichiometryMath() is not None:
            math = x.getStoichiometryMath().getMath()
            if math is not None:
                self.assignment[ident] = self.reader.read(math, "stoichiometryMath", ident)
        elif self.level > 2 and not x.isSetStoichiometry():
            value = None
        found = m.Reference(ident, x.getSpecies(), value, self.level < 3 or x.getConstant())
        self.references[ident] = found
        return found

    def _event(self, e: Any, ident: str) -> m.Event | None:
        trigger = e.getTrigger()
        if trigger is None or trigger.getMath() is None:
            return None
        read = self.reader.read
        new = self.level > 2

        def optional(part: Any, element: str) -> Expr | None:
            return (
                read(part.getMath(), element, ident)
                if part is not None and part.getMath() is not None
                else None
            )

        return m.Event(
            ident,
            read(trigger.getMath(), "trigger of event", ident),
            optional(e.getDelay(), "delay of event"),
            optional(e.getPriority(), "priority of event") if new else None,
            tuple(
                (a.getVariable(), read(a.getMath(), "eventAssignment of event", ident))
                for a in e.getListOfEventAssignments()
                if a.getMath() is not None
            ),
            trigger.getPersistent() if new else True,
            trigger.getInitialValue() if new else True,
            e.getUseValuesFromTriggerTime() if self.level > 1 else True,
        )
