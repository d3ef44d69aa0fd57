"""From the many ways of writing mathematics to one: unicode and LaTeX spellings become plain symbols.

``normalize`` is one pass over the characters and one over the commands; it decides nothing about meaning.
"""

from __future__ import annotations

import re
import unicodedata

_CHARACTERS: dict[str, str] = {
    "−": "-", "–": "-", "—": "-", "‐": "-", "‑": "-", "﹣": "-", "－": "-",
    "×": "*", "⋅": "*", "·": "*", "∙": "*", "∗": "*", "✕": "*", "÷": "/", "⁄": "/", "∕": "/",
    "≦": "≤", "⩽": "≤", "≧": "≥", "⩾": "≥", "＝": "=", "≡": "≡", "∣": "|", "｜": "|", "‖": "|",
    "√": r"\sqrt ", "∛": r"\sqrt[3] ", "∜": r"\sqrt[4] ", "∠": r"\angle ", "′": "'", "’": "'", "‘": "'",
    "“": '"', "”": '"', "º": "°", "˚": "°", "℃": r"°\text{C}", "℉": r"°\text{F}", "Ω": r"\text{ohm}",
    "，": ",", "、": ",", "；": ";", "：": ":", "∶": ":", "。": ".", "（": "(", "）": ")", "［": "[",
    "］": "]", "｛": "{", "｝": "}", "⟨": "(", "⟩": ")", "〈": "(", "〉": ")", "％": "%", "＋": "+",
    "／": "/", "＜": "<", "＞": ">", "…": r"\ldots ", "⋯": r"\ldots ", "∨": r"\text{ or }",
    "∧": r"\text{ and }", "ℯ": "e", "ⅇ": "e", "ⅈ": "i", "ø": "∅", "Ø": "∅", "∪": "∪", "∆": r"\Delta ",
    "µ": r"\mu ", "₋": "_-", "\u00a0": " ",
    "⌊": r"\lfloor ", "⌋": r"\rfloor ", "⌈": r"\lceil ", "⌉": r"\rceil ", "∖": "∖", "⊂": r"\subset ",
    "ℝ": "ℝ", "ℤ": "ℤ", "ℕ": "ℕ", "ℚ": "ℚ", "ℂ": "ℂ",
    "∫": r"\int ", "∑": r"\sum ", "∏": r"\prod ", "→": r"\to ", "⇒": r"\implies ", "∂": r"\partial ",
}  # fmt: skip
_GREEK = (  # noqa: SIM905
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi rho sigma tau upsilon "
    "phi chi psi omega Gamma Delta Theta Lambda Xi Sigma Upsilon Phi Psi Omega"
).split()
for _name in _GREEK:
    _letter = unicodedata.lookup(
        f"GREEK {'CAPITAL' if _name[0].isupper() else 'SMALL'} LETTER "
        + ("LAMDA" if _name.lower() == "lambda" else _name.upper())
    )
    _CHARACTERS[_letter] = f"\\{_name} "
_SUPERSCRIPTS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿⁱˣʸᵃᵇᵏᵐᵗ", "0123456789+-()nixyabkmt", strict=True))
_SUBSCRIPTS = dict(zip("₀₁₂₃₄₅₆₇₈₉ₐₓₙᵢₖₘ", "0123456789axnikm", strict=True))
_INVISIBLE = {"Cf", "Cc"}

_SUPERSCRIPT_RUN = re.compile(f"[{''.join(_SUPERSCRIPTS)}]+")
_SUBSCRIPT_RUN = re.compile(f"[{''.join(_SUBSCRIPTS)}]+")

COMMANDS: dict[str, str] = {
    **dict.fromkeys(["left", "right", "big", "Big", "bigg", "Bigg", "bigl", "bigr", "Bigl", "Bigr",
    "biggl"], ""),
    **dict.fromkeys(["biggr", "displaystyle", "textstyle", "limits", "nolimits", "strut", "mathstrut"], ""),
    **dict.fromkeys([",", ";", ":", "!", " ", "quad", "qquad", "thinspace", "enspace", "hfill", "\n",
    ">"], " "),
    **dict.fromkeys(["large", "Large", "huge", "Huge", "small"], ""),
    **dict.fromkeys(["middle", "rm", "bf", "it", "(", ")", "[", "]", "cal", "tt", "sf", "normalsize"], " "),
    **dict.fromkeys(["dfrac", "tfrac", "cfrac"], r"\frac "),
    **dict.fromkeys(["dbinom", "tbinom"], r"\binom "),
    **dict.fromkeys(["cdot", "times", "ast", "bullet", "cdotp"], "*"),
    **dict.fromkeys(["le", "leq", "leqslant", "leqq"], "≤"),
    **dict.fromkeys(["ge", "geq", "geqslant", "geqq"], "≥"),
    **dict.fromkeys(["ne", "neq"], "≠"),
    **dict.fromkeys(["mid", "vert", "lvert", "rvert", "|", "lVert", "rVert", "Vert"], "|"),
    **dict.fromkeys(["langle", "lparen"], "("),
    **dict.fromkeys(["rangle", "rparen"], ")"),
    **dict.fromkeys(["emptyset", "varnothing"], "∅"),
    **dict.fromkeys(["setminus", "backslash", "smallsetminus"], "∖"),
    **dict.fromkeys(["land", "wedge"], r"\text{ and }"),
    **dict.fromkeys(["lor", "vee"], r"\text{ or }"),
    **dict.fromkeys(["dots", "cdots", "dotsc", "dotsb"], r"\ldots "),
    **dict.fromkeys(["approx", "simeq", "thickapprox"], "≈"),
    **dict.fromkeys(["Reals", "R"], "ℝ"),
    "div": "/", "lt": "<", "gt": ">", "pm": "±", "mp": "∓", "cup": "∪", "cap": "∩", "in": "∈", "infty": "∞",
    "pi": "π", "lbrack": "[", "rbrack": "]", "lbrace": r"\{", "rbrace": r"\}", "colon": ":", "%": "%",
    "#": "#",
    "degree": "°", "prime": "'", "equiv": "≡", "varepsilon": r"\epsilon ", "varphi": r"\phi ", "imath": "i",
    "operatorname*": r"\operatorname", "$": "¤", "textdollar": "¤", "euro": "€", "pounds": "£",
    "_": "_", "&": "&",
    "lnot": r"\neg ", "mathop": "", "textdegree": "°", "backepsilon": r"\epsilon ", "unicode": "",
    "cr": r"\\ ",
}  # fmt: skip

_COMMAND = re.compile(r"\\(?:[A-Za-z]+\*?|.|$)", re.DOTALL)
_DEGREE = re.compile(r"\^\s*(?:\{\s*(?:\\circ|°)\s*\}|\\circ(?![A-Za-z])|°)|\\circ(?![A-Za-z])")
_THOUSANDS_GAP = re.compile(r"(?<=\d)(?:\{\s*,\s*\}|,\s*\\!|\\!\s*,)\s*(?=\d)")
_NUMBER_SET = re.compile(r"\\(?:mathbb|mathbf|Bbb)\s*\{?\s*([RZNQC])(?![A-Za-z])\s*\}?")
_NUMBER_SETS = {"R": "ℝ", "Z": "ℤ", "N": "ℕ", "Q": "ℚ", "C": "ℂ"}
_LEFT_NOTHING = re.compile(r"\\(?:left|right)\s*\.")
_PLAIN_PAIRS = {"<=": "≤", ">=": "≥", "!=": "≠", "**": "^", "==": "=", "+-": "±", "+/-": "±", "=<": "≤"}
_PLAIN = re.compile(r"\+/-|<=|>=|!=|\*\*|==|=<")

THOUSANDS_COMMA = "‚"
"""A comma that LaTeX marks as part of a number (``{,}``, ``,\\!``)."""


def normalize(text: str) -> str:
    """The same mathematics in plain symbols; text commands, ``\\frac``, ``\\sqrt`` and functions are kept."""
    text = _unicode(text)
    text = _THOUSANDS_GAP.sub(THOUSANDS_COMMA, text)
    text = _LEFT_NOTHING.sub("", text)
    text = _DEGREE.sub("°", text)
    text = _NUMBER_SET.sub(lambda match: _NUMBER_SETS[match[1]], text)
    text = _COMMAND.sub(_command, text).replace("~", " ")
    text = _PLAIN.sub(lambda match: _PLAIN_PAIRS[match.group()], text)
    return _without_math_shifts(text)


def _unicode(text: str) -> str:
    if text.isascii():
        return text
    text = _SUPERSCRIPT_RUN.sub(
        lambda m: "^{" + "".join(map(_SUPERSCRIPTS.__getitem__, m.group())) + "}", text
    )
    text = _SUBSCRIPT_RUN.sub(lambda m: "_{" + "".join(map(_SUBSCRIPTS.__getitem__, m.group())) + "}", text)
    return "".join(map(_character, text))


def _character(character: str) -> str:
    if character.isascii():
        return character
    known = _CHARACTERS.get(character)
    if known is not None:
        return known
    if unicodedata.category(character) in _INVISIBLE:
        return ""
    digit = unicodedata.decimal(character, None)
    if digit is not None:
        return str(digit)
    compatible = unicodedata.normalize("NFKC", character)
    if "⁄" in compatible:
        above, _, below = compatible.partition("⁄")
        return rf"\frac{{{above}}}{{{below}}}" if below else compatible
    return _CHARACTERS.get(compatible, compatible)


def _command(match: re.Match[str]) -> str:
    command = match.group()[1:]
    if command.endswith("*") and command != "operatorname*":
        return COMMANDS.get(command[:-1], f"\\{command[:-1]}") + "*"
    return COMMANDS.get(command, f"\\{command}")


def _without_math_shifts(text: str) -> str:
    """Without ``$``; an unpaired one before a digit is money."""
    if text.count("$") % 2 and (start := re.match(r"\s*-?\s*\$(?=\s*\d)", text)):
        return text[: start.end() - 1] + "¤" + text[start.end() :].replace("$", " ")
    return text.replace("$", " ")
