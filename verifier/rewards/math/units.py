"""Units of measure as a typed table: what dimension a unit has, and its exact size in base units."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

Dimension = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Unit:
    """A product of powers of units; ``size`` in base units (of ``deg``: pi/180, kept apart as irrational)."""

    dimension: Dimension
    size: Fraction
    offset: Fraction = Fraction(0)
    """What to add before scaling: degrees Celsius to kelvin."""
    degrees: bool = False
    """The size is to be multiplied by pi/180."""

    count: Fraction = Fraction(1)
    """What the number itself is to be multiplied by: ``dozen``, ``million``."""

    @property
    def is_number(self) -> bool:
        """Whether it only scales (``%``, ``°``): a value with it equals a bare number."""
        return not self.dimension


DEGREE = Unit((), Fraction(1), degrees=True)
PERCENT = Unit((), Fraction(1, 100))

_TABLE: dict[str, tuple[str, str]] = {
    # names: (dimension, size in base units)
    "m meter metre": ("L", "1"),
    "km kilometer kilometre": ("L", "1000"),
    "cm centimeter centimetre": ("L", "1/100"),
    "mm millimeter millimetre": ("L", "1/1000"),
    "dm decimeter decimetre": ("L", "1/10"),
    "um micrometer micrometre micron": ("L", "1/1000000"),
    "nm nanometer nanometre": ("L", "1/1000000000"),
    "in inch inche": ("L", "127/5000"),
    "ft foot feet": ("L", "381/1250"),
    "yd yard": ("L", "1143/1250"),
    "mi mile": ("L", "201168/125"),
    "s sec second": ("T", "1"),
    "ms millisecond": ("T", "1/1000"),
    "min minute": ("T", "60"),
    "h hr hour": ("T", "3600"),
    "day": ("T", "86400"),
    "week wk": ("T", "604800"),
    "g gram gramme": ("M", "1/1000"),
    "kg kilogram kilo": ("M", "1"),
    "mg milligram": ("M", "1/1000000"),
    "tonne": ("M", "1000"),
    "lb pound lbm": ("M", "45359237/100000000"),
    "oz ounce": ("M", "45359237/1600000000"),
    "l L liter litre": ("L3", "1/1000"),
    "ml mL milliliter millilitre": ("L3", "1/1000000"),
    "gal gallon": ("L3", "473176473/125000000000"),
    "quart qt": ("L3", "473176473/500000000000"),
    "cup": ("L3", "473176473/2000000000000"),
    "pint pt": ("L3", "473176473/1000000000000"),
    "acre": ("L2", "316160658/78125"),
    "hectare ha": ("L2", "10000"),
    "mph": ("L T-1", "1397/3125"),
    "kph kmh km/h": ("L T-1", "5/18"),
    "Hz hertz": ("T-1", "1"),
    "N newton": ("M L T-2", "1"),
    "J joule": ("M L2 T-2", "1"),
    "kJ kilojoule": ("M L2 T-2", "1000"),
    "W watt": ("M L2 T-3", "1"),
    "kW kilowatt": ("M L2 T-3", "1000"),
    "Pa pascal": ("M L-1 T-2", "1"),
    "kPa kilopascal": ("M L-1 T-2", "1000"),
    "A amp ampere": ("I", "1"),
    "C coulomb": ("I T", "1"),
    "V volt": ("M L2 T-3 I-1", "1"),
    "ohm": ("M L2 T-3 I-2", "1"),
    "K kelvin": ("K", "1"),
    "mol mole": ("N", "1"),
    "$ ¤ dollar USD usd buck": ("USD", "1"),
    "cent ¢": ("USD", "1/100"),
    "€ euro EUR": ("EUR", "1"),
    "£ GBP": ("GBP", "1"),
    "¥ yen JPY": ("JPY", "1"),
    "₹ rupee INR": ("INR", "1"),
    "yuan RMB CNY": ("CNY", "1"),
    "dozen": ("", "x12"),
    "thousand": ("", "x1000"),
    "million": ("", "x1000000"),
    "billion": ("", "x1000000000"),
    "th st nd rd": ("", "1"),
    "degree deg °": ("", "deg"),
    "rad radian": ("", "1"),
    "percent pct % percentage": ("", "1/100"),
    "unit": ("unit", "1"),
    "°C": ("K", "C"),
    "°F": ("K", "F"),
}

CURRENCY = frozenset("¤€£¥₹¢")


def _dimension(text: str) -> Dimension:
    powers = []
    for part in text.split():
        match = re.fullmatch(r"([A-Za-z]+?)(-?\d+)?", part)
        assert match is not None
        powers.append((match[1], int(match[2] or 1)))
    return tuple(sorted(powers))


def _unit(dimension: str, size: str) -> Unit:
    if size == "deg":
        return DEGREE
    if size.startswith("x"):
        return Unit((), Fraction(1), count=Fraction(size[1:]))
    if size == "C":
        return Unit(_dimension(dimension), Fraction(1), offset=Fraction(27315, 100))
    if size == "F":
        return Unit(_dimension(dimension), Fraction(5, 9), offset=Fraction(45967, 100))
    return Unit(_dimension(dimension), Fraction(size))


_UNITS = {name: _unit(*entry) for names, entry in _TABLE.items() for name in names.split()}
_POWER_WORDS = {"square": 2, "sq": 2, "squared": 2, "cubic": 3, "cu": 3, "cubed": 3}
_FILLERS = frozenset(["of", "the", "a", "an", "each", "total", "in"])
_ORDINALS = frozenset({"th", "st", "nd", "rd"})
_DOUBTS = frozenset(
    {
        "not",
        "or",
        "wrong",
        "either",
        "maybe",
        "perhaps",
        "possibly",
        "unless",
        "never",
        "incorrect",
        "no",
        "if",
    }
)
_TERM = re.compile(r"([A-Za-z]+|[¤€£¥₹¢°%$](?:[CF]\b)?)\s*(?:\^?\s*\{?\s*(-?\d)\s*\}?)?")


def find(name: str) -> Unit | None:
    """The unit of a name: as written, in lower case, without the plural's ending."""
    for candidate in (name, name.lower(), name.lower().removesuffix("s")):
        if candidate in _UNITS and (len(name) > 1 or candidate == name):
            return _UNITS[candidate]
    return None


def read(text: str) -> Unit | str | None:
    """The unit that a text names; other words (``apples``) as themselves in one form; None for no unit."""
    text = " ".join(text.replace("~", " ").split()).strip(" .,").replace("° ", "°")
    known = _known(text)
    if known is not None:
        return known
    words = [word for word in re.findall(r"[^\W\d_]+", text.lower()) if word not in _FILLERS]
    if (
        not words
        or len(words) > 4
        or words[0] in _ORDINALS
        or not _DOUBTS.isdisjoint(words)
        or re.search(r"[\d=<>()\[\]]", text)
    ):
        return None
    return " ".join(word.removesuffix("s") for word in words)


def _known(text: str) -> Unit | None:
    above, slash, below = text.replace(" per ", "/").partition("/")
    top = _product(above)
    if top is None or not slash:
        return top
    bottom = _product(below)
    return None if bottom is None else _times(top, bottom, -1)


def _product(text: str) -> Unit | None:
    total = Unit((), Fraction(1))
    pending, position = 1, 0
    text = text.strip()
    if not text:
        return None
    while position < len(text):
        match = _TERM.match(text, position)
        if match is None:
            return None
        position = match.end()
        while position < len(text) and text[position] in " *·":
            position += 1
        word = match[1]
        if word.lower() in ("squared", "cubed"):
            total = _times(Unit((), Fraction(1)), total, _POWER_WORDS[word.lower()])
            continue
        if word.lower() in _POWER_WORDS:
            pending = _POWER_WORDS[word.lower()]
            continue
        unit = find(word)
        if unit is None:
            return None
        if position == len(text) and total == Unit((), Fraction(1)) and pending == 1 and not match[2]:
            return unit
        total = _times(total, unit, int(match[2] or 1) * pending)
        pending = 1
    return total


def _times(left: Unit, right: Unit, power: int) -> Unit:
    powers = dict(left.dimension)
    for name, exponent in right.dimension:
        powers[name] = powers.get(name, 0) + exponent * power
    dimension = tuple(sorted((name, exponent) for name, exponent in powers.items() if exponent))
    count = left.count * right.count**power
    return Unit(dimension, left.size * right.size**power, degrees=left.degrees, count=count)
