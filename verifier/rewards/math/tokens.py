"""Normalised notation as tokens. Numbers are whole tokens: thousands, repeating decimals, exponents."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from verifier.rewards.math.notation import THOUSANDS_COMMA
from verifier.rewards.math.syntax import MAX_DIGITS, MAX_TOKENS, Num, TooLarge, Unparsable

_MAX_EXPONENT = 5_000
_BLOCK = 4_000
_MAX_NESTING = 12


@dataclass(frozen=True, slots=True)
class Token:
    """``kind``: ``num``, ``cmd`` (without backslash), ``word`` (letters), ``text``, ``sym``, ``joint``."""

    kind: str
    value: str
    spaced: bool = False
    """White space stands before it."""
    number: Num | None = None


_T = THOUSANDS_COMMA
_NUMBER = re.compile(
    rf"""
    (?P<marked>\d{{1,3}}(?:{_T}\d{{3}})+(?!\d))(?:\.(?P<marked_places>\d+))?
    |(?P<marked_comma>\d+){_T}(?P<marked_comma_places>\d+)
    |(?P<comma>\d{{1,3}}(?:,\d{{3}})+(?![\d,]))(?:\.(?P<comma_places>\d+))?
    |(?P<indian>\d{{1,2}}(?:,\d{{2}})+,\d{{3}}(?![\d,]))(?:\.(?P<indian_places>\d+))?
    |(?P<dots>\d{{1,3}}(?:\.\d{{3}})+),(?P<dots_places>\d{{1,2}})(?!\d)
    |(?P<only_dots>\d{{1,3}}(?:\.\d{{3}}){{2,}}(?![\d]))
    |(?P<gap>\d{{1,3}}(?:(?:[ ]{{1,2}}|')\d{{3}})+(?![\d/]))(?:\.(?P<gap_places>\d+))?
    |(?P<repeating>\d*\.\d*)(?:\\(?:overline|bar|dot)\s*\{{?\s*(?P<period>\d+)\s*\}}?|\((?P<period2>\d+)\))
    |(?P<plain>\d+\.?\d*|\.\d+)(?P<ellipsis>\.\.\.|\s*\\ldots)?
    """,
    re.VERBOSE,
)
_PLAIN_NUMBER = re.compile(r"(?P<plain>\d+\.?\d*|\.\d+)(?P<ellipsis>$^)?")
_EXPONENT = re.compile(r"[eE]([-+]?\d+)(?![\d.])")
_OTHER = re.compile(r"(?P<space>\s+)|\\(?P<cmd>[A-Za-z]+|.)|(?P<word>[A-Za-z]+)|(?P<sym>.)", re.DOTALL)
_TEXT_COMMANDS = frozenset(
    (  # noqa: SIM905
        "text mbox hbox textbf textit textrm textsf texttt textnormal emph mathrm mathbf mathit mathsf "
        "mathtt mathcal mathscr mathfrak operatorname boldsymbol bm pmb underline boxed fbox mathbb "
        "phantom hspace vspace color textcolor label tag mathop ensuremath"
    ).split()
)
_DROPPED = frozenset({"phantom", "hspace", "vspace", "color", "textcolor", "label", "tag"})
_OPENING = frozenset("([")
_CLOSING = frozenset(")]")


def tokenize(text: str, nesting: int = 0) -> list[Token]:
    """The tokens of normalised text.

    Raises:
        TooLarge: more tokens, digits or nested text commands than an answer has.
        Unparsable: a text command that is not closed.
    """
    if nesting > _MAX_NESTING:
        raise TooLarge
    tokens: list[Token] = []
    position, depth, spaced = 0, 0, False
    while position < len(text):
        if len(tokens) > MAX_TOKENS:
            raise TooLarge
        number = _number_at(text, position, inside=depth > 0)
        if number is not None:
            token, position = number
            tokens.append(Token(token.kind, token.value, spaced, token.number))
            spaced = False
            continue
        match = _OTHER.match(text, position)
        assert match is not None
        position = match.end()
        if match["space"]:
            spaced = True
            continue
        if match["cmd"] in _TEXT_COMMANDS:
            content, position = _group(text, position)
            tokens += _text_tokens(match["cmd"], content, spaced, nesting + 1)
        else:
            tokens.append(Token(match.lastgroup or "sym", match[match.lastgroup or "sym"], spaced))
            value = tokens[-1].value
            if value in _OPENING or (value == "{" and tokens[-1].kind == "cmd"):
                depth += 1
            elif value in _CLOSING or (value == "}" and tokens[-1].kind == "cmd"):
                depth = max(0, depth - 1)
        spaced = False
    return tokens


def _number_at(text: str, position: int, inside: bool) -> tuple[Token, int] | None:
    """The number at the position, if any. Inside brackets a bare comma separates: ``(1,234)`` is a pair."""
    if not (text[position].isdigit() or text[position] == "."):
        return None
    match = _NUMBER.match(text, position)
    if match is None:
        return None
    if inside and (match["comma"] or match["indian"] or match["dots"]):
        match = _PLAIN_NUMBER.match(text, position)
        assert match is not None
        return _plain(match, text)
    groups = match.groupdict()
    if groups["plain"] is not None:
        return _plain(match, text)
    if groups["repeating"] is not None:
        period = groups["period"] or groups["period2"]
        return _token(_repeating(groups["repeating"], period), match.group()), match.end()
    for name in ("marked", "comma", "indian", "dots", "only_dots", "gap"):
        if groups[name] is not None:
            whole = re.sub(r"\D", "", groups[name])
            return _token(_decimal(whole, groups.get(f"{name}_places") or ""), match.group()), match.end()
    return _token(_decimal(groups["marked_comma"], groups["marked_comma_places"]), match.group()), match.end()


def _plain(match: re.Match[str], text: str) -> tuple[Token, int]:
    literal, end = match["plain"], match.end()
    whole, _, places = literal.partition(".")
    if match["ellipsis"] and places:
        period = _period(places)
        if period is not None:
            return _token(_repeating(f"{whole}.{places}", period), match.group()), end
        end = match.end("plain")
    if literal.endswith(".") and end == match.end("plain"):
        return _token(_decimal(whole, ""), whole), end
    exponent = _EXPONENT.match(text, end)
    if exponent and _is_scientific(literal, exponent):
        power = int(exponent[1]) if len(exponent[1]) < 8 else _MAX_EXPONENT + 1
        if abs(power) > _MAX_EXPONENT:
            raise TooLarge
        number = _decimal(whole, places)
        value = number.value * Fraction(10) ** power
        return _token(
            Num(value, max(0, len(places) - power)), text[match.start() : exponent.end()]
        ), exponent.end()
    return _token(_decimal(whole, places), literal), end


def _is_scientific(mantissa: str, exponent: re.Match[str]) -> bool:
    """``1e-7`` is; ``2e-3`` is twice Euler's number less three, which is how LaTeX writes that."""
    sign, digits = exponent[1][0] in "+-", exponent[1].lstrip("+-")
    return exponent.group()[0] == "E" or not sign or "." in mantissa or mantissa == "1" or len(digits) > 1


def _token(number: Num, literal: str) -> Token:
    return Token("num", literal, number=number)


def _decimal(whole: str, places: str) -> Num:
    if len(whole) + len(places) > MAX_DIGITS:
        raise TooLarge
    value = Fraction(_integer((whole + places) or "0"), 10 ** len(places))
    return Num(value, len(places) or None)


def _integer(digits: str) -> int:
    """Digits as a number, in blocks that Python converts without objection."""
    value = 0
    for start in range(0, len(digits), _BLOCK):
        block = digits[start : start + _BLOCK]
        value = value * 10 ** len(block) + int(block)
    return value


def _repeating(literal: str, period: str) -> Num:
    """``0.1`` with period ``6`` is 1/6."""
    whole, _, places = literal.partition(".")
    head = _decimal(whole, places).value
    tail = _decimal(period, "").value / (10 ** len(period) - 1) / 10 ** len(places)
    return Num(head + tail)


def _period(places: str) -> str | None:
    """The shortest block that ends the places three times over (``333``, ``121212``), else None."""
    for size in range(1, len(places) // 3 + 1):
        block = places[-size:]
        if places.endswith(block * 3):
            return block
    if len(places) >= 6 and places[-3:] == places[-6:-3]:
        return places[-3:]
    return None


def _group(text: str, position: int) -> tuple[str, int]:
    """The inside of the brace group (or the one character) at the position, and where it ends."""
    while position < len(text) and text[position].isspace():
        position += 1
    if position >= len(text):
        raise Unparsable
    if text[position] != "{":
        return text[position], position + 1
    depth, start = 0, position + 1
    while position < len(text):
        character = text[position]
        if character == "\\":
            position += 1
        elif character == "{":
            depth += 1
        elif character == "}":
            depth -= 1
            if depth == 0:
                return text[start:position], position + 1
        position += 1
    raise Unparsable


_KEPT_AS_MATH = frozenset({"boxed", "fbox", "underline", "ensuremath", "mathop"})
_LETTERS = re.compile(r"[^\W\d_]")


def _text_tokens(command: str, content: str, spaced: bool, nesting: int) -> list[Token]:
    """A text command as words, or as mathematics where that is what it holds."""
    if command in _DROPPED:
        return []
    bare = content.strip()
    if command in _KEPT_AS_MATH or not _LETTERS.search(bare) or "\\" in bare:
        inner = tokenize(content, nesting)
        return [Token(t.kind, t.value, t.spaced or (spaced and not i), t.number) for i, t in enumerate(inner)]
    if not command.startswith(("text", "mbox", "hbox", "emph")):
        if len(bare) == 1:
            return [Token("word", bare, spaced)]
        if command == "operatorname" or bare in (
            "sin",
            "cos",
            "tan",
            "log",
            "ln",
            "exp",
            "lcm",
            "gcd",
            "max",
            "min",
        ):
            return [Token("cmd", bare, spaced)]
    return [Token("text", content.replace("{", "").replace("}", ""), spaced or content[:1].isspace())]
