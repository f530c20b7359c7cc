"""Expression text to a syntax tree: tokens, precedence, and errors that name the column.

In: text such as `Vmax * C / (Km + C) + 5 [nM]`.  Out: a `Node`.  Nothing is evaluated, no code is run.

>>> parse("a + 2*b^2").value
'+'
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from euthymia.errors import InputError, Problem, nearest

#: function name -> allowed numbers of arguments
FUNCTIONS: dict[str, tuple[int, int]] = {
    **{name: (1, 1) for name in ("exp", "log", "ln", "log10", "sqrt", "abs", "tanh", "sin", "cos", "tan")},
    **{name: (1, 1) for name in ("asin", "acos", "atan", "sinh", "cosh", "floor", "ceil", "pos", "logistic")},
    "factorial": (1, 1),
    **{name: (2, 2) for name in ("pow", "xor")},
    "hill": (3, 3),
    "if": (3, 3),
    "min": (1, 64),
    "max": (1, 64),
}
_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(?:\s*\[(?P<unit>[^\]\[]*)\])?"
    r"|(?P<name>[A-Za-z_][A-Za-z_0-9]*(?:\.[A-Za-z_0-9]+)*)"
    r"|(?P<op>\*\*|<=|>=|==|!=|&&|\|\||[-+*/^(),<>!])|(?P<bad>\S))"
)
_WORDS = {"and": "and", "or": "or", "not": "not", "&&": "and", "||": "or", "!": "not", "**": "^"}
_COMPARE = ("<", "<=", ">", ">=", "==", "!=")
_DEEPEST = 120


@dataclass(frozen=True, slots=True)
class Node:
    """One part of an expression.

    Parameters
    ----------
    kind : str
        "number", "name", "call" or "op".
    value : str | float
        The number, the name, the function, or the operator.
    args : tuple of Node
    unit : str
        The bracketed unit of a number; empty where there is none.
    column : int
        Place in the text, counted from 1.
    """

    kind: str
    value: str | float
    args: tuple[Node, ...] = ()
    unit: str = ""
    column: int = 0

    def names(self) -> set[str]:
        """Every id that the expression reads."""
        found: set[str] = set()
        stack = [self]
        while stack:
            node = stack.pop()
            if node.kind == "name":
                found.add(str(node.value))
            stack.extend(node.args)
        return found


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    unit: str
    column: int


def _tokens(text: str) -> list[_Token]:
    found = []
    place = 0
    stripped = text.rstrip()
    while place < len(stripped):
        match = _TOKEN.match(stripped, place)
        assert match is not None
        kind = str(match.lastgroup if match.lastgroup != "unit" else "number")
        if kind == "bad":
            raise _fault(text, match.start("bad") + 1, f"'{match['bad']}' has no meaning here")
        word = match[kind]
        if word in _WORDS:
            kind, word = "op", _WORDS[word]
        found.append(_Token(kind, word, match["unit"] or "", match.start(kind if match[kind] else "op") + 1))
        place = match.end()
    found.append(_Token("end", "", "", len(stripped) + 1))
    return found


def _fault(text: str, column: int, message: str) -> InputError:
    return InputError([Problem(f"column {column} of '{text[:200]}': {message}")])


class _Parser:
    def __init__(self, text: str):
        self.text = text
        self.tokens = _tokens(text)
        self.at = 0
        self.depth = 0

    def peek(self) -> _Token:
        return self.tokens[self.at]

    def take(self, *texts: str) -> _Token | None:
        token = self.tokens[self.at]
        if token.kind == "op" and token.text in texts:
            self.at += 1
            return token
        return None

    def need(self, text: str) -> None:
        if not self.take(text):
            got = self.peek()
            raise _fault(self.text, got.column, f"expected '{text}', found '{got.text or 'the end'}'")

    def whole(self) -> Node:
        node = self.either()
        if self.peek().kind != "end":
            raise _fault(
                self.text, self.peek().column, f"'{self.peek().text}' after the end of the expression"
            )
        return node

    def either(self) -> Node:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise _fault(self.text, self.peek().column, f"nested more than {_DEEPEST} deep")
        node = self.both()
        while token := self.take("or"):
            node = Node("op", "or", (node, self.both()), column=token.column)
        self.depth -= 1
        return node

    def both(self) -> Node:
        node = self.negation()
        while token := self.take("and"):
            node = Node("op", "and", (node, self.negation()), column=token.column)
        return node

    def negation(self) -> Node:
        turns = []
        while token := self.take("not"):
            turns.append(token)
        node = self.comparison()
        if len(turns) % 2:
            node = Node("op", "not", (node,), column=turns[0].column)
        return node

    def comparison(self) -> Node:
        node = self.total()
        if token := self.take(*_COMPARE):
            node = Node("op", token.text, (node, self.total()), column=token.column)
        return node

    def total(self) -> Node:
        node = self.product()
        while token := self.take("+", "-"):
            node = Node("op", token.text, (node, self.product()), column=token.column)
        return node

    def product(self) -> Node:
        node = self.signed()
        while token := self.take("*", "/"):
            node = Node("op", token.text, (node, self.signed()), column=token.column)
        return node

    def signed(self) -> Node:
        minus = None
        while token := self.take("-", "+"):
            if token.text == "-":
                minus = None if minus else token
        node = self.power()
        return Node("op", "neg", (node,), column=minus.column) if minus else node

    def power(self) -> Node:
        base = self.atom()
        if token := self.take("^"):
            self.depth += 1
            if self.depth > _DEEPEST:
                raise _fault(self.text, token.column, f"nested more than {_DEEPEST} deep")
            base = Node("op", "^", (base, self.signed()), column=token.column)
            self.depth -= 1
        return base

    def atom(self) -> Node:
        token = self.peek()
        if token.kind == "number":
            self.at += 1
            return Node("number", float(token.text), unit=token.unit.strip(), column=token.column)
        if token.kind == "name":
            self.at += 1
            if self.take("("):
                return self.call(token)
            return Node("name", token.text, column=token.column)
        if self.take("("):
            node = self.either()
            self.need(")")
            return node
        raise _fault(
            self.text, token.column, f"expected a number, a name or '(', found '{token.text or 'the end'}'"
        )

    def call(self, token: _Token) -> Node:
        if token.text not in FUNCTIONS:
            hint = nearest(token.text, FUNCTIONS)
            raise _fault(
                self.text,
                token.column,
                f"'{token.text}' is no known function{hint}; known: {', '.join(FUNCTIONS)}",
            )
        args: list[Node] = []
        if not self.take(")"):
            args.append(self.either())
            while self.take(","):
                args.append(self.either())
            self.need(")")
        low, high = FUNCTIONS[token.text]
        if not low <= len(args) <= high:
            raise _fault(self.text, token.column, f"{token.text}() takes {low} arguments, got {len(args)}")
        return Node("call", token.text, tuple(args), column=token.column)


@lru_cache(maxsize=65536)
def parse(text: str) -> Node:
    """Read an expression.

    Raises
    ------
    InputError
        The text is no expression; the message names the column and what was expected.
    """
    try:
        return _Parser(str(text)).whole()
    except RecursionError:
        raise _fault(str(text), 1, "nested too deep") from None
