"""Programs that read stdin and write stdout, in every runtime."""

from tests.sandbox.conftest import HONEST, Sandbox


def test_each_case_is_judged_by_its_output(sandbox: Sandbox) -> None:
    cases = [{"stdin": "1 2\n", "stdout": "3\n"}, {"stdin": "1 2\n", "stdout": "4\n"}]
    result = sandbox.judge(HONEST, {"type": "stdio", "cases": cases})
    assert [test.verdict for test in result.tests] == ["correct", "incorrect"]
    assert (result.verdict, result.passed, result.total) == ("incorrect", 1, 2)
    assert result.isolation == "separate"
    assert all(test.cpu_ms > 0 and test.wall_ms > 0 and test.memory_kb > 1000 for test in result.tests)


def test_an_exit_code_other_than_0_is_a_runtime_error(sandbox: Sandbox) -> None:
    test = sandbox.stdio("print(3)\nraise KeyError('here')", stdout="3")
    assert test.verdict == "runtime_error"
    assert "KeyError: 'here'" in test.stderr_tail


def test_exit_code_0_is_no_pass(sandbox: Sandbox) -> None:
    assert sandbox.stdio("import sys; sys.exit(0)", stdout="3").verdict == "incorrect"


def test_a_program_that_does_not_parse_is_a_compile_error(sandbox: Sandbox) -> None:
    result = sandbox.judge("print(", {"type": "stdio", "cases": [{"stdout": "3"}] * 3})
    assert result.verdict == "compile_error"
    assert result.compile is not None and not result.compile.ok


def test_a_signal_is_a_runtime_error(sandbox: Sandbox) -> None:
    test = sandbox.stdio("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    assert (test.verdict, test.message) == ("runtime_error", "was ended by SIGSEGV")


def test_it_runs_as_a_script_would(sandbox: Sandbox) -> None:
    program = """
import os, sys, threading
if __name__ == "__main__":
    open("notes.txt", "w").write("héllo")
    print(open("notes.txt").read(), os.getcwd(), sys.argv, len(sys.stdin.readlines()))
    threading.Thread(target=print, args=("from a thread",)).start()
    import atexit
    atexit.register(print, "at exit")
"""
    out = sandbox.execute(program, stdin="a\nb\n").stdout
    assert out == "héllo /box ['solution.py'] 2\nfrom a thread\nat exit\n"


def test_big_input_and_output_pass_whole(sandbox: Sandbox) -> None:
    text = "x" * 900_000
    assert sandbox.stdio("print(input())", stdin=text, stdout=text, compare="tokens").verdict == "correct"


def test_deep_recursion_has_a_stack(sandbox: Sandbox) -> None:
    program = "import sys; sys.setrecursionlimit(10**6)\ndef f(n): return n and f(n - 1) + 1\nprint(f(50000))"
    assert sandbox.stdio(program, stdout="50000").verdict == "correct"


def test_max_tests_and_stop_on_failure(sandbox: Sandbox) -> None:
    tests = {"type": "stdio", "cases": [{"stdout": str(number)} for number in range(5)]}
    assert sandbox.judge("print(0)", tests, max_tests=1).verdict == "correct"
    stopped = sandbox.judge("print(0)", tests, stop_on_failure=True)
    assert (len(stopped.tests), stopped.passed, stopped.total) == (2, 1, 5)


def test_execute_returns_everything(sandbox: Sandbox) -> None:
    result = sandbox.execute(
        "import sys, data.helper\nprint(data.helper.X, file=sys.stderr); sys.exit(7)",
        files={"data/helper.py": "X = 'beside'"},
    )
    assert (result.status, result.exit_code, result.stderr) == ("runtime_error", 7, "beside\n")
