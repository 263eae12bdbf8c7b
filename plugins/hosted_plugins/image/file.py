"""Opens the appliance's file, in the words an operator understands."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from hosted_setup.model.messages import _
from hosted_setup.model.problem import Problem


class ApplianceUnreadable(Problem):
    """The appliance file cannot be opened."""

    code = "HE-APPLIANCE-UNREADABLE"
    title = "The appliance cannot be read"


@contextlib.contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open the file for reading; an error of the system becomes a problem."""
    try:
        with path.open("rb") as stream:
            yield stream
    except OSError as error:
        hint = _("Answer OVEHOSTED_VM/ovfArchive with the path of an OVA or a disk image; look at this one with:")
        raise ApplianceUnreadable(
            str(path), why=error.strerror or str(error), where=str(path), hint=hint,
            command=f"ls -ld {shlex.quote(str(path))}",
        ) from error  # fmt: skip
