"""Tokens to a tree, by recursive descent over a whitelist: what is not listed here is ``Unparsable``.

Binding, from loose to tight: sums; products, quotients and juxtaposition, from left to right; powers;
postfixes.
A function without brackets takes the factors up to the next operator or function: ``sin 2x cos y`` is
``sin(2x) cos(y)``, ``sin x^2`` is ``sin(x^2)``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

from verifier.rewards.math.notation import _GREEK as GREEK_NAMES
from verifier.rewards.math.syntax import (
    MAX_DEPTH,
    Call,
    Const,
    Node,
    Num,
    Sym,
    TooLarge,
    Unparsable,
    add,
    check_depth,
    mul,
    neg,
)
from verifier.rewards.math.tokens import Token

GREEK = frozenset(GREEK_NAMES) - {"Gamma"}
_SYNONYMS = {
    "asin": "arcsin", "acos": "arccos", "atan": "arctan", "lg": "log10", "log": "log10", "ceiling": "ceil",
    "arctg": "arctan", "tg": "tan", "ctg": "cot", "cosec": "csc", "arsinh": "arcsinh", "arcosh": "arccosh",
    "artanh": "arctanh", "asinh": "arcsinh", "acosh": "arccosh", "atanh": "arctanh", "Gamma": "gamma",
    "sign": "sgn",
}  # fmt: skip
FUNCTIONS = frozenset(
    (  # noqa: SIM905
        "sin cos tan cot sec csc arcsin arccos arctan arccot arcsec arccsc sinh cosh tanh coth sech csch "
        "arcsinh arccosh arctanh cis ln log10 exp sqrt abs floor ceil gamma sgn gcd lcm max min Re Im cbrt "
        "erf zeta"
    ).split()
)
_SEVERAL = frozenset({"gcd", "lcm", "max", "min"})
_NAMES = sorted(
    (FUNCTIONS | set(_SYNONYMS)) - {"gamma", "Re", "Im", "zeta"} | {"frac", "binom"}, key=len, reverse=True
)
_NAMED_CONSTANTS = {
    "pi": "pi",
    "oo": "inf",
    "infty": "inf",
    "infinity": "inf",
    "inf": "inf",
    "Infinity": "inf",
}
_WORD_PARTS = re.compile("|".join([*sorted(_NAMED_CONSTANTS, key=len, reverse=True), *_NAMES, "[A-Za-z]"]))
_ACCENTS = frozenset(
    ["vec", "hat", "bar", "overline", "overrightarrow", "dot", "tilde", "widehat", "mathbf", "overrightarrow"]
)
_CLOSERS = {"(": ")", "[": "]", "{": "}"}
_MAX_WORD = 4


def parse(tokens: Sequence[Token]) -> Node:
    """The expression that all of the tokens make.

    Raises:
        Unparsable: they make none of this grammar.
        TooLarge: it is nested too deeply.
    """
    parser = _Parser(_split_words(tokens))
    node = parser.sum()
    if not parser.at_end():
        raise Unparsable
    check_depth(node)
    return node


def _split_words(tokens: Sequence[Token]) -> list[Token]:
    """Runs of letters as function names, constants and variables."""
    split: list[Token] = []
    for token in tokens:
        if token.kind != "word":
            split.append(token)
            continue
        parts = _WORD_PARTS.findall(token.value)
        if is_prose(token.value):
            raise Unparsable
        for number, part in enumerate(parts):
            kind = "let" if len(part) == 1 else "cmd"
            split.append(Token(kind, part, token.spaced and number == 0))
    return split


def is_prose(word: str) -> bool:
    """Whether a run of letters is a word, rather than names of functions and variables written together."""
    letters = [part for part in _WORD_PARTS.findall(word) if len(part) == 1]
    if len(letters) > _MAX_WORD:
        return True
    if len(letters) < len(word):
        return False
    return len(word) > 2 and word[1:].islower() and bool(set(word[1:]) & set("aeiou"))


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.position = 0
        self.depth = 0
        self.bars = 0

    # Looking

    def at_end(self) -> bool:
        return self.position >= len(self.tokens)

    def is_symbol(self, *values: str) -> bool:
        """Whether a plain symbol of these comes next."""
        return not self.at_end() and self.peek().kind == "sym" and self.peek().value in values

    def is_command(self, *values: str) -> bool:
        return not self.at_end() and self.peek().kind == "cmd" and self.peek().value in values

    def peek(self) -> Token:
        if self.at_end():
            raise Unparsable
        return self.tokens[self.position]

    def take(self) -> Token:
        token = self.peek()
        self.position += 1
        return token

    def expect(self, value: str) -> None:
        if not self.is_symbol(value):
            raise Unparsable
        self.position += 1

    # Sums and products

    def sum(self) -> Node:
        self.deepen()
        terms: list[Node] = []
        if not self.is_symbol("+", "-", "±", "∓"):
            terms.append(self.product())
        while self.is_symbol("+", "-", "±", "∓"):
            sign = self.sign()
            term = self.product()
            if sign in "+-":
                terms.append(term if sign == "+" else neg(term))
            else:
                before = add(*terms) if terms else Num(Fraction(0))
                terms = [Call("pm" if sign == "±" else "mp", (before, term))]
        self.depth -= 1
        return add(*terms)

    def deepen(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise TooLarge

    def sign(self) -> str:
        """One sign out of one or several: ``--`` is ``+``."""
        sign = self.take().value
        while self.is_symbol("+", "-") and sign in "+-":
            sign = "+" if self.take().value == sign else "-"
        return sign

    def product(self) -> Node:
        factors = [self.power()]
        while not self.at_end():
            if self.is_symbol("*"):
                self.take()
                factors.append(self._signed_power())
            elif self.is_symbol("/"):
                self.take()
                divisor = self._signed_power()
                factors = [Call("div", (mul(*factors), divisor))]
            elif self._starts_factor():
                factors.append(self._juxtaposed(factors))
            else:
                break
        return mul(*factors)

    def _juxtaposed(self, factors: list[Node]) -> Node:
        """The next factor of a product without a sign; numbers side by side are no product."""
        token = self.peek()
        if token.kind == "num" and isinstance(factors[-1], Num):
            return self._mixed(factors)
        before = factors[-1]
        factor = self.power()
        if token.value == "{" and isinstance(before, Num) and isinstance(factor, Num):
            raise Unparsable  # printed as the digits of one number
        if (
            isinstance(before, Num)
            and token.kind == "cmd"
            and token.value == "frac"
            and _is_proper(before, factor)
        ):
            whole = factors.pop()
            return add(whole, factor)
        return factor

    def _mixed(self, factors: list[Node]) -> Node:
        """``7 3/4``."""
        above = self.take()
        if len(factors) != 1 or not above.spaced or not self.is_symbol("/"):
            raise Unparsable
        self.take()
        below = self.take()
        if below.kind != "num" or above.number is None or below.number is None:
            raise Unparsable
        part = Call("div", (above.number, below.number))
        if not _is_proper(factors[0], part):
            raise Unparsable
        return add(factors.pop(), part)

    def _starts_factor(self) -> bool:
        token = self.peek()
        if token.kind in ("num", "let"):
            return True
        if token.kind == "cmd":
            return token.value not in ("}", "rfloor", "rceil")
        return token.value in "([{π∞" or (token.value == "|" and self.bars == 0)

    def _signed_power(self) -> Node:
        if self.is_symbol("-"):
            self.take()
            return neg(self.power())
        if self.is_symbol("+"):
            self.take()
        return self.power()

    # Powers and what follows an atom

    def power(self) -> Node:
        base = self._postfixes(self.atom())
        if self.is_symbol("^"):
            self.take()
            base = self._postfixes(Call("pow", (base, self.exponent())))
            if self.is_symbol("^"):
                raise Unparsable
        return base

    def _postfixes(self, node: Node) -> Node:
        while self.is_symbol("!", "°", "%"):
            mark = self.take().value
            if mark == "!":
                double = self.is_symbol("!") and not self.peek().spaced
                if double:
                    self.take()
                node = Call("factorial2" if double else "factorial", (node,))
            else:
                node = mul(node, Const("deg" if mark == "°" else "percent"))
        return node

    def exponent(self) -> Node:
        """What a ``^`` raises to: a group, a bracket, or one atom, with its sign."""
        if self.is_symbol("-", "+"):
            return neg(self.exponent_atom()) if self.sign() == "-" else self.exponent_atom()
        return self.exponent_atom()

    def exponent_atom(self) -> Node:
        if self.is_symbol("{"):
            return self.group()
        if self.is_symbol("("):
            return self.bracketed()
        if not self.at_end() and (self.peek().kind in ("num", "let") or self.is_symbol("π", "∞")):
            return self.atom()
        return self.command(self.take()) if not self.at_end() and self.peek().kind == "cmd" else self._fail()

    def group(self) -> Node:
        """``{…}``."""
        self.expect("{")
        node = self.sum()
        self.expect("}")
        return node

    def bracketed(self) -> Node:
        """``(…)``, ``[…]``."""
        opening = self.take().value
        bars, self.bars = self.bars, 0
        node = self.sum()
        self.bars = bars
        self.expect(_CLOSERS[opening])
        return node

    def single(self) -> Node:
        """An argument of a command: a group or, as in ``\\frac12``, one digit, letter or command."""
        if self.is_symbol("{"):
            return self.group()
        token = self.peek()
        if token.kind == "num" and len(token.value) > 1 and token.value.isdigit():
            self.tokens[self.position] = Token(
                "num", token.value[1:], number=Num(Fraction(int(token.value[1:])))
            )
            return Num(Fraction(int(token.value[0])))
        return self.atom()

    # Atoms

    def atom(self) -> Node:
        self.deepen()
        node = self._atom(self.take())
        self.depth -= 1
        return node

    def _atom(self, token: Token) -> Node:
        if token.kind == "num":
            assert token.number is not None
            return token.number
        if token.kind == "let":
            return self.letter(token.value)
        if token.kind == "cmd":
            return self.command(token)
        if token.value in ("π", "∞"):
            return Const("pi" if token.value == "π" else "inf")
        if token.value in _CLOSERS:
            self.position -= 1
            return self.bracketed() if token.value != "{" else self.group()
        if token.value == "|":
            return self.absolute()
        return self._fail()

    def absolute(self) -> Node:
        bars, self.bars = self.bars, self.bars + 1
        node = self.sum()
        self.bars = bars
        self.expect("|")
        return Call("abs", (node,))

    def letter(self, name: str) -> Node:
        if not self.is_symbol("_", "'"):
            if name == "e":
                return Const("e")
            if name == "i":
                return Const("i")
        return Sym(name + self.suffix())

    def suffix(self) -> str:
        """Subscripts and primes of a name, flattened."""
        text = ""
        while self.is_symbol("_", "'"):
            text += self.take().value
            if text.endswith("_"):
                text += self.flat_group()
        return text

    def flat_group(self) -> str:
        """The text of a group or of one token."""
        if not self.is_symbol("{"):
            token = self.peek()
            if token.kind == "num" and len(token.value) > 1 and token.value.isdigit():
                self.single()
                return token.value[0]
            return self.take().value
        depth, text = 0, ""
        while True:
            token = self.take()
            if token.kind == "sym" and token.value in "{}":
                depth += 1 if token.value == "{" else -1
                if depth == 0:
                    return text
                continue
            text += token.value

    def command(self, token: Token) -> Node:
        name = _SYNONYMS.get(token.value, token.value)
        if name == "frac":
            return Call("div", (self.single(), self.single()))
        if name == "binom":
            return Call("binom", (self.single(), self.single()))
        if name == "sqrt":
            return self.root()
        if name in ("lfloor", "lceil"):
            node = self.sum()
            if not self.is_command("rfloor" if name == "lfloor" else "rceil"):
                raise Unparsable
            self.take()
            return Call("floor" if name == "lfloor" else "ceil", (node,))
        if name in FUNCTIONS and token.value != "gamma" and token.value != "zeta":
            return self.function(name)
        if name in _NAMED_CONSTANTS:
            return Const(_NAMED_CONSTANTS[name])
        if name in GREEK or name == "ell":
            return Sym(name + self.suffix())
        if name in _ACCENTS:
            return Sym(f"{name}:{self.flat_group()}" + self.suffix())
        return self._fail()

    def root(self) -> Node:
        if not self.is_symbol("["):
            return Call("sqrt", (self._radicand(),))
        degree = self.bracketed()
        return Call("root", (self._radicand(), degree))

    def _radicand(self) -> Node:
        """A group, a bracket, or one whole atom: ``\\sqrt12`` is read as it was meant."""
        return self.group() if self.is_symbol("{") else self.atom()

    def function(self, name: str) -> Node:
        base, exponent = None, None
        while self.is_symbol("^", "_"):
            if self.take().value == "^":
                exponent = self.exponent()
            else:
                base = self.single() if name == "log10" else self._fail()
        arguments = self.arguments(name)
        node: Node = Call("log", (*arguments, base)) if base is not None else Call(name, tuple(arguments))
        if exponent is None:
            return node
        if exponent == Num(Fraction(-1)):
            return Call(f"arc{name}", tuple(arguments)) if f"arc{name}" in FUNCTIONS else self._fail()
        return Call("pow", (node, exponent))

    def arguments(self, name: str) -> list[Node]:
        if name in _SEVERAL:
            return self._several()
        if self.is_symbol("(", "[", "{"):
            return [self.bracketed() if not self.is_symbol("{") else self.group()]
        if self.is_symbol("-"):
            self.take()
            return [neg(self.power())]
        factors = [self.power()]
        while not self.at_end() and self._starts_factor() and not self._at_function():
            factors.append(self._juxtaposed(factors))
        return [mul(*factors)]

    def _several(self) -> list[Node]:
        closing = {"(": ")", "[": "]"}.get(self.take().value) or self._fail()
        nodes = [self.sum()]
        while self.is_symbol(","):
            self.take()
            nodes.append(self.sum())
        self.expect(str(closing))
        return nodes

    def _at_function(self) -> bool:
        token = self.peek()
        return token.kind == "cmd" and _SYNONYMS.get(token.value, token.value) in FUNCTIONS - {"sqrt"}

    def _fail(self) -> Node:
        raise Unparsable


def _is_proper(whole: Node, part: Node) -> bool:
    """Whether a whole number and a fraction side by side are a mixed number."""
    if not (isinstance(whole, Num) and whole.value.denominator == 1 and whole.places is None):
        return False
    if not (isinstance(part, Call) and part.name == "div"):
        return False
    above, below = part.args
    if not (isinstance(above, Num) and isinstance(below, Num)):
        return False
    return above.value.denominator == below.value.denominator == 1 and 0 < above.value < below.value
