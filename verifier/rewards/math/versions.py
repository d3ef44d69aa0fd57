"""A start-up check of the libraries that the symbolic stage stands on.

The original ``latex2sympy2`` pins an old ANTLR runtime and silently drags math-verify back to 0.1.0, which
then scores otherwise: better one clear line at the start than different rewards.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

REQUIRED = {
    "math-verify": "0.9.0",
    "latex2sympy2_extended": "1.11.0",
    "antlr4-python3-runtime": "4.13.2",
    "sympy": "1.14.0",
}
FORBIDDEN = {"latex2sympy2": "it pins an old ANTLR runtime; latex2sympy2_extended serves in its place"}


class WrongVersions(RuntimeError):
    """The installed set cannot be trusted to score as the pinned one does."""


def check_versions() -> None:
    """Nothing, where the installed set is the pinned one.

    Raises:
        WrongVersions: one line that names what is wrong and the command that mends it.
    """
    wrong = [
        f"{package} is {found or 'missing'}, not {wanted}"
        for package, wanted in REQUIRED.items()
        if (found := _installed(package)) != wanted
    ]
    wrong += [f"{package} must go ({why})" for package, why in FORBIDDEN.items() if _installed(package)]
    if wrong:
        pins = " ".join(f"{package}=={wanted}" for package, wanted in REQUIRED.items())
        raise WrongVersions(f"math cannot be scored: {'; '.join(wrong)}. Run: pip install {pins}")


def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
