"""The sandbox's wire format: programs, tests and limits in; verdicts, never scores, out."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Language = Literal["python"]
Verdict = Literal[
    "correct",
    "incorrect",
    "timeout",
    "memory_limit",
    "output_limit",
    "runtime_error",
    "compile_error",
]
Isolation = Literal["separate", "shared"]
Compare = Literal["tokens", "exact", "float"]

Source = Annotated[str, Field(max_length=4 << 20)]
Identifier = r"^[^\W\d]\w*$"
IdentifierPath = r"^[^\W\d]\w*(\.[^\W\d]\w*)?$"


class Wire(BaseModel):
    """Base of everything on the wire: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class Limits(Wire):
    """What one test may use. CPU decides; wall time is only a backstop."""

    cpu_s: float = Field(default=10.0, gt=0, le=3600)
    """CPU seconds a test, summed over every process of the run."""
    wall_s: float = Field(default_factory=lambda data: 3 * data.get("cpu_s", 10.0) + 5, gt=0, le=14400)
    """Seconds from the start of a test's execution; by default 3 x `cpu_s` + 5."""
    memory_mb: int = Field(default=512, ge=32, le=65536)
    """Memory of the whole run, tester included, in MiB."""
    output_kb: int = Field(default=1024, ge=1, le=65536)
    """Largest file the program may write, and so the most of stdout and of stderr, in KiB."""
    processes: int = Field(default=32, ge=1, le=1024)
    """Processes and threads the program may have at once."""


class StdioCase(Wire):
    """One run: what the program reads and what it must print."""

    stdin: str = ""
    stdout: str


class StdioTests(Wire):
    """Programs that read stdin and write stdout."""

    type: Literal["stdio"]
    cases: Annotated[list[StdioCase], Field(min_length=1)]
    compare: Compare = "tokens"


class CallCase(Wire):
    """One call. Values are JSON, or tagged where JSON has no word for them (`sandbox.agent.values`)."""

    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    expected: Any


class CallTests(Wire):
    """Calls of a function, or of a method of a fresh instance (`Solution.add`), and the values expected."""

    type: Literal["call"]
    function: Annotated[str, Field(pattern=IdentifierPath)]
    cases: Annotated[list[CallCase], Field(min_length=1)]


class AssertTests(Wire):
    """Python assertions about the program: HumanEval, MBPP and their like.

    `setup` runs once, before the asserts and in the same namespace. Names that neither it nor Python's
    builtins and standard modules define are the candidate's. `entry_point` is also known as `candidate`.
    """

    type: Literal["assert"]
    setup: Source = ""
    asserts: Annotated[list[Source], Field(min_length=1)]
    entry_point: Annotated[str, Field(pattern=Identifier)] | None = None


Tests = Annotated[StdioTests | CallTests | AssertTests, Field(discriminator="type")]


class JudgeRequest(Wire):
    """A program and the tests to judge it by."""

    language: Language = "python"
    code: Source
    tests: Tests
    limits: Limits = Field(default_factory=Limits)
    max_tests: int | None = Field(default=None, ge=1)
    """Judge only the first so many."""
    stop_on_failure: bool = False
    """Leave out the tests after the first that fails."""
    allow_shared: bool = False
    """Accept tests that have to share the candidate's process. No test type needs it yet."""


class CaseResult(Wire):
    """How one test went. Times and memory are of its own run, or its share of a run with several tests."""

    index: int
    verdict: Verdict
    cpu_ms: float = 0.0
    wall_ms: float = 0.0
    memory_kb: int = 0
    stderr_tail: str = ""
    message: str = ""


class CompileResult(Wire):
    """What the compiler, or Python's parser, said about the program."""

    ok: bool
    message: str = ""


class JudgeResult(Wire):
    """Per-test verdicts; `verdict` is the first failing test's, `correct` if none fails."""

    verdict: Verdict
    passed: int
    total: int
    isolation: Isolation = "separate"
    tests: list[CaseResult]
    compile: CompileResult | None = None


class ExecuteRequest(Wire):
    """A program to run once, without judging it."""

    language: Language = "python"
    code: Source
    stdin: str = ""
    files: dict[Annotated[str, Field(pattern=r"^[\w][\w.\-/]*$", max_length=255)], Source] = {}
    """Written into the working directory before the start: relative path -> text."""
    limits: Limits = Field(default_factory=Limits)


ExecuteStatus = Literal["ok", "timeout", "memory_limit", "output_limit", "runtime_error", "compile_error"]


class ExecuteResult(Wire):
    """What the program did. `exit_code` is null where a signal or a limit ended it."""

    status: ExecuteStatus
    stdout: str
    stderr: str
    exit_code: int | None
    cpu_ms: float
    wall_ms: float
    memory_kb: int
    message: str = ""


STARTING = "starting"
"""The `reason` of a service that has not yet tried to make its first jail."""


class Capabilities(Wire):
    """What the service can do now. Unready: `reason` says why and what to do about it."""

    ready: bool
    reason: str | None = None
    runtime: Literal["docker", "local"] | None = None
    slots: int = 0
    free_slots: int = 0
    languages: dict[str, str] = {}
    """Language -> version."""
    total_memory_cap: bool = False
    """Memory is capped over all processes of a run, not for each alone."""
    oom_detection: bool = False
    """A kill for lack of memory is told apart from other kills."""
    total_cpu: bool = False
    """CPU is summed over every process of a run, dead ones included."""
    separate_uids: bool = False
    """Tester and candidate run as two users; else as one, each in its own pid namespace."""


class FieldError(Wire):
    """What is wrong with one field."""

    path: str
    message: str


class ErrorBody(Wire):
    """Why a request was not answered."""

    code: str
    message: str
    fields: list[FieldError] | None = None


class ErrorReply(Wire):
    """The one shape of every error."""

    error: ErrorBody
