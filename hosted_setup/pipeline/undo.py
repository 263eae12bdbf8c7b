"""Undo: what takes one change back, recorded before the change is made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

if TYPE_CHECKING:
    from hosted_setup.ports.host import Host


@dataclass(frozen=True)
class Undo:
    """Takes one change back.

    A subclass is a frozen dataclass of plain data; its class keyword `name` is what the journal calls it. Since the
    intent is recorded before the deed, `apply` must be idempotent, must do nothing when the deed never happened, and
    must name only what this run alone can have made (a fresh UUID, or a mark with the run id which it verifies).
    """

    registry: ClassVar[dict[str, type[Undo]]] = {}
    name: ClassVar[str]

    def __init_subclass__(cls, name: str) -> None:
        """Register the subclass under its journal name."""
        super().__init_subclass__()
        # dataclass(slots=…) and reloads make a class twice; only a different class is a clash
        other = Undo.registry.setdefault(name, cls)
        if other.__qualname__ != cls.__qualname__:
            message = f"two undo actions are called {name}"
            raise TypeError(message)
        Undo.registry[name] = cls
        cls.name = name

    def apply(self, host: Host) -> None:
        """Take the change back."""
        raise NotImplementedError

    def refuse(self, host: Host) -> None:
        """Refuse to take a finished run back where that would harm somebody else; asked before anything is taken back.

        Raises:
            Problem: it would.
        """

    def describe(self) -> str:
        """Say in a few words what is taken back."""
        return self.name


class UndoLog(Protocol):
    """Where a step records what would take its next change back."""

    def before(self, undo: Undo) -> None:
        """Record `undo` durably; the change may be made once this returns."""
