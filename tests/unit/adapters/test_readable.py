"""Waiting for something to read."""

from __future__ import annotations

import fcntl
import os
import resource
from typing import TYPE_CHECKING

import pytest

from hosted_setup.adapters.readable import readable

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """Give a pipe whose end to read from has a number that select(2) cannot take."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    end, other = os.pipe()
    high = fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 1024)
    yield high, other
    for one in (end, high, other):
        os.close(one)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_high_descriptor_is_waited_for(pipe: tuple[int, int]) -> None:
    descriptor, other = pipe
    assert not readable(descriptor, 0.01)
    assert not readable(descriptor, -1.0), "too late is not for ever"
    os.write(other, b"x")
    assert readable(descriptor, None)


def test_the_end_is_something_to_read() -> None:
    descriptor, other = os.pipe()
    os.close(other)
    assert readable(descriptor, None)
    os.close(descriptor)
