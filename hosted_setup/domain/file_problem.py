"""Problems of a file that an operator brought: found deep inside, where its path is not known."""

from __future__ import annotations

import shlex
from typing import ClassVar, Self

from hosted_setup.model.messages import _
from hosted_setup.model.problem import Problem


class FileProblem(Problem):
    """A reason to refuse a file.

    A subclass says why such a file is refused where the title does not, and what to do about it: `advice` in words,
    `run` as a command, in which `{}` stands for the file.
    """

    reason: ClassVar[str] = ""
    advice: ClassVar[str] = ""
    run: ClassVar[str] = "file {}"

    def __init__(self, detail: str, *, why: str = "") -> None:
        """See `Problem`."""
        super().__init__(detail, why=why or _(self.reason), hint=_(self.advice))

    def located(self, path: str) -> Self:
        """Name the file, which only the one who opened it knows."""
        self.where = path
        self.command = self.run.format(shlex.quote(path))
        return self
