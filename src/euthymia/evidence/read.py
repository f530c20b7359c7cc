"""Library and protocol files to plain data that remembers where every key stood.

Files are strict YAML 1.2 (`1e-9` is a number, `NO` is text), in UTF-8.  Loading executes nothing.  A file is
checked against the JSON Schema of its kind; all problems are reported at once with file, line and column.

>>> document = parse("dose: 20 mg\\nn: 3\\n", "trial.yaml")
>>> document.data
{'dose': '20 mg', 'n': 3}
>>> str(document.problem(("n",), "too few"))
'trial.yaml:2:4: n: too few'
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, ClassVar

from euthymia.errors import InputError, Problem, nearest

Path_ = tuple[str | int, ...]
LIBRARY = Path(str(files("euthymia") / "library"))


@dataclass(frozen=True, slots=True)
class Document:
    """Plain data of one file with the line and column of every value.

    Parameters
    ----------
    data : Any
        Dicts, lists, strings, numbers, booleans, None.
    name : str
        The file as the user named it.
    places : dict of path to (line, column)
        Where each value (and each key, under path + ('@',)) stands, counted from 1.
    """

    data: Any
    name: str
    places: dict[Path_, tuple[int, int]] = field(default_factory=dict, repr=False)

    def problem(self, path: Path_, message: str, at_key: bool = False) -> Problem:
        """A `Problem` at `path`; where the path itself does not exist, at its nearest parent."""
        place = self.places.get((*path, "@")) if at_key else None
        known = path
        while place is None:
            place = self.places.get(known)
            if not known:
                break
            known = known[:-1]
        line, column = place or (0, 0)
        return Problem(message, self.name, line, column, ".".join(str(p) for p in path))


@cache
def _loader() -> Any:
    """libyaml's parser with the core schema of YAML 1.2 in place of the rules of YAML 1.1."""
    import yaml

    class Core(yaml.CSafeLoader):
        yaml_implicit_resolvers: ClassVar[dict] = {}

    for kind, pattern in _CORE.items():
        Core.add_implicit_resolver(f"tag:yaml.org,2002:{kind}", re.compile(f"^(?:{pattern})$"), None)
    return Core


_CORE = {
    "int": r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+",
    "float": r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
    "bool": r"true|True|TRUE|false|False|FALSE",
    "null": r"~|null|Null|NULL|",
}


@cache
def _dumper() -> Any:
    """PyYAML's writer, which quotes what YAML 1.1 would take for a number, made to quote for YAML 1.2 as well."""
    import yaml

    class Quoting(yaml.SafeDumper):
        yaml_implicit_resolvers: ClassVar[dict] = dict(yaml.SafeDumper.yaml_implicit_resolvers)

    for kind, pattern in _CORE.items():
        Quoting.add_implicit_resolver(f"tag:yaml.org,2002:{kind}", re.compile(f"^(?:{pattern})$"), None)
    return Quoting


def dump(data: Any, flow: bool | None = False) -> str:
    """YAML text that `parse` reads back as the same data.

    >>> print(dump({"title": "0E0", "seed": 1}), end="")
    title: '0E0'
    seed: 1
    """
    import yaml

    text: str = yaml.dump(
        data, Dumper=_dumper(), sort_keys=False, default_flow_style=flow, allow_unicode=True, width=110
    )
    return text


def parse(text: str, name: str) -> Document:
    """Read YAML 1.2 text.

    Raises
    ------
    InputError
        Syntax error or duplicate keys, each with its place.
    """
    import yaml

    problems: list[Problem] = []
    places: dict[Path_, tuple[int, int]] = {}
    try:
        node = yaml.compose(text, Loader=_loader())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        reason = (error.problem or error.context or "cannot be read").strip()
        raise InputError([Problem(f"YAML syntax: {reason}", name, *place)]) from None
    except (yaml.YAMLError, ValueError) as error:
        raise InputError([Problem(f"not YAML text: {str(error).splitlines()[0]}", name)]) from None
    data = _plain(node, (), places, problems, name, frozenset()) if node is not None else None
    if problems:
        raise InputError(problems)
    return Document(data, name, places)


def _plain(node: Any, path: Path_, places: dict, problems: list, name: str, above: frozenset[int]) -> Any:
    places[path] = (node.start_mark.line + 1, node.start_mark.column + 1)
    if id(node) in above:
        problems.append(Problem("an alias that contains itself", name, *places[path]))
        return None
    if node.id == "mapping":
        above = above | {id(node)}
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            place = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)
            if key_node.id != "scalar":
                problems.append(Problem("a key must be plain text", name, *place))
                continue
            if key in result:
                problems.append(Problem(f"'{key}' stands here a second time", name, *place, key))
                continue
            places[(*path, key, "@")] = place
            result[key] = _plain(value_node, (*path, key), places, problems, name, above)
        return result
    if node.id == "sequence":
        above = above | {id(node)}
        return [_plain(v, (*path, i), places, problems, name, above) for i, v in enumerate(node.value)]
    return _scalar(node.tag.rsplit(":", 1)[-1], node.value)


def _scalar(kind: str, text: str) -> Any:
    if kind == "int":
        return int(text, {"0x": 16, "0o": 8}.get(text[:2], 10))
    if kind == "float":
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    if kind == "bool":
        return text.lower() == "true"
    return None if kind == "null" else text


def read_text(path: str | Path) -> str:
    """The text of a file, with a clear error for a folder, a missing file or a wrong encoding."""
    name = str(path)
    try:
        return Path(path).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = Path(path).read_bytes()[: error.start].count(b"\n") + 1
        raise InputError(
            [Problem(f"byte {error.start} is not UTF-8; save the file as UTF-8", name, line)]
        ) from None
    except IsADirectoryError:
        raise InputError([Problem("is a folder; a YAML file is expected", name)]) from None
    except FileNotFoundError:
        there = [p.name for p in Path(path).parent.glob("*")] if Path(path).parent.is_dir() else []
        raise InputError([Problem("no such file" + nearest(Path(path).name, there), name)]) from None
    except OSError as error:
        raise InputError([Problem(f"cannot be read: {error.strerror}", name)]) from None


@lru_cache(maxsize=512)
def _load(path: str, stamp: tuple[int, int], kind: str, name: str) -> Document:
    document = parse(read_text(path), name)
    if kind:
        problems = list(validate(document, kind))
        if problems:
            raise InputError(problems)
    return document


def load(path: str | Path, kind: str = "") -> Document:
    """Read one file and, where `kind` is given, check it against `library/schema/<kind>.schema.json`.

    Raises
    ------
    InputError
        Every problem of the file.
    """
    path = Path(path)
    name = (
        str(path.relative_to(LIBRARY)) if path.is_absolute() and path.is_relative_to(LIBRARY) else str(path)
    )
    if not path.is_file():
        read_text(path)
    stat = path.stat()
    return _load(str(path), (stat.st_mtime_ns, stat.st_size), kind, name)


@cache
def schema(kind: str) -> dict[str, Any]:
    """The published JSON Schema of one kind of file."""
    return json.loads((LIBRARY / "schema" / f"{kind}.schema.json").read_text("utf-8"))


@cache
def _validator(kind: str) -> Any:
    from jsonschema import Draft202012Validator
    from referencing import Registry, Resource

    common = Resource.from_contents(schema("common"))
    registry: Any = Registry().with_resource("common.schema.json", common)
    return Draft202012Validator(schema(kind), registry=registry)


def validate(document: Document, kind: str) -> Iterator[Problem]:
    """Every departure of a document from the schema of its kind, in reading order."""
    found = [p for error in _validator(kind).iter_errors(document.data) for p in _problems(document, error)]
    yield from sorted(set(found), key=lambda p: (p.line, p.column, p.message))
    yield from (
        document.problem(path, "is not a finite number")
        for path, value in walk(document.data)
        if isinstance(value, float) and not math.isfinite(value)
    )


def walk(data: Any, path: Path_ = ()) -> Iterator[tuple[Path_, Any]]:
    """Every value of nested data with its path."""
    yield path, data
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        yield from walk(value, (*path, key))


def _problems(document: Document, error: Any) -> Iterator[Problem]:
    path = tuple(error.absolute_path)
    value, rule, allowed = error.instance, error.validator, error.validator_value
    if rule == "additionalProperties" and isinstance(value, dict):
        known = list(error.schema.get("properties", {}))
        for key in value:
            if key not in known:
                hint = nearest(str(key), known) or f"; allowed: {', '.join(known)}"
                yield document.problem((*path, key), f"unknown key '{key}'{hint}", at_key=True)
    elif rule == "required":
        missing = [key for key in allowed if key not in value]
        yield document.problem(
            path, f"'{missing[0]}' is missing" if len(missing) == 1 else f"missing: {', '.join(missing)}"
        )
    elif rule in ("oneOf", "anyOf") and error.context:
        depth = max(len(e.absolute_path) for e in error.context)
        deepest = [e for e in error.context if len(e.absolute_path) == depth and depth > len(path)]
        if deepest:
            yield from _problems(document, deepest[0])
        else:
            yield document.problem(path, f"should be {_expected(error.schema)}, got {_show(value)}")
    elif rule in ("enum", "const"):
        options = allowed if rule == "enum" else [allowed]
        hint = nearest(str(value), options) or f"; allowed: {', '.join(map(str, options))}"
        yield document.problem(path, f"unknown value {_show(value)}{hint}")
    elif rule == "type":
        yield document.problem(path, f"should be {_expected(error.schema)}, got {_show(value)}")
    elif rule == "pattern":
        yield document.problem(
            path, f"should be {error.schema.get('description', allowed)}, got {_show(value)}"
        )
    elif rule in ("minItems", "minProperties", "minLength"):
        yield document.problem(path, f"needs at least {allowed} {'entry' if allowed == 1 else 'entries'}")
    elif rule in ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"):
        words = {
            "minimum": "at least",
            "exclusiveMinimum": "above",
            "maximum": "at most",
            "exclusiveMaximum": "below",
        }
        yield document.problem(path, f"should be {words[rule]} {allowed}, got {_show(value)}")
    else:
        yield document.problem(path, error.message if len(error.message) < 160 else f"does not fit ({rule})")


_WORDS = {
    "integer": "a whole number",
    "number": "a number",
    "string": "text",
    "boolean": "true or false",
    "object": "a block of keys",
    "array": "a list",
    "null": "empty",
}


def _expected(part: dict[str, Any]) -> str:
    if "description" in part:
        return str(part["description"])
    kinds = part.get("type", [])
    kinds = (
        [kinds]
        if isinstance(kinds, str)
        else [k for k in kinds if not (k == "integer" and "number" in kinds)]
    )
    return " or ".join(_WORDS[k] for k in kinds) or "of another form"


def _show(value: Any) -> str:
    text = (
        "a block of keys" if isinstance(value, dict) else "a list" if isinstance(value, list) else repr(value)
    )
    return text if len(text) < 80 else text[:77] + "..."
