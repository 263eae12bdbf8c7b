"""A program that holds one interview, for tests that drive it through a terminal or a pipe.

Arguments: `plain` or `replay`, where the answer file is written, then the operator's answer files.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hosted_setup.interview import secrets
from hosted_setup.interview.answer_writer import write
from hosted_setup.interview.frontend import Decline, Reopen
from hosted_setup.interview.frontends.plain import PlainFrontend
from hosted_setup.interview.frontends.replay import ReplayFrontend
from hosted_setup.interview.frontends.screen import Screen
from hosted_setup.interview.interviewer import Interviewer
from hosted_setup.interview.loading import load
from hosted_setup.model.events import Failed, GuestLine, Heading, Info, Waiting
from hosted_setup.model.problem import Aborted, ExitCode, Problem, exit_code_of
from tests.unit.interview.sections import ALL, Backup, Engine, Facts, Vm

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hosted_setup.interview.frontend import Review


def walk(interviewer: Interviewer, sections: Sequence[type[Any]], products: Mapping[type[Any], Any]) -> None:
    """Ask the sections in order, and back where the operator wants it."""
    at, way = 0, 1
    while at < len(sections):
        way = -1 if interviewer.ask(sections[at], products, returning=way < 0) is None else 1
        at += way


def main(kind: str, out: str, *files: str) -> int:
    """Interview and confirm; give the exit code."""
    screen = Screen(sys.stdout)
    frontend = ReplayFrontend(screen) if kind == "replay" else PlainFrontend(screen, sys.stdin)
    environment = secrets.take_from_environment(os.environ)
    answers = load(ALL, files=[Path(file) for file in files], environment=environment)
    interviewer = Interviewer(answers, frontend)
    try:
        interviewer.begin([Vm, Engine])
        frontend.emit(Heading("Environment customization"))
        products = {Facts: Facts(memory=16000), Backup: Backup()}
        review: Review = Reopen(0)
        while isinstance(review, Reopen):
            walk(interviewer, (Vm, Engine), products)
            review = interviewer.review(["Create the engine VM"], ["VM HostedEngine is removed"])
        if review == Decline():
            return ExitCode.FAILED
        for elapsed in (0, 1):
            frontend.emit(Waiting("the engine", elapsed, 900, 180))
        frontend.emit(GuestLine("\x1b[2JPreparing to restore:"))
    except Aborted:
        frontend.emit(Info("Aborted; nothing was changed."))
        return ExitCode.INTERRUPTED
    except Problem as problem:
        frontend.emit(Failed(problem))
        return exit_code_of(problem)
    finally:
        write(Path(out), interviewer.answered())
    return ExitCode.DONE


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(ExitCode.INTERRUPTED)
