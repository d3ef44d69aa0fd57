"""``verifier score``: every row of a file gets a line, and the exit status says whether all got a reward."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
from typer.testing import Result

from verifier.rewards import registry

Verifier = Callable[..., Result]
WriteRows = Callable[..., Path]


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def item(completion: str, answer: str = "5", **more: Any) -> dict[str, Any]:
    return {"completion": f"\\boxed{{{completion}}}", "reference": {"answer": answer}, **more}


def test_items_are_scored_in_their_order(verifier: Verifier, rows: WriteRows, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    result = verifier("score", rows(item("5", id="a"), item("6", id="b")), "--out", out)
    assert result.exit_code == 0
    assert [(line["index"], line["line"], line["id"], line["reward"]) for line in read(out)] == [
        (0, 1, "a", 1.0),
        (1, 2, "b", 0.0),
    ]
    assert "2 rows: 2 scored, mean reward 0.5000" in result.stdout
    assert "correct 1, incorrect 1" in result.stdout
    assert "grader versions: math" in result.stdout


def test_every_line_carries_the_graders_versions(verifier: Verifier, rows: WriteRows, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    verifier("score", rows(item("5")), "--out", out)
    assert read(out)[0]["graders"].keys() == {"math"}


def test_more_items_than_a_batch_holds_keep_their_order(
    verifier: Verifier, rows: WriteRows, tmp_path: Path
) -> None:
    out = tmp_path / "out.jsonl"
    numbers = [str(number) for number in range(300)]
    verifier("score", rows(*(item(number, number, id=number) for number in numbers)), "--out", out)
    assert [line["id"] for line in read(out)] == numbers
    assert all(line["reward"] == 1.0 for line in read(out))


def test_malformed_rows_are_told_and_fail_the_command(
    verifier: Verifier, rows: WriteRows, tmp_path: Path
) -> None:
    out = tmp_path / "out.jsonl"
    result = verifier("score", rows(item("5"), "{broken", item("5"), {"what": 1}), "--out", out)
    assert result.exit_code == 1
    assert "line 2: not JSON" in result.stderr
    assert "line 4: no known data format has these fields (what)" in result.stderr
    assert "2 malformed rows" in result.stdout
    assert [line["status"] for line in read(out)] == ["ok", "malformed", "ok", "malformed"]
    assert read(out)[1]["reason"].startswith("not JSON")


def test_only_the_first_malformed_rows_are_shown_and_all_are_written(
    verifier: Verifier, rows: WriteRows, tmp_path: Path
) -> None:
    out = tmp_path / "out.jsonl"
    result = verifier("score", rows(*["{"] * 50), "--out", out)
    assert result.stderr.count("not JSON") == 20
    assert "--out FILE lists them all" in result.stderr
    assert len(read(out)) == 50


def test_an_unusable_reference_fails_the_command(verifier: Verifier, rows: WriteRows) -> None:
    result = verifier("score", rows(item("5", "?"), item("5")))
    assert result.exit_code == 1
    assert "1 without a reward: unusable_reference" in result.stdout
    assert "2 rows: 1 scored, mean reward 1.0000" in result.stdout


def test_code_without_a_sandbox_fails_the_command_and_says_why(offline: Verifier, rows: WriteRows) -> None:
    tests = {"type": "stdio", "cases": [{"stdin": "", "stdout": "1"}]}
    row = {"completion": "```python\nprint(1)\n```", "reference": {"tests": tests}}
    result = offline("score", rows(row))
    assert result.exit_code == 1
    assert "1 without a reward: sandbox_unavailable" in result.stdout


class TestCompletions:
    ROW: ClassVar = {
        "problem": "P",
        "answer": "5",
        "solution": "\\boxed{5}",
        "sampled": ["\\boxed{5}", "\\boxed{6}"],
    }

    def test_without_any_the_data_sets_own_solutions_are_scored_and_that_is_said(
        self, verifier: Verifier, rows: WriteRows
    ) -> None:
        result = verifier("score", rows(self.ROW))
        assert "1 of the completions are the data set's own solutions" in result.stdout
        assert "mean reward 1.0000" in result.stdout

    def test_several_of_a_row_are_a_line_each_and_a_group(
        self, verifier: Verifier, rows: WriteRows, tmp_path: Path
    ) -> None:
        out, choice = tmp_path / "out.jsonl", tmp_path / "rewards.toml"
        choice.write_text('[[rewards]]\ntype = "math"\n')
        verifier("score", rows(self.ROW), "--completion-field", "sampled", "--rewards", choice, "--out", out)
        assert [(line["line"], line["reward"]) for line in read(out)] == [(1, 1.0), (1, 0.0)]

    def test_a_row_with_neither_is_malformed(self, verifier: Verifier, rows: WriteRows) -> None:
        result = verifier("score", rows({"problem": "P", "answer": "5"}))
        assert result.exit_code == 1
        assert "line 1: no completion: name its field with --completion-field" in result.stderr

    def test_fields_of_rows_in_no_known_format_are_named(self, verifier: Verifier, rows: WriteRows) -> None:
        file = rows({"said": "\\boxed{5}", "gold": 5})
        result = verifier("score", file, "--completion-field", "said", "--reference-field", "gold")
        assert result.exit_code == 0
        assert "mean reward 1.0000" in result.stdout


class TestGroups:
    def test_members_must_stand_together(self, verifier: Verifier, rows: WriteRows) -> None:
        file = rows(item("5", group="g"), item("5", group="h"), item("5", group="g"))
        result = verifier("score", file)
        assert result.exit_code == 1
        assert "line 3: group 'g' had ended" in result.stderr

    def test_a_group_larger_than_a_batch_is_scored_whole(
        self, verifier: Verifier, rows: WriteRows, tmp_path: Path
    ) -> None:
        choice, out = tmp_path / "rewards.toml", tmp_path / "out.jsonl"
        choice.write_text('[[rewards]]\ntype = "length"\nform = "kimi"\ncorrect = { type = "math" }\n')
        members = [item("5", group="g", completion_tokens=number) for number in range(1, 101)]
        verifier("score", rows(*members), "--rewards", choice, "--out", out)
        rewards = [line["reward"] for line in read(out)]
        assert rewards == sorted(rewards, reverse=True)
        assert len(set(rewards)) == 100


class TestRewards:
    def test_a_file_replaces_those_of_the_rows(
        self, verifier: Verifier, rows: WriteRows, tmp_path: Path
    ) -> None:
        choice = tmp_path / "rewards.toml"
        choice.write_text(
            '[[rewards]]\ntype = "math"\nweight = 2.0\n\n[[rewards]]\ntype = "format"\npreset = "boxed"\n'
        )
        assert "mean reward 3.0000" in verifier("score", rows(item("5")), "--rewards", choice).stdout

    def test_a_file_may_name_a_preset_with_parameters(
        self, verifier: Verifier, rows: WriteRows, tmp_path: Path
    ) -> None:
        choice = tmp_path / "rewards.toml"
        choice.write_text('preset = "dapo"\n\n[params]\nno_such = 1\n')
        result = verifier("score", rows(item("5")), "--rewards", choice)
        assert result.exit_code == 2
        assert "rewards.params.no_such: the preset has no such parameter" in result.stderr

    def test_a_preset_by_name(self, verifier: Verifier, rows: WriteRows) -> None:
        result = verifier("score", rows(item("5")), "--preset", "deepseek_r1_zero")
        assert result.exit_code == 0

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            ("rewards = 5", "must hold [[rewards]] tables"),
            ('preset = "dapo"\nother = 1', "must hold [[rewards]] tables"),
            ("[[rewards", "is not TOML"),
        ],
    )
    def test_a_file_that_is_not_as_it_must_be(
        self, verifier: Verifier, rows: WriteRows, tmp_path: Path, content: str, said: str
    ) -> None:
        choice = tmp_path / "rewards.toml"
        choice.write_text(content)
        result = verifier("score", rows(item("5")), "--rewards", choice)
        assert result.exit_code == 2
        assert said in result.stderr

    def test_a_row_with_an_unknown_reward_is_malformed_and_spoils_no_other(
        self, verifier: Verifier, rows: WriteRows
    ) -> None:
        bad = item("5", rewards=[{"type": "unheard"}])
        result = verifier("score", rows(item("5"), bad, item("5"), bad))
        assert result.exit_code == 1
        assert "line 2: rewards.0.type: no reward type of this name" in result.stderr
        assert "line 4: rewards.0.type" in result.stderr
        assert "4 rows: 2 scored, mean reward 1.0000" in result.stdout

    def test_an_item_of_the_wrong_shape_is_malformed_and_spoils_no_other(
        self, verifier: Verifier, rows: WriteRows
    ) -> None:
        result = verifier("score", rows(item("5", prompt=5), item("5")), "--preset", "deepseek_r1_zero")
        assert result.exit_code == 1
        assert "line 1: prompt" in result.stderr
        assert "2 rows: 1 scored" in result.stdout

    def test_rows_without_rewards_say_what_to_give(self, verifier: Verifier, rows: WriteRows) -> None:
        result = verifier("score", rows({"completion": "c", "reference": {"x": 1}}))
        assert "line 1: no rewards: give --rewards FILE or --preset NAME" in result.stderr

    def test_a_plugin_brings_its_type(
        self, offline: Verifier, rows: WriteRows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        types = dict(registry.reward_types())  # a type brought in this process must not outlive the test
        monkeypatch.setattr(registry, "_types", lambda: types)
        monkeypatch.setattr(registry, "_loaded_files", set())
        plugin, choice = tmp_path / "shouting.py", tmp_path / "rewards.toml"
        plugin.write_text(SHOUTING)
        choice.write_text('[[rewards]]\ntype = "shouting"\n')
        file = rows({"completion": "LOUD", "reference": {"answer": "5"}})
        assert "mean reward 1.0000" in offline("score", file, "--rewards", choice, "--plugin", plugin).stdout


SHOUTING = """
from typing import Literal
from verifier.rewards.base import ItemReward, RewardParameters, Sample, Score
from verifier.schema import Verdict

class Parameters(RewardParameters):
    type: Literal["shouting"]

class Shouting(ItemReward[Parameters]):
    type_name = "shouting"
    Parameters = Parameters

    def score(self, sample: Sample, parameters: Parameters) -> Score:
        return Score(float(sample.completion.isupper()), Verdict.SCORED)
"""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["absent.jsonl"], "absent.jsonl: No such file or directory"),
        (["{file}", "--preset", "unheard"], "no preset of this name"),
        (["{file}", "--preset", "dapo", "--rewards", "x.toml"], "give --rewards or --preset, not both"),
        (["{file}", "--dataset-format", "csv"], "no data format of this name; known are: auto, apps"),
        (["{file}", "--rewards", "absent.toml"], "absent.toml: No such file or directory"),
        (["{file}", "--out", "/absent/out.jsonl"], "/absent/out.jsonl: No such file or directory"),
    ],
)
def test_what_the_user_can_mend_is_said_on_a_line(
    verifier: Verifier, rows: WriteRows, arguments: list[str], said: str
) -> None:
    file = str(rows(item("5")))
    result = verifier("score", *(argument.format(file=file) for argument in arguments))
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.replace("│", " ").split())
    assert "Traceback" not in result.stderr


def test_the_file_that_is_read_is_not_written_over(offline: Verifier, rows: WriteRows) -> None:
    file = rows(item("5"))
    before = file.read_bytes()
    result = offline("score", file, "--out", file)
    assert result.exit_code == 2
    assert "is the file that is read; name another" in result.stderr
    assert file.read_bytes() == before


class TestElsewhere:
    def test_a_server_gives_the_same_results(
        self, offline: Verifier, rows: WriteRows, tmp_path: Path, server_url: str
    ) -> None:
        file = rows(*(item(str(number), "5", id=str(number)) for number in range(10)), item("5", "?"))
        for name, options in (("here", []), ("there", ["--url", server_url])):
            assert offline("score", file, "--out", tmp_path / name, *options).exit_code == 1
        assert offline("diff", tmp_path / "here", tmp_path / "there").exit_code == 0

    def test_a_refusal_reads_the_same_in_this_process(self, offline: Verifier, rows: WriteRows) -> None:
        result = offline("score", rows(item("5"), item("5", rewards=[{"type": "unheard"}])))
        assert result.exit_code == 1
        assert "line 2: rewards.0.type: no reward type of this name" in result.stderr
