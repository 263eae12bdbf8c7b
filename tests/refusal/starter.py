"""Starts `hosted-engine` again and again, each time in a fork of a process that has loaded its modules already.

Reads a line of JSON for each call: `arguments`, `environment` and `out`, the stem of the files for what it prints.
Answers with the exit code on a line.
"""

from __future__ import annotations

import json
import os
import pkgutil
import sys
from importlib import import_module
from typing import Any

from hosted_plugins import COMMANDS, FEATURES
from hosted_setup import adapters, cli
from hosted_setup.interview import frontends
from hosted_setup.registry import Registry


def load() -> None:
    """Import what a deploy imports while it runs."""
    Registry((*COMMANDS, *FEATURES), third_parties=False)
    import_module("hosted_plugins.deploy.work")
    for package in (adapters, frontends):
        for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            import_module(found.name)


def run(call: dict[str, Any]) -> int:
    """Be the program."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(f"{call['out']}.{name}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    os.environ.clear()
    os.environ.update(call["environment"])
    return cli.main(call["arguments"])


def serve() -> None:
    """Start one after the other."""
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            sys.exit(run(json.loads(line)))
        _, status = os.waitpid(pid, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    load()
    serve()
