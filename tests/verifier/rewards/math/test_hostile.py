"""Completions written by an adversary: bounded work, no code run, no exception; in a process with limits."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import json, random, resource, sys, time
resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
from verifier.rewards.base import Sample
from verifier.rewards.math import MathReward
reward = MathReward(); reward.preload(); parameters = reward.Parameters(type="math")
opened = []
started_programs = ("os.system", "subprocess.Popen", "os.exec", "os.posix_spawn")
sys.addaudithook(lambda event, args: opened.append(event) if event in started_programs else None)
slowest, rewarded = 0.0, 0
for line in sys.stdin:
    completion, reference = json.loads(line)
    started = time.process_time()
    rewarded += reward.score(Sample(completion=completion, reference={"answer": reference}), parameters).value
    slowest = max(slowest, time.process_time() - started)
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(json.dumps({"slowest": slowest, "rewarded": rewarded, "opened": opened, "memory_mb": memory}))
"""

REFERENCES = [
    "5",
    "x+1",
    r"\sqrt{2}",
    "(1,2)",
    r"\{1,2\}",
    "x>1",
    r"\begin{pmatrix}1\\2\end{pmatrix}",
    r"\text{a}",
]


def judge_all(items: list[tuple[str, str]], folder: Path) -> dict[str, float]:
    lines = "".join(json.dumps(item) + "\n" for item in items)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], input=lines, capture_output=True, text=True, timeout=240, cwd=folder
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert list(folder.iterdir()) == [], "an answer wrote a file"
    return dict(json.loads(done.stdout))


N = 9_000
BOMBS = {
    "brackets": "(" * N,
    "braces": "{" * N,
    "closed brackets": "(" * 4000 + "1" + ")" * 4000,
    "continued fraction": r"\frac{1}{1+" * 600 + "1" + "}" * 600,
    "nested roots": r"\sqrt{1+" * 900 + "1" + "}" * 900,
    "nested sines": r"\sin(" * 900 + "x" + ")" * 900,
    "tower": "^{".join(["9"] * 900) + "}" * 899,
    "tower of ten": "10^{10^{10^{10}}}",
    "chain of powers": "^".join(["9"] * 1000),
    "signs": "-" * N + "6",
    "roots in a row": r"\sqrt" * 1500 + "2",
    "fractions in a row": r"\frac" * 1500 + "2",
    "functions in a row": r"\sin" * 1500 + "x",
    "long sum": "+".join(["x"] * 1200),
    "long product": "*".join(["x"] * 1200),
    "long quotient": "/".join(["x"] * 1200),
    "factorials": "5" + "!" * 2000,
    "factorial": "100000000!",
    "factorial of a factorial": "((9!)!)!",
    "sum of factorials": "+".join(["999!"] * 400),
    "product of factorials": "*".join(["999!"] * 400),
    "binomial": r"\binom{10^9}{5\cdot 10^8}",
    "gamma": r"\Gamma(10^{9}+0.5)",
    "huge power": "(2^{1000000})^{1000000}",
    "negative power": r"0.1^{-100000000}",
    "exponent": "1e999999999",
    "expansion": "(x+y+z+w)^{200}",
    "sum to a billion": r"\sum_{n=1}^{10^{9}} \frac{1}{n}",
    "sum to infinity": r"\sum_{n=1}^{\infty} n^{n^n}",
    "integral": r"\int_0^{\infty} \frac{\sin (x^{x})}{x^{x^x}} dx",
    "digits": "7" * 9_900,
    "more digits": "7" * 200_000,
    "repeating": "0." + "123" * 3000 + "...",
    "list": ",".join(["1"] * 4000),
    "set of roots": r"\{" + ",".join(rf"\sqrt{{{n}}}" for n in range(2, 300)) + r"\}",
    "matrix": r"\begin{pmatrix}"
    + r"\\".join("&".join([r"\sqrt2"] * 14) for _ in range(14))
    + r"\end{pmatrix}",
    "unions": r"\cup".join(["(1,2)"] * 300),
    "relations": "<".join(["x"] * 1200),
    "equations": "=".join(["x"] * 1200),
    "bars": "|" * 2000,
    "choices of sign": r"\pm".join(["x"] * 600),
    "texts": r"\text{" * 1500 + "a" + "}" * 1500,
    "boxes": r"\boxed{" * 1500 + "6" + "}" * 1500,
    "words": "word " * 1900,
    "ors": r"\text{ or }".join(["x"] * 300),
    "iterated logarithm": r"\log_{2^5}(\log_{2^4}(2^{2^{2^{64}}}))",
    "zero by zero": r"\frac{0}{0}",
}
INJECTIONS = [
    "__import__('os').system('touch pwned')",
    "open('pwned','w')",
    "exec(\"open('pwned','w')\")",
    "eval('5')",
    "(lambda: open('pwned','w'))()",
    "().__class__.__base__.__subclasses__()",
    "[5 for _ in [open('pwned','w')]][0]",
    r"\text{__import__('os').system('touch pwned')}",
    r"\operatorname{__import__}('os').system('touch pwned')",
    r"\mathrm{open('pwned','w')}",
    r"Function('open')('pwned','w')",
    r"\input{/etc/passwd}",
    r"\write18{touch pwned}",
    "x.__class__",
    "5 if open('pwned','w') else 5",
]


def test_bombs_are_cheap_and_never_right(tmp_path: Path) -> None:
    items = [(f"\\boxed{{{bomb}}}", reference) for bomb in BOMBS.values() for reference in REFERENCES[::3]]
    items += [(f"The answer is {bomb}", "5") for bomb in BOMBS.values()]

    seen = judge_all(items, tmp_path)

    assert seen["slowest"] < 5
    assert seen["rewarded"] == 0
    assert seen["memory_mb"] < 1024


def test_no_answer_is_run_as_code(tmp_path: Path) -> None:
    items = [
        (form.format(code), reference)
        for code in INJECTIONS
        for form in ("\\boxed{{{}}}", "<answer>{}</answer>", "The answer is {}")
        for reference in ["5", "(1,2)", r"\int x dx", "x>1"]
    ]

    seen = judge_all(items, tmp_path)

    assert seen["opened"] == []
    assert seen["rewarded"] == 0


VOCABULARY = (  # noqa: SIM905
    r"\frac { } ( ) [ ] \{ \} , ; : = < > \le \ne \cup \setminus \in \mathbb{R} \infty \pm \mp + - * "
    r"/ ^ _ ! !! % ° | x y n C i e \pi \sqrt \sqrt[3] \sin \cos \tan \ln \log_2 \exp \lfloor \rfloor "
    r"\binom \Gamma \text{cm} \text{or} and or cm m kg degrees 0 1 2 3 10 0.5 1e9 10^{9} 99999 1,234 "
    r"PM \overline{3} \begin{pmatrix} \end{pmatrix} & \\ \sum_{n=1}^{\infty} \int_0^1 \lim_{x\to0} "
    r"\boxed{ A (B) \text{Yes} \$ $ ' \left \right \arctan \gcd( \angle ABC \vec{v} ² ½ √ π ∞ ∅ × "
    r"\ldots ... \neg \bar x_1 dx ~ \quad f(x) \equiv \pmod{5}"
).split(" ")


def fuzzed(count: int, seed: int) -> list[tuple[str, str]]:
    import random

    source = random.Random(seed)
    items = []
    for _ in range(count):
        pieces = [source.choice(VOCABULARY) for _ in range(source.choice([2, 4, 8, 16, 40]))]
        items.append((f"\\boxed{{{source.choice(['', ' ']).join(pieces)}}}", source.choice(REFERENCES)))
    return items


def test_fuzzed_answers_are_judged_within_bounds(tmp_path: Path) -> None:
    seen = judge_all(fuzzed(500, seed=1), tmp_path)

    assert seen["slowest"] < 5
    assert seen["memory_mb"] < 1024


@pytest.mark.slow
def test_ten_thousand_fuzzed_answers_are_judged_within_bounds(tmp_path: Path) -> None:
    seen = judge_all(fuzzed(10_000, seed=2), tmp_path)

    assert seen["slowest"] < 5
    assert seen["memory_mb"] < 1024
