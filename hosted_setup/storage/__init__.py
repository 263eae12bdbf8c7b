"""What a storage back end is: one object with a section of its own that proves and attaches a storage domain's home."""

from __future__ import annotations

import shlex
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hosted_setup.model.problem import Problem
    from hosted_setup.pipeline.undo import UndoLog
    from hosted_setup.ports.host import Host
    from hosted_setup.ports.locations import Home
    from hosted_setup.storage.discovery import AnyFound
    from hosted_setup.storage.layout import Layout


A = TypeVar("A")


class StorageBackend(Protocol[A]):
    """A kind of storage (`OVEHOSTED_STORAGE/domainType`), which needs the answers `A`."""

    @property
    def kind(self) -> str:
        """Give the word for it in answers."""

    @property
    def title(self) -> str:
        """Give the words for it in the list that the operator chooses from."""

    @property
    def answers(self) -> type[A]:
        """Give the section that is asked when it is chosen; or a product, whose needs may be sections and steps."""

    def connection(self, want: A) -> str:
        """Give the text that the engine and `hosted-engine.conf` know the storage by."""

    @property
    def shared(self) -> bool:
        """Tell whether other hosts reach it too: the engine's data center is for shared storage then."""
        return True

    def entity(self, want: A) -> dict[str, object]:
        """Give the fields of the engine's API that say where the storage is."""
        return {"path": self.connection(want)}

    def command(self, want: A) -> str:
        """Give the command that shows the storage and its room."""
        return f"df -h {shlex.quote(self.connection(want))}"

    def conf(self, want: A) -> dict[str, str]:  # noqa: ARG002 - as the others
        """Give what else `hosted-engine.conf` says of the storage."""
        return {}

    @property
    def whole(self) -> bool:
        """Tell whether a disk takes all its room at once."""
        return False

    @property
    def discover(self) -> Callable[..., Sequence[AnyFound]] | None:
        """Give what looks for storage of this kind; None where nothing can be looked for.

        Its parameters are looked up by type: the Host, and sections whose questions look at no other products than
        sections. The `ADDRESS` of `hosted-engine storage discover` answers the first question of the first section.
        """
        return None

    def lacking(self, want: A, host: Host) -> Problem | None:  # noqa: ARG002 - as the others
        """Tell what this host lacks for the chosen way to the storage, such as the kernel's client."""
        return None

    def check(self, want: A, host: Host) -> None:
        """Prove, when all is answered, that the storage can be used for a new engine; changes nothing.

        Raises:
            Problem: it cannot be used.
        """

    def free(self, want: A, host: Host) -> int:
        """Give the bytes that are free there."""

    def looking(self, want: A, host: Host) -> AbstractContextManager[Sequence[Layout]]:  # noqa: ARG002 - as the others
        """Give the storage domains that are there and can be read, for a look; none where that takes a change.

        Raises, at its beginning or while they are read:
            Problem, OSError: the storage does not answer.
        """
        return nullcontext(())

    def attach(self, want: A, host: Host, undo: UndoLog) -> Home:
        """Make the storage reachable, and tell what storage domains live in; what changes goes to `undo` first."""
