import tomllib
from pathlib import Path

import pytest
import tomli_w

from trainer.config import RECORD, Config, ConfigError, keys, load


def test_without_arguments_it_is_the_demo() -> None:
    config = load([])
    assert config == Config()
    assert (config.verifier, config.redis_url, config.max_staleness) == ("queue", "embedded", 1)


def test_a_file_is_read_and_the_command_line_goes_over_it(tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text('steps = 7\nseed = 1\n[loss]\nclip_high = 0.4\n[task]\nname = "addition"\ndigits = 3\n')
    config = load([str(file), "--seed", "2", "--max-staleness=0", "--loss.kl", "k3", "--resume", "false"])
    assert (config.steps, config.seed, config.max_staleness) == (7, 2, 0)
    assert (config.loss.clip_high, config.loss.kl, config.task.digits) == (0.4, "k3", 3)


def test_lists_and_tables_are_written_as_in_toml() -> None:
    config = load(["--rewards", '[{type = "math"}, {type = "format", preset = "boxed"}]'])
    assert config.rewards == [{"type": "math"}, {"type": "format", "preset": "boxed"}]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--stepz", "3"], "unknown key 'stepz'; did you mean 'steps'?"),
        (["--loss.clip_hi", "3"], "unknown key 'loss.clip_hi'; did you mean 'loss.clip_high'?"),
        (["--task.colour", "red"], "unknown key 'task.colour'"),
        (["--steps", "many"], "steps: Input should be a valid integer"),
        (["--steps", "-1"], "steps: Input should be greater than or equal to 0"),
        (["--steps"], "--steps needs a value"),
        (["--verifier", "telepathy"], "verifier: Input should be 'queue' or 'http'"),
        (["--seed.value", "1", "--seed", "2", "--seed.value", "1"], "seed.value: seed is not a section"),
        (["--rewards", "[{"], "rewards: "),
        (["--name", "a/b"], "name: String should match pattern"),
        (["--resume", "true"], "configuration: resume needs the name of the run"),
        (["steps=3"], "steps=3 cannot be read"),
        (["--seed", "1", "stray"], "'stray': expected --key value"),
    ],
)
def test_what_is_wrong_is_refused_by_name(arguments: list[str], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        load(arguments)
    assert message in str(error.value)


def test_every_wrong_key_is_named() -> None:
    with pytest.raises(ConfigError) as error:
        load(["--stepz", "3", "--sed", "1"])
    assert len(str(error.value).splitlines()) == 2


def test_a_file_that_is_not_toml_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text("steps: 3")
    with pytest.raises(ConfigError, match="cannot be read as TOML"):
        load([str(file)])


def test_what_a_run_records_is_read_back_as_its_configuration(tmp_path: Path) -> None:
    config = load(["--seed", "3", "--task.digits", "1", "--task.held-out-problems", "8"])
    file = tmp_path / "config.toml"
    file.write_text(tomli_w.dumps({**config.model_dump(), RECORD: {"versions": {"torch": "1"}}}))
    assert load([str(file)]) == config
    assert RECORD in tomllib.loads(file.read_text())


def test_every_key_is_described_with_its_default() -> None:
    assert keys(Config)["max_staleness"].endswith("[1]")
    assert "sft.target_accuracy" in keys(Config)
