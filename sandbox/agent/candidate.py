"""The candidate's half of an `assert` run: it runs the program and answers the tester's questions.

Nothing here is trusted: the program shares this process and may change any of it.
"""

import builtins
import operator
import os
import types
from collections.abc import Callable
from typing import Any

from .peer import Message, Peer
from .program import become_script, compile_program, new_module, run_to_exit
from .values import CannotCross, builtin_type, decode, encode, is_builtin_type

CHANNEL = 3

OPERATORS = """
    eq ne lt le gt ge add sub mul truediv floordiv mod pow matmul and_ or_ xor lshift rshift
    neg pos abs invert getitem setitem delitem index
"""
FUNCTIONS = """
    len iter next bool str repr hash int float complex round reversed isinstance issubclass dir
"""
SPECIAL: dict[str, Callable[..., Any]] = {
    **{name: getattr(operator, name) for name in OPERATORS.split()},
    **{name: getattr(builtins, name) for name in FUNCTIONS.split()},
}


class Servant:
    """Answers questions about the program's objects, which it keeps by number."""

    def __init__(self, module: types.ModuleType) -> None:
        self._objects: list[Any] = [module]
        self._numbers: dict[int, int] = {id(module): 0}
        self.peer = Peer(CHANNEL, self.answer)

    def answer(self, question: Message) -> Message:
        """The answer to one question; exceptions of the program are answers too."""
        try:
            operation = getattr(self, "op_" + question["op"])
            reply: Message = operation(question)
        except BaseException as error:  # noqa: BLE001 - the program's own, SystemExit included
            reply = {"error": self._describe(error)}
        return reply

    def op_get(self, question: Message) -> Message:
        return {"value": self._out(getattr(self._objects[question["object"]], question["name"]))}

    def op_set(self, question: Message) -> Message:
        setattr(self._objects[question["object"]], question["name"], self._in(question["value"]))
        return {"value": None}

    def op_special(self, question: Message) -> Message:
        arguments = [self._in(argument) for argument in question["arguments"]]
        if question["reflected"]:
            arguments.reverse()
        return {"value": self._out(SPECIAL[question["name"]](*arguments))}

    def op_value(self, question: Message) -> Message:
        """The object as a plain value, where its type derives from a builtin one."""
        try:
            return {"value": encode(self._objects[question["object"]]), "plain": True}
        except CannotCross:
            return {"value": None, "plain": False}

    def op_call(self, question: Message) -> Message:
        arguments = [self._in(argument) for argument in question["arguments"]]
        keywords = {name: self._in(value) for name, value in question["keywords"].items()}
        result = self._objects[question["object"]](*arguments, **keywords)
        reply: Message = {"value": self._out(result)}
        if result is None:  # by convention the sign of a function that changes its arguments in place
            reply["arguments"] = [self._out(argument) for argument in arguments]
        return reply

    def _in(self, data: Any) -> Any:
        return decode(data, self._resolve)

    def _resolve(self, tag: str, payload: Any) -> Any:
        if tag == "$ref":
            return self._objects[payload]
        if tag == "$builtin":
            return builtin_type(payload)
        if tag == "$iterator":
            return iter(decode(payload, self._resolve))
        if tag == "$callback":
            return self._stub(payload)
        raise CannotCross(tag)

    def _stub(self, number: int) -> Callable[..., Any]:
        def callback(*arguments: Any, **keywords: Any) -> Any:
            reply = self.peer.ask(
                op="callback",
                number=number,
                arguments=[self._out(argument) for argument in arguments],
                keywords={name: self._out(value) for name, value in keywords.items()},
            )
            if "error" in reply:
                raise getattr(builtins, reply["error"]["type"], RuntimeError)(reply["error"]["message"])
            return self._in(reply["value"])

        return callback

    def _out(self, value: Any) -> Any:
        return encode(value, self._refer, reduce=False)

    def _refer(self, value: Any) -> Any:
        if is_builtin_type(value) and not issubclass(value, BaseException):
            return {"$builtin": value.__name__}
        number = self._numbers.get(id(value))
        if number is None:
            number = self._numbers[id(value)] = len(self._objects)
            self._objects.append(value)
        return {"$ref": {"number": number, "kind": _kind(value), **_class_facts(value)}}

    def _describe(self, error: BaseException) -> Message:
        arguments = []
        for argument in error.args:
            try:
                arguments.append(encode(argument))
            except CannotCross:
                arguments.append(str(argument)[:500])
        return {
            "class": self._refer(type(error))["$ref"],
            "arguments": arguments,
            "message": _safe_str(error)[:500],
        }


def _safe_str(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - a program's own __str__
        return ""


def _kind(value: Any) -> str:
    if isinstance(value, type):
        return "exception" if issubclass(value, BaseException) else "class"
    return "module" if isinstance(value, types.ModuleType) else "object"


def _class_facts(value: Any) -> dict[str, Any]:
    """Of an exception class, where it comes from, nearest first."""
    name = getattr(value, "__name__", type(value).__name__)
    if not isinstance(value, type) or not issubclass(value, BaseException):
        return {"name": str(name)[:200]}
    bases = [base.__name__ for base in value.__mro__ if getattr(builtins, base.__name__, None) is base]
    own = getattr(builtins, value.__name__, None) is not value
    return {"name": str(name)[:200], "bases": bases, "own": own}


def run_candidate(source: bytes) -> None:
    """The program, then the tester's questions. Never returns."""
    become_script()
    module = new_module("solution")
    servant = Servant(module)
    try:
        code = compile_program(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        servant.peer.send(
            {"ready": False, "syntax": True, "message": f"{type(error).__name__}: {error}"[:500]}
        )
        os._exit(0)

    def body() -> None:
        try:
            exec(code, module.__dict__)
        except BaseException as error:
            message = f"{type(error).__name__}: {_safe_str(error)}"[:500]
            servant.peer.send({"ready": False, "syntax": False, "message": message})
            raise
        servant.peer.send({"ready": True})
        servant.peer.serve()

    run_to_exit(body)
