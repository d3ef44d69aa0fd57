"""From an item on the wire to the text that rewards see."""

from __future__ import annotations

from verifier.errors import ErrorCode, ItemInvalid
from verifier.rewards.base import Sample
from verifier.schema import Chat, Item, JsonObject, Message


def read_sample(item: Item, reference: JsonObject | None) -> Sample:
    """What rewards see of an item: the last assistant message, with what the template had opened before it.

    Raises:
        ItemInvalid: a list of messages without one of the assistant.
    """
    completion, tool_calls = _completion(item.completion)
    return Sample(
        completion=(item.assistant_prefix or "") + completion,
        prompt=_prompt(item.prompt),
        reference=reference,
        finish_reason=item.finish_reason,
        completion_tokens=item.completion_tokens,
        tool_calls=tool_calls,
        metadata=item.metadata,
    )


def _completion(chat: Chat) -> tuple[str, list[JsonObject]]:
    if isinstance(chat, str):
        return chat, []
    for message in reversed(chat):
        if message.role == "assistant":
            return _text(message), message.tool_calls or []
    raise ItemInvalid(
        ErrorCode.UNUSABLE_PARAMETER, "'completion' is a list of messages, and none has the role 'assistant'"
    )


def _prompt(chat: Chat | None) -> str:
    if chat is None or isinstance(chat, str):
        return chat or ""
    return "\n\n".join(_text(message) for message in chat)


def _text(message: Message) -> str:
    """Content as one string; reasoning that the server had split off stands before it again, in its tags."""
    content = message.content
    if isinstance(content, list):
        content = "".join(str(part.get("text", "")) for part in content if part.get("type") == "text")
    if message.reasoning_content:
        return f"<think>{message.reasoning_content}</think>{content or ''}"
    return content or ""
