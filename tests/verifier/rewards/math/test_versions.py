"""A wrong set of libraries is refused in one clear line."""

from __future__ import annotations

import pytest

from verifier.rewards.math import versions
from verifier.rewards.math.versions import WrongVersions, check_versions


def test_the_pinned_set_passes() -> None:
    check_versions()


@pytest.mark.parametrize("package", ["antlr4-python3-runtime", "math-verify", "latex2sympy2_extended"])
def test_another_version_is_named_with_the_command_that_mends_it(
    package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = dict(versions.REQUIRED) | {package: "0.1.0"}
    monkeypatch.setattr(versions, "_installed", installed.get)

    with pytest.raises(WrongVersions) as raised:
        check_versions()

    assert f"{package} is 0.1.0, not {versions.REQUIRED[package]}" in str(raised.value)
    assert "pip install" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_the_package_that_drags_math_verify_back_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = dict(versions.REQUIRED) | {"latex2sympy2": "1.9.1"}
    monkeypatch.setattr(versions, "_installed", installed.get)

    with pytest.raises(WrongVersions, match="latex2sympy2 must go"):
        check_versions()


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "_installed", {}.get)

    with pytest.raises(WrongVersions, match="sympy is missing"):
        check_versions()
