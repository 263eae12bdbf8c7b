"""A fence: a unit test starts no program, connects to nothing and writes nowhere but below its own folder."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

FORBIDDEN: Final = (
    "subprocess.Popen", "os.system", "os.exec", "os.fork", "os.posix_spawn", "socket.connect", "socket.bind",
)  # fmt: skip
WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
MACHINERY: Final = ("/dev/null", "/proc/self/")
CACHES: Final = ("__pycache__", ".hypothesis", ".pytest_cache")
_inside: list[Path] = []
"""Where the test that runs may write; empty while none runs."""


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if not _inside:
        return
    if event in FORBIDDEN:
        pytest.fail(f"a unit test must not do this: {event} {arguments}")
    if event == "open" and isinstance(arguments[0], str) and (arguments[2] or 0) & WRITING:
        path = Path(arguments[0]).absolute()
        allowed = any(path.is_relative_to(place) for place in _inside) or str(path).startswith(MACHINERY)
        if not allowed and not set(CACHES) & set(path.parts):
            pytest.fail(f"a unit test must not write to {path}")


sys.addaudithook(_watch)


@pytest.fixture(autouse=True)
def _fence(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    _inside.append(tmp_path_factory.getbasetemp())
    yield
    _inside.clear()
