"""Train a model on verified rewards: `python trainer/run.py [CONFIG.toml] [--key value …]`, the demo
without arguments.

Reading order: run -> pipeline -> loop -> sampler -> scoring -> advantage -> loss.
"""

import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from trainer import checkpoint
from trainer.config import Config, ConfigError, keys, load
from trainer.pipeline import run
from trainer.scoring import VerifierStopped, open_verifier
from trainer.update import Diverged
from trainer_client import VerifierError


def main(arguments: Sequence[str]) -> int:
    """The command. Returns the exit code: 2 for a configuration that cannot be used, 1 for a failed run."""
    if {"--help", "-h"} & set(arguments):
        print(__doc__, *(f"--{key}: {text}" for key, text in keys(Config).items()), sep="\n")  # noqa: T201
        return 0
    try:
        config = load(arguments)
        folder = prepare(config)
    except ConfigError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    try:
        with open_verifier(config, folder / "worker.log") as (verifier, watch):
            summary = run(config, folder, verifier, watch)
    except (VerifierError, VerifierStopped, Diverged) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)  # noqa: T201
        return 1
    except KeyboardInterrupt:
        return 130
    before, after = summary["accuracy_before"], summary["accuracy_after"]
    print(f"accuracy {before:.1%} -> {after:.1%}; see {folder / 'report.html'}")  # noqa: T201
    return 0


def _leave(number: int, frame: FrameType | None) -> None:
    """End as Ctrl-C does: everything that was started is ended on the way out."""
    raise SystemExit(128 + number)


def prepare(config: Config) -> Path:
    """The run's folder, made anew, or found when the run is resumed. Raises ConfigError."""
    name = config.name or f"{config.task.name}-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
    folder = Path(config.runs, name)
    if config.resume:
        if not checkpoint.saved(folder / checkpoint.FOLDER):
            raise ConfigError(f"{folder} has no checkpoint to resume from")
    elif folder.exists() and any(folder.iterdir()):
        raise ConfigError(f"{folder} exists: go on from it with --resume true, or choose another --name")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
