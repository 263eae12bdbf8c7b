"""Problems: what an operator can understand and mend. Anything else that is raised is a bug of ours."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, ClassVar

from hosted_setup.model.messages import _

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class ExitCode(IntEnum):
    """What the `hosted-engine` process answers its caller (documented in `docs/exit-codes.md`)."""

    DONE = 0
    FAILED = 1  # failed, everything undone
    USAGE = 2  # usage or configuration
    REFUSED = 3  # a check refused; nothing was changed
    UNFINISHED = 4  # resume or abort
    PAUSED = 5
    INTERRUPTED = 130


class Problem(Exception):
    """One thing that went wrong, told the way an operator needs it.

    A subclass names the kind: `code` is stable and documented, `title` is one sentence, `exit_code` is what the
    process answers when this problem ends it. An instance tells the case.

    Args:
        detail: what happened here, with the names and numbers of this case.
        why: the last real cause, in the words of whoever reported it.
        where: a file with its line, a log, a URL.
        command: the one command to run next, complete.
        hint: the advice in words; printed before the command.
    """

    code: ClassVar[str]
    title: ClassVar[str]
    exit_code: ClassVar[ExitCode] = ExitCode.REFUSED
    registry: ClassVar[dict[str, type[Problem]]] = {}

    def __init_subclass__(cls) -> None:
        """Register the code; two problems may not share one."""
        super().__init_subclass__()
        if "code" not in cls.__dict__:
            return
        other = Problem.registry.setdefault(cls.code, cls)
        if (other.__module__, other.__qualname__) != (cls.__module__, cls.__qualname__):
            message = f"{cls.code} is given by {other.__qualname__} and by {cls.__qualname__}"
            raise TypeError(message)

    def __init__(self, detail: str, *, why: str = "", where: str = "", hint: str = "", command: str = "") -> None:
        """See the class."""
        super().__init__(detail)
        self.detail = detail
        self.why = why
        self.where = where
        self.hint = hint
        self.command = command

    @property
    def headline(self) -> str:
        """Give the title in the operator's language."""
        return _(self.title)

    def __str__(self) -> str:
        """Give code, title and detail on one line."""
        return f"{self.code}: {self.headline}: {self.detail}"

    def problems(self) -> Iterator[Problem]:
        """Give this one; `Problems` gives all of its own."""
        yield self


class Problems(Problem):
    """Several problems found in one go, so that an operator mends them in one go.

    Its exit code is the gravest of its members': usage before refusal.
    """

    def __init__(self, members: Iterable[Problem]) -> None:
        """Collect `members`, flat."""
        self.members = tuple(one for member in members for one in member.problems())
        super().__init__(_("problems: {count}", count=len(self.members)))

    def __str__(self) -> str:
        """Give each problem on a line of its own."""
        return "\n".join(str(member) for member in self.members)

    def problems(self) -> Iterator[Problem]:
        """Give every member."""
        yield from self.members

    def exit_status(self) -> ExitCode:
        """Give the lowest exit code of the members: the earlier class of error comes first for the operator."""
        return min(member.exit_code for member in self.members)


def together(problems: Iterable[Problem]) -> Problem | None:
    """Give all of them as one: None for none, a single one as it is."""
    members = tuple(problems)
    return Problems(members) if len(members) > 1 else next(iter(members), None)


def exit_code_of(problem: Problem) -> ExitCode:
    """Tell what the process answers for `problem`."""
    return problem.exit_status() if isinstance(problem, Problems) else problem.exit_code


class Aborted(Exception):
    """The operator ended the interview: Ctrl-D, end of input, a terminal that is gone. Nothing was changed."""


class Interrupted(BaseException):
    """A signal asked the process to end (SIGTERM, SIGHUP), like Ctrl-C does."""
