"""The text of a `$filter`, read into a tree. Pure; recursive descent, one function a rank.

The operators are those of 18-088, table 22, in the order of their ranks: or, and, not, comparison,
add and sub, mul div and mod, minus. Text that is no expression is refused with its place and with
what could have stood there; nothing else is ever raised.
"""

from __future__ import annotations

from console.sensorthings.lexing import Word, at, words
from console.sensorthings.refusals import Refusal
from console.sensorthings.syntax import (
    COMPARISONS,
    LOGICAL,
    PRODUCTS,
    SUMS,
    Binary,
    Call,
    Node,
    Path,
    Unary,
)

MOST_DEEP = 24
MOST_NODES = 200
OPTION = "$filter"
_OPERATORS = {*LOGICAL, *COMPARISONS, *SUMS, *PRODUCTS, "not"}


def read_filter(text: str) -> Node:
    """The tree of a `$filter`. Raises Refusal."""
    reader = _Reader(words(text, OPTION))
    found = reader.either()
    if reader.next.kind != "end":
        raise reader.unexpected("an operator (and, or, eq, gt …) or the end")
    return found


class _Reader:
    def __init__(self, found: list[Word]) -> None:
        self._words = found
        self._place = 0
        self._deep = 0
        self._nodes = 0

    @property
    def next(self) -> Word:
        return self._words[self._place]

    def unexpected(self, allowed: str) -> Refusal:
        found = repr(self.next.text) if self.next.kind != "end" else "the end"
        return at(OPTION, self.next.at, f"found {found}; allowed here: {allowed}")

    def _take(self) -> Word:
        taken = self.next
        self._place += 1
        return taken

    def _takes(self, *names: str) -> str | None:
        """One of these words, when it comes next."""
        if self.next.kind in ("name", "sign") and self.next.text in names:
            return self._take().text
        return None

    def _made(self, node: Node) -> Node:
        self._nodes += 1
        if self._nodes > MOST_NODES:
            raise at(OPTION, self.next.at, f"more than {MOST_NODES} parts; ask for less at a time")
        return node

    def _go_down(self) -> None:
        self._deep += 1
        if self._deep > MOST_DEEP:
            raise at(OPTION, self.next.at, f"nested deeper than {MOST_DEEP}")

    def either(self) -> Node:
        self._go_down()
        left = self._both()
        while self._takes("or"):
            left = self._made(Binary("or", left, self._both()))
        self._deep -= 1
        return left

    def _both(self) -> Node:
        left = self._negation()
        while self._takes("and"):
            left = self._made(Binary("and", left, self._negation()))
        return left

    def _negation(self) -> Node:
        if self._takes("not"):
            self._go_down()
            inner = self._negation()
            self._deep -= 1
            return self._made(Unary("not", inner))
        return self._comparison()

    def _comparison(self) -> Node:
        left = self._sum()
        if operator := self._takes(*COMPARISONS):
            return self._made(Binary(operator, left, self._sum()))
        return left

    def _sum(self) -> Node:
        left = self._product()
        while operator := self._takes(*SUMS):
            left = self._made(Binary(operator, left, self._product()))
        return left

    def _product(self) -> Node:
        left = self._signed()
        while operator := self._takes(*PRODUCTS):
            left = self._made(Binary(operator, left, self._signed()))
        return left

    def _signed(self) -> Node:
        if self._takes("-"):
            self._go_down()
            inner = self._signed()
            self._deep -= 1
            return self._made(Unary("-", inner))
        return self._single()

    def _single(self) -> Node:
        word = self.next
        if word.literal is not None:
            self._take()
            return self._made(word.literal)
        if self._takes("("):
            inner = self.either()
            if not self._takes(")"):
                raise self.unexpected("an operator or ')'")
            return inner
        if word.kind != "name" or word.text in _OPERATORS:
            raise self.unexpected("a property, a value, a function, 'not' or '('")
        self._take()
        if self._takes("("):
            return self._made(Call(word.text, self._arguments()))
        return self._made(Path(tuple(word.text.split("/"))))

    def _arguments(self) -> tuple[Node, ...]:
        if self._takes(")"):
            return ()
        found = [self.either()]
        while self._takes(","):
            found.append(self.either())
        if not self._takes(")"):
            raise self.unexpected("an operator, ',' or ')'")
        return tuple(found)
