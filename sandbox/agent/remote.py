"""The candidate's objects as the tester sees them.

What tests may learn from the candidate, and how:
- Remote with remote (`A(1) == A(1)`, `isinstance(f(), A)`), truth, length, iteration, attributes and calls
  are asked of the candidate.
- Remote with a plain value: `==` never asks the candidate; the two are unequal unless the object crosses by
  value. `<` and its kin are errors. Arithmetic is asked, but what comes of it is `mixed`: it stays remote,
  and gives no number and no truth, else an object whose difference to anything is 0 would pass every
  `abs(f(x) - y) < 1e-6`.
"""

import builtins
import types
from collections.abc import Callable, Iterator
from typing import Any

from .peer import Message, Peer
from .values import CannotCross, builtin_type, decode, encode, is_builtin_type

MAX_CONTAINS = 1_000_000
SPECIAL_ATTRIBUTES = ("__name__", "__qualname__", "__doc__", "__module__", "__enter__", "__exit__")
"""Others are protocols of libraries: `__array_interface__` would let a candidate name an address to read."""
LIST_ITERATOR: type = type(iter([]))
ITERATORS: tuple[Any, ...] = (types.GeneratorType, map, filter, zip, enumerate, LIST_ITERATOR)


class Plain(Exception):
    """Internal: the object does not cross by value."""


class Link:
    """The tester's end: turns answers into values, remote objects and exceptions."""

    def __init__(self, fd: int) -> None:
        self.peer = Peer(fd, self._answer)
        self._remotes: dict[int, Remote] = {}
        self._exceptions: dict[int, type[BaseException]] = {}
        self._callbacks: list[Callable[..., Any]] = []
        self.module = Remote(self, 0)

    def ask(self, **question: Any) -> Message:
        """Ask; raise what the program raised."""
        reply = self.peer.ask(**question)
        if "error" in reply:
            raise self._exception(reply["error"])
        return reply

    def value(self, **question: Any) -> Any:
        """Ask for a value."""
        return self.read(self.ask(**question).get("value"))

    def read(self, data: Any) -> Any:
        """Decode what the candidate sent."""
        return decode(data, self._resolve)

    def write(self, value: Any) -> Any:
        """Encode what the candidate gets."""
        return encode(value, self._opaque)

    def _opaque(self, value: Any) -> Any:
        if isinstance(value, Remote):
            return {"$ref": number_of(value)}
        if is_builtin_type(value):
            return {"$builtin": value.__name__}
        if isinstance(value, ITERATORS):
            return {"$iterator": self.write([*value])}
        if callable(value) and not isinstance(value, type):
            self._callbacks.append(value)
            return {"$callback": len(self._callbacks) - 1}
        raise CannotCross(f"the tests' own {type(value).__name__} cannot be passed to the candidate")

    def _resolve(self, tag: str, payload: Any) -> Any:
        if tag == "$builtin":
            return builtin_type(payload)
        if tag != "$ref" or not isinstance(payload, dict) or type(payload.get("number")) is not int:
            raise CannotCross("the candidate sent an unknown reference")
        if payload.get("kind") == "exception":
            return self._exception_class(payload)
        number = payload["number"]
        return self._remotes.setdefault(number, Remote(self, number))

    def _exception_class(self, facts: Message) -> type[BaseException]:
        """The builtin exception, or a stand-in for the candidate's own, derived from its nearest builtin."""
        known = [getattr(builtins, name, None) for name in facts.get("bases", []) if isinstance(name, str)]
        bases = [base for base in known if isinstance(base, type) and issubclass(base, BaseException)]
        base = bases[0] if bases else Exception
        if not facts.get("own"):
            return base
        if facts["number"] not in self._exceptions:
            self._exceptions[facts["number"]] = type(str(facts.get("name")), (base,), {})
        return self._exceptions[facts["number"]]

    def _exception(self, facts: Message) -> BaseException:
        try:
            kind = self._exception_class(facts["class"])
            arguments = [self.read(argument) for argument in facts["arguments"]]
            message = str(facts["message"])
        except (KeyError, TypeError, ValueError, CannotCross):
            kind, arguments, message = RuntimeError, ["the candidate sent a malformed exception"], ""
        try:
            error = kind(*arguments)
        except Exception:  # noqa: BLE001 - a constructor that wants other arguments
            error = RuntimeError(message)
        error.__dict__["from_candidate"] = True
        return error

    def _answer(self, question: Message) -> Message:
        """Call a function the tests passed to the candidate; nothing else may be asked of a tester."""
        try:
            function = self._callbacks[question["number"]]
            arguments = [self.read(argument) for argument in question["arguments"]]
            keywords = {name: self.read(value) for name, value in question["keywords"].items()}
            return {"value": self.write(function(*arguments, **keywords))}
        except Exception as error:  # noqa: BLE001 - it travels to the candidate, which called
            return {"error": {"type": type(error).__name__, "message": str(error)[:500]}}


class Remote:
    """An object of the candidate. `mixed`: it came of arithmetic with a plain value."""

    __slots__ = ("_remote_link_", "_remote_mixed_", "_remote_number_")

    def __init__(self, link: Link, number: int, mixed: bool = False) -> None:
        object.__setattr__(self, "_remote_link_", link)
        object.__setattr__(self, "_remote_number_", number)
        object.__setattr__(self, "_remote_mixed_", mixed)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__") and name not in SPECIAL_ATTRIBUTES:
            raise AttributeError(name)
        return self._remote_link_.value(op="get", object=self._remote_number_, name=name)

    def __setattr__(self, name: str, value: Any) -> None:
        link = self._remote_link_
        link.ask(op="set", object=self._remote_number_, name=name, value=link.write(value))

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        link = self._remote_link_
        reply = link.ask(
            op="call",
            object=self._remote_number_,
            arguments=[link.write(argument) for argument in arguments],
            keywords={name: link.write(value) for name, value in keywords.items()},
        )
        result = link.read(reply.get("value"))
        if result is None and isinstance(reply.get("arguments"), list):
            for argument, after in zip(arguments, reply["arguments"], strict=False):
                _write_back(argument, link.read(after))
        return result

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if isinstance(other, Remote):
            return bool(_special("eq", self, other))
        try:
            return bool(_plain(self) == other)
        except Plain:
            return False

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return int(_special("hash", self))

    def __bool__(self) -> bool:
        return _unmixed(self) and bool(_special("bool", self))

    def __len__(self) -> int:
        return int(_special("len", self))

    def __iter__(self) -> Iterator[Any]:
        iterator = _special("iter", self)
        if not isinstance(iterator, Remote):
            yield from iterator
            return
        while True:
            try:
                item = _special("next", iterator)
            except StopIteration:
                return
            yield item

    def __next__(self) -> Any:
        return _special("next", self)

    def __contains__(self, wanted: object) -> bool:
        """By comparing here: the candidate does not learn what is looked for."""
        for count, item in enumerate(self):
            if item == wanted:
                return True
            if count >= MAX_CONTAINS:
                break
        return False

    def __getitem__(self, key: Any) -> Any:
        return _special("getitem", self, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        _special("setitem", self, key, value)

    def __delitem__(self, key: Any) -> None:
        _special("delitem", self, key)

    def __reversed__(self) -> Iterator[Any]:
        return iter(_special("reversed", self))

    def __instancecheck__(self, instance: Any) -> bool:
        return isinstance(instance, Remote) and bool(_special("isinstance", instance, self))

    def __subclasscheck__(self, subclass: Any) -> bool:
        return isinstance(subclass, Remote) and bool(_special("issubclass", subclass, self))

    def __str__(self) -> str:
        return str(_special("str", self))

    def __repr__(self) -> str:
        return str(_special("repr", self))

    def __dir__(self) -> list[str]:
        return list(_special("dir", self))

    def __enter__(self) -> Any:
        return self.__getattr__("__enter__")()

    def __exit__(self, *details: Any) -> bool:
        return bool(self.__getattr__("__exit__")(None, None, None))


def number_of(remote: Remote) -> int:
    """The number by which the candidate keeps the object."""
    number: int = remote._remote_number_
    return number


def _special(name: str, *arguments: Any, reflected: bool = False) -> Any:
    link: Link = arguments[0]._remote_link_
    written = [link.write(argument) for argument in arguments]
    return link.value(op="special", name=name, arguments=written, reflected=reflected)


def _plain(remote: Remote) -> Any:
    """The object by value, asked without showing what it is compared with."""
    if not _unmixed(remote):
        raise Plain
    reply = remote._remote_link_.ask(op="value", object=number_of(remote))
    if reply.get("plain") is not True:
        raise Plain
    return decode(reply.get("value"))


def _unmixed(remote: Remote) -> bool:
    if remote._remote_mixed_:
        raise TypeError("the candidate returned an object where the tests compute with a plain value")
    return True


def _write_back(argument: Any, after: Any) -> None:
    """Show the caller what a function did to a list, dict, set or bytearray in place."""
    if type(argument) not in (list, dict, set, bytearray) or type(after) is not type(argument):
        return
    argument.clear()
    if isinstance(argument, dict | set):
        argument.update(after)
    else:
        argument.extend(after)


def _arithmetic(name: str, reflected: bool) -> Callable[[Remote, Any], Any]:
    def method(self: Remote, other: Any) -> Any:
        result = _special(name, self, other, reflected=reflected)
        plain = not isinstance(other, Remote)
        if not plain and not self._remote_mixed_ and not other._remote_mixed_:
            return result
        if not isinstance(result, Remote):
            raise TypeError("the candidate returned an object where the tests compute with a plain value")
        return Remote(self._remote_link_, number_of(result), mixed=True)

    return method


def _ordering(name: str) -> Callable[[Remote, Any], bool]:
    def method(self: Remote, other: Any) -> bool:
        if isinstance(other, Remote):
            return bool(_special(name, self, other))
        try:
            return bool(getattr(_plain(self), f"__{name}__")(other) is True)
        except Plain:
            raise TypeError(
                "the candidate returned an object where the tests compare a plain value"
            ) from None

    return method


def _conversion(name: str) -> Callable[..., Any]:
    def method(self: Remote, *arguments: Any) -> Any:
        _unmixed(self)
        return _special(name, self, *arguments)

    return method


for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "lshift", "rshift"):
    setattr(Remote, f"__{_name}__", _arithmetic(_name, reflected=False))
    setattr(Remote, f"__r{_name}__", _arithmetic(_name, reflected=True))
for _name in ("and", "or", "xor"):
    setattr(Remote, f"__{_name}__", _arithmetic(f"{_name}_", reflected=False))
    setattr(Remote, f"__r{_name}__", _arithmetic(f"{_name}_", reflected=True))
for _name in ("lt", "le", "gt", "ge"):
    setattr(Remote, f"__{_name}__", _ordering(_name))
for _name in ("abs", "round", "int", "float", "complex", "index", "neg", "pos", "invert"):
    setattr(Remote, f"__{_name}__", _conversion(_name))
