"""Build the jail image: the Dockerfile of `sandbox/image` with the agent baked in."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docker.client import DockerClient
from docker.errors import BuildError, DockerException

from sandbox.runtimes import RuntimeUnavailable

HERE = Path(__file__).parent


def build_image(tag: str, base: str | None) -> Iterator[str]:
    """Build and tag the image, yielding the daemon's output. Raises RuntimeUnavailable.

    Classic builder and `network_mode=host`: works where the default bridge is missing.
    """
    try:
        client = DockerClient.from_env()
        with tempfile.TemporaryDirectory(prefix="jail-image-") as context:
            _fill(Path(context))
            lines = client.api.build(
                path=context,
                tag=tag,
                buildargs={"BASE": base} if base else {},
                network_mode="host",
                rm=True,
                forcerm=True,
                decode=True,
            )
            yield from map(_text, lines)
        client.close()
    except (DockerException, BuildError) as error:
        raise RuntimeUnavailable(f"cannot build {tag}: {error}") from None


def _fill(context: Path) -> None:
    shutil.copy(HERE / "image" / "Dockerfile", context / "Dockerfile")
    shutil.copytree(HERE / "agent", context / "agent", ignore=shutil.ignore_patterns("__pycache__"))


def _text(line: dict[str, Any]) -> str:
    if "error" in line:
        raise RuntimeUnavailable(str(line["error"]).strip())
    return str(line.get("stream", "")).rstrip()
