"""Finding the program in a completion."""

from __future__ import annotations

from collections.abc import Iterator

_INFO_STRINGS = {"python": ("python", "py", "python3")}
"""What a fence may be labelled with, by language; a label of another language is passed over."""


def last_fence(completion: str, language: str) -> str | None:
    """The program in the last closed fenced block of the answer (the text after the last ``</think>``).

    A block labelled with the language wins over one without a label; one with a foreign label never counts.
    """
    answer = completion.rpartition("</think>")[2]
    labels = _INFO_STRINGS.get(language, (language,))
    unlabelled: str | None = None
    labelled: str | None = None
    for label, body in _fences(answer):
        if label in labels:
            labelled = body
        elif not label:
            unlabelled = body
    return labelled if labelled is not None else unlabelled


def _fences(text: str) -> Iterator[tuple[str, str]]:
    """``(label, body)`` of every closed block; a block ends at a bare fence at least as long as its own.

    A block in a list is indented; its lines lose what indentation they share with their fence.
    """
    fence, label, indent = "", "", 0
    body: list[str] = []
    for line in text.splitlines(keepends=True):
        stripped = line.strip()
        if not fence:
            ticks = len(stripped) - len(stripped.lstrip("`"))
            if ticks >= 3:
                fence, label = "`" * ticks, stripped[ticks:].strip().lower().partition(" ")[0]
                indent = len(line) - len(line.lstrip(" "))
                body = []
        elif stripped.startswith(fence) and not stripped.strip("`"):
            yield label, "".join(body)
            fence = ""
        else:
            shared = min(indent, len(line) - len(line.lstrip(" ")))
            body.append(line[shared:])
