import re

import pytest

from trainer.tasks import Addition
from trainer.tokenizer import Tokenizer


def test_a_problem_is_known_by_its_seed_and_number() -> None:
    task = Addition()
    assert task.problem(1, 7) == task.problem(1, 7)
    assert len({task.problem(1, i).id for i in range(50)} | {task.problem(2, i).id for i in range(50)}) > 80


def test_references_are_sums() -> None:
    for i in range(50):
        problem = Addition(digits=3).problem(0, i)
        a, b = re.fullmatch(r"(\d{3})\+(\d{3})=", problem.prompt).groups()  # type: ignore[union-attr]
        assert problem.reference == {"answer": str(int(a) + int(b))}


def test_held_out_problems_are_the_same_for_all_and_never_trained_on() -> None:
    task = Addition(digits=1, held_out_problems=40)
    held_out = {problem.id for problem in task.held_out()}
    assert len(held_out) == 40
    assert held_out == {problem.id for problem in Addition(digits=1, held_out_problems=40).held_out()}
    assert not held_out & {task.problem(0, i).id for i in range(500)}
    assert not held_out & {task.trace(0, i).prompt for i in range(500)}


def test_too_many_held_out_problems_are_refused() -> None:
    with pytest.raises(ValueError, match="leaves too few"):
        Addition(digits=1, held_out_problems=51).held_out()


def test_a_trace_without_noise_is_a_right_answer_in_form() -> None:
    task = Addition(digit_noise=0, tag_noise=0)
    for i in range(50):
        trace = task.trace(0, i)
        match = re.fullmatch(r"<think>(\d+)</think><answer>(\d+)</answer>", trace.completion)
        assert match and match[1] == match[2][::-1]
        a, b = trace.prompt.rstrip("=").split("+")
        assert int(match[2]) == int(a) + int(b)


def test_noise_spoils_its_share() -> None:
    traces = [Addition(digit_noise=0, tag_noise=0.5).trace(0, i) for i in range(400)]
    whole = sum(trace.completion.count("<") == 4 for trace in traces) / 400
    assert 0.4 < whole < 0.6


def test_the_vocabulary_says_everything() -> None:
    task = Addition()
    tokenizer = Tokenizer.of_vocabulary(task.vocabulary())
    for i in range(20):
        trace = task.trace(0, i)
        text = trace.prompt + trace.completion
        tokens = tokenizer.encode(text)
        assert 0 not in tokens
        assert tokenizer.decode([*tokens, *tokenizer.ends]) == text
