"""The generated pages of docs/presets and docs/rewards are current."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from verifier.presets import load_presets

ROOT = Path(__file__).parents[3]
RUN = "run: python docs/generate.py"


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_pages_say_what_the_files_say(generate: ModuleType) -> None:
    for path, text in generate.pages().items():
        assert path.exists(), f"{path} is missing; {RUN}"
        assert path.read_text("utf-8") == text, f"{path} is not current; {RUN}"


def test_no_page_outlives_its_preset(generate: ModuleType) -> None:
    made = {path.name for path in generate.pages() if path.parent.name == "presets"}
    assert {path.name for path in (ROOT / "docs" / "presets").glob("*.md")} == made


def test_the_catalogue_lists_every_preset_and_every_system_without_one() -> None:
    catalogue = (ROOT / "docs" / "presets" / "README.md").read_text("utf-8")
    for name in (*load_presets(), "vapo", "vc_ppo", "srpo", "light_r1", "limr"):
        assert f"({name}.md)" in catalogue
