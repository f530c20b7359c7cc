"""Names inside module expressions: give local names their module's prefix, list names and naked numbers.

>>> prefixed("k*(drive - crh)/other.port", "hpa", {"k", "drive", "crh"})
'hpa.k*(hpa.drive - hpa.crh)/other.port'
>>> naked_numbers("2*(1 - 0.3*x)")
[0.3]
"""

from __future__ import annotations

import re
from collections.abc import Collection

from euthymia.engine.syntax import Node, parse

_NAME = re.compile(r"(?<![\w.])[A-Za-z_]\w*(?:\.\w+)*(?!\s*\()(?![\w.])")
PLAIN = (0.0, 1.0, 2.0)


def prefixed(text: str, module: str, local: Collection[str]) -> str:
    """The expression with every local name written `module.name`."""
    return _NAME.sub(lambda m: f"{module}.{m[0]}" if m[0] in local else m[0], text)


def naked_numbers(text: str) -> list[float]:
    """Numbers of an expression other than 0, 1 and 2, which need to be named parameters."""
    found: list[float] = []
    stack: list[Node] = [parse(text)]
    while stack:
        node = stack.pop()
        if node.kind == "number" and float(node.value) not in PLAIN:
            found.append(float(node.value))
        stack.extend(node.args)
    return sorted(found)


def names(text: str) -> set[str]:
    """Every name an expression reads."""
    return parse(text).names()
