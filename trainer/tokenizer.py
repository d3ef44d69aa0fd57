"""Text to tokens and back, by a Hugging Face `tokenizer.json`."""

import json
from collections.abc import Sequence
from pathlib import Path

from tokenizers import Regex, decoders, models, pre_tokenizers
from tokenizers import Tokenizer as Backend

PAD, END = "<pad>", "<eos>"


class Tokenizer:
    """A tokenizer and the tokens that end a completion."""

    def __init__(self, backend: Backend, ends: Sequence[int]) -> None:
        self.backend = backend
        self.ends = tuple(ends)

    @classmethod
    def of_vocabulary(cls, words: Sequence[str]) -> "Tokenizer":
        """One token a word, longest first where words share a beginning."""
        vocabulary = {word: i for i, word in enumerate([PAD, END, *words])}
        backend = Backend(models.WordLevel(vocabulary, unk_token=PAD))
        pattern = "|".join(_escape(word) for word in sorted(words, key=len, reverse=True))
        backend.pre_tokenizer = pre_tokenizers.Split(Regex(pattern), "isolated")
        backend.decoder = decoders.Fuse()
        backend.add_special_tokens([PAD, END])
        return cls(backend, [vocabulary[END]])

    @classmethod
    def load(cls, folder: Path) -> "Tokenizer":
        """Read a Hugging Face folder; the end tokens are those of its generation_config.json or
        config.json."""
        generation = folder / "generation_config.json"
        config = json.loads((generation if generation.exists() else folder / "config.json").read_text())
        ends = config["eos_token_id"]
        backend = Backend.from_file(str(folder / "tokenizer.json"))
        return cls(backend, ends if isinstance(ends, list) else [ends])

    def save(self, folder: Path) -> None:
        """Write tokenizer.json and generation_config.json."""
        self.backend.save(str(folder / "tokenizer.json"))
        (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": list(self.ends)}))

    def __len__(self) -> int:
        return self.backend.get_vocab_size()

    def encode(self, text: str) -> list[int]:
        """Tokens of a text, nothing added."""
        return list(self.backend.encode(text, add_special_tokens=False).ids)

    def decode(self, tokens: Sequence[int]) -> str:
        """Text of the tokens, special ones left out."""
        return str(self.backend.decode(list(tokens), skip_special_tokens=True))


def _escape(word: str) -> str:
    return "".join(f"\\{c}" if c in r"\.+*?()|[]{}^$" else c for c in word)
