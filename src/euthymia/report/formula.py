"""Expressions as presentation MathML, which browsers typeset without any script.

>>> formula("k*(a - b)", {"k": "k"})[:6]
'<math>'
"""

from __future__ import annotations

import html
from collections.abc import Mapping

from euthymia.engine.syntax import Node, parse

LEVEL = {"or": 1, "and": 2, "+": 4, "-": 4, "*": 5, "/": 6, "neg": 6, "^": 7}
SIGN = {"*": "\u2062\u00b7", "-": "\u2212", "<=": "\u2264", ">=": "\u2265", "and": "and", "or": "or"}
ATOM = 9
SYMBOLS = {"tau": "\u03c4", "k": "k", "v": "v", "n": "n", "chi": "\u03c7", "pi": "\u03c0"}
NARROW = "\u202f"  # a space that does not break


def formula(text: str, names: Mapping[str, str] | None = None) -> str:
    """An expression, typeset.

    Parameters
    ----------
    names : mapping
        Id to the name shown; other ids lose the prefix before their last dot.
    """
    return f"<math>{_row(parse(text), names or {})[0]}</math>"


def equation(left: str, text: str, names: Mapping[str, str] | None = None, *, rate: bool = False) -> str:
    """`left = expression`, or the rate of change of `left`."""
    known = names or {}
    name = _name(left, known)
    if rate:
        d = "<mi mathvariant='normal'>d</mi><mspace width='.15em'/>"
        name = f"<mfrac><mrow>{d}{name}</mrow><mrow>{d}<mi>t</mi></mrow></mfrac>"
    return f"<math display='block'><mrow>{name}<mo>=</mo>{_row(parse(text), known)[0]}</mrow></math>"


def _name(id: str, names: Mapping[str, str]) -> str:
    shown = names.get(id, id.rsplit(".", 1)[-1] if id.count(".") and not id[0].isupper() else id)
    head, _, rest = shown.partition("_")
    if rest and head in SYMBOLS:
        return f"<msub><mi>{SYMBOLS[head]}</mi>{_words(rest)}</msub>"
    return f"<mi>{SYMBOLS[shown]}</mi>" if shown in SYMBOLS else _words(shown)


def _words(text: str) -> str:
    return f"<mi mathvariant='normal'>{html.escape(text.replace('_', NARROW))}</mi>"


def _row(node: Node, names: Mapping[str, str]) -> tuple[str, int]:
    """MathML of a node and how tightly it binds."""
    if node.kind == "number":
        return f"<mn>{float(node.value):g}</mn>", ATOM
    if node.kind == "name":
        return _name(str(node.value), names), ATOM
    if node.kind == "call":
        return _call(node, names), ATOM
    op = str(node.value)
    if len(node.args) == 1:
        inner = _bound(node.args[0], LEVEL["neg"], names)
        return f"<mrow><mo>{'not ' if op == 'not' else SIGN['-']}</mo>{inner}</mrow>", LEVEL["neg"]
    a, b = node.args
    if op == "/":
        return (
            f"<mfrac displaystyle='true'><mrow>{_row(a, names)[0]}</mrow><mrow>{_row(b, names)[0]}</mrow></mfrac>",
            ATOM,
        )
    if op == "^":
        return f"<msup>{_bound(a, ATOM, names)}<mrow>{_row(b, names)[0]}</mrow></msup>", LEVEL["^"]
    level = LEVEL.get(op, 3)
    right = level + (op == "-")
    sign = html.escape(SIGN.get(op, op))
    return f"<mrow>{_bound(a, level, names)}<mo>{sign}</mo>{_bound(b, right, names)}</mrow>", level


def _bound(node: Node, level: int, names: Mapping[str, str]) -> str:
    text, own = _row(node, names)
    return text if own >= level else f"<mrow><mo>(</mo>{text}<mo>)</mo></mrow>"


def _call(node: Node, names: Mapping[str, str]) -> str:
    name, args = str(node.value), [_row(a, names)[0] for a in node.args]
    if name == "pos":
        return f"<msub><mrow><mo>[</mo>{args[0]}<mo>]</mo></mrow><mo>+</mo></msub>"
    if name == "sqrt":
        return f"<msqrt>{args[0]}</msqrt>"
    if name == "exp":
        return f"<msup><mi>e</mi><mrow>{args[0]}</mrow></msup>"
    shown = {"log": "ln", "if": "if"}.get(name, name)
    inner = "<mo>,</mo>".join(args)
    return f"<mrow><mi mathvariant='normal'>{shown}</mi><mo>(</mo>{inner}<mo>)</mo></mrow>"
