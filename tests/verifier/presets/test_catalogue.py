"""Presets by name: what they expand to, and what is refused."""

from __future__ import annotations

import orjson
import pytest
from pydantic import ValidationError

from verifier.errors import RequestInvalid
from verifier.presets import Preset, catalogue, expand, load_presets
from verifier.rewards.registry import parse_rewards


def test_a_preset_is_the_rewards_of_its_file() -> None:
    accuracy, form = expand("deepseek_r1_zero", {}, "rewards")
    assert accuracy["type"] == "switch"
    assert form == {"type": "format", "preset": "think_answer", "weight": 1.0}


def test_a_parameter_is_put_in() -> None:
    _, form = expand("deepseek_r1_zero", {"format_weight": 0.25}, "rewards")
    assert form["weight"] == 0.25


@pytest.mark.parametrize(
    ("name", "params", "path"),
    [
        ("no_such_preset", {}, "items.3.rewards.preset"),
        ("deepseek_r1_zero", {"colour": 1}, "items.3.rewards.params.colour"),
        ("deepseek_r1_zero", {"format_weight": "1"}, "items.3.rewards.params.format_weight"),
        ("deepseek_r1_zero", {"format_weight": True}, "items.3.rewards.params.format_weight"),
        ("deepseek_r1_zero", {"format_weight": -1}, "items.3.rewards.params.format_weight"),
        ("deepseek_r1_zero", {"format_weight": float("nan")}, "items.3.rewards.params.format_weight"),
    ],
)
def test_what_is_unknown_or_unfit_is_refused_and_named(
    name: str, params: dict[str, object], path: str
) -> None:
    with pytest.raises(RequestInvalid) as refused:
        expand(name, params, "items.3.rewards")
    assert [field.path for field in refused.value.fields] == [path]


@pytest.mark.parametrize("name", load_presets())
def test_every_preset_is_made_of_rewards_that_exist(name: str) -> None:
    assert parse_rewards(expand(name, {}, "rewards"), "rewards")


@pytest.mark.parametrize("name", load_presets())
def test_every_choice_of_every_parameter_is_made_of_rewards_that_exist(name: str) -> None:
    for parameter, declared in load_presets()[name].parameters.items():
        for choice in declared.choices or ():
            assert parse_rewards(expand(name, {parameter: choice}, "rewards"), "rewards")


def test_the_catalogue_is_json_and_leaves_the_golden_cases_out() -> None:
    listed = orjson.loads(orjson.dumps(catalogue()))
    assert [preset["name"] for preset in listed] == sorted(load_presets())
    assert all("cases" not in preset and preset["paper"] for preset in listed)


@pytest.mark.parametrize(
    ("cases", "unchecked", "fits"),
    [(10, None, True), (9, None, False), (0, "the weight", True), (1, "it", False)],
)
def test_a_preset_shows_its_values_or_says_that_it_cannot(
    cases: int, unchecked: str | None, fits: bool
) -> None:
    shape = load_presets()["dapo"].model_dump(exclude_none=True)
    shape |= {"cases": shape["cases"][:cases], **({"unchecked": unchecked} if unchecked else {})}
    if fits:
        assert Preset.model_validate(shape)
    else:
        with pytest.raises(ValidationError):
            Preset.model_validate(shape)
