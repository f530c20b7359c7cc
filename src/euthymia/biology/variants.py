"""A rival form of a module: what it changes, laid over the form it stands in for.

In: the document of `<module>.<variant>.yaml`, which holds only what differs.  Out: the whole module as plain data.
States, assignments, ports, parameters and edges of the ordinary form are kept unless the rival defines an id anew or
lists it under `without` (an edge as `source->target`); constants and ports that nothing reads any more fall away, and
with them their edges.
Outputs are those of the ordinary form and more, so that a rival can always take its place.

>>> variants("hpa")
('bingzheng', 'gupta')
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from euthymia.biology.expressions import names
from euthymia.errors import InputError, nearest
from euthymia.evidence.read import LIBRARY, Document, load

FOLDER = LIBRARY / "modules"
BLOCKS = ("states", "assignments", "parameters", "ports")


def variants(name: str) -> tuple[str, ...]:
    """Names of the rival forms of a module."""
    return tuple(sorted(p.stem.split(".", 1)[1] for p in FOLDER.glob(f"{name}.*.yaml")))


def whole(document: Document, path: Path) -> Document:
    """The document of a module with everything a rival form inherits; other modules as they are.

    Raises
    ------
    InputError
        The ordinary form is missing, `without` names what it does not have, or a port differs from it.
    """
    data = document.data
    if "variant" not in data:
        return document
    beside = path.with_name(f"{data['module']}.yaml")
    base = load(beside if beside.is_file() else FOLDER / beside.name, "module").data
    problems = []
    known = {key for block in BLOCKS for key in base[block]}
    known |= {f"{e['from']}->{e['to']}" for e in base["edges"]}
    for i, key in enumerate(data.get("without", [])):
        if key not in known:
            message = f"the ordinary form has no '{key}'{nearest(key, known)}"
            problems.append(document.problem(("without", i), message))
    for key, port in data.get("ports", {}).items():
        ordinary = base["ports"].get(key)
        for field in ("unit", "default"):
            if ordinary and ordinary[field] != port[field]:
                message = f"a rival form keeps the ports: '{key}' has {field} {ordinary[field]} in the ordinary form"
                problems.append(document.problem(("ports", key, field), message))
    if problems:
        raise InputError(problems)
    return Document(_merged(base, data), document.name, document.places)


def _merged(base: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
    own = {key for block in BLOCKS for key in data.get(block, {})}
    gone = {*own, *data.get("without", [])}
    made: dict[str, Any] = {
        block: {k: v for k, v in base[block].items() if k not in gone} | data.get(block, {})
        for block in BLOCKS
    }
    texts = [str(s[k]) for s in made["states"].values() for k in ("rate", "initial")]
    texts += [str(a["expression"]) for a in made["assignments"].values()]
    read = {name for text in texts for name in names(text)}
    for block in ("parameters", "ports"):
        made[block] = {k: v for k, v in made[block].items() if k in read or k in own}
    dynamic = {*made["states"], *made["assignments"]}
    replaced = {(e["from"], e["to"]) for e in data.get("edges", [])}
    kept = [
        e
        for e in base["edges"]
        if (e["from"], e["to"]) not in replaced
        and f"{e['from']}->{e['to']}" not in gone
        and e["strength"] in made["parameters"]
        and e["to"] in dynamic
        and e["from"] in {*dynamic, *made["ports"]}
    ]
    edges = [*data.get("edges", []), *kept]  # own edges first: their places are those of the file
    outputs = [*base["outputs"], *(o for o in data.get("outputs", []) if o not in base["outputs"])]
    groups = [*base.get("population_only", []), *data.get("population_only", [])]
    about = data.get("about", "")
    return {**data, **made, "edges": edges, "outputs": outputs, "population_only": groups, "about": about}
