"""The stages of a run: coarse barriers, with the headings operators know."""

from __future__ import annotations

from enum import IntEnum


class Stage(IntEnum):
    """Where in a run a step belongs; the order of the members is the order of the run."""

    SETUP = 0  # look
    CUSTOMIZATION = 1  # ask, and probe what was answered
    VALIDATION = 2  # check; all problems at once
    TRANSACTION = 3  # change, each change with its undo
    CLOSING = 4  # forward only

    @property
    def changes(self) -> bool:
        """Whether a step of this stage may change anything."""
        return self >= Stage.TRANSACTION

    @property
    def headings(self) -> tuple[str, ...]:
        """Give the headings that are printed when the stage begins."""
        return _HEADINGS[self]


_HEADINGS = {
    Stage.SETUP: ("Initializing", "Environment setup"),
    Stage.CUSTOMIZATION: ("Environment customization",),
    Stage.VALIDATION: ("Setup validation",),
    Stage.TRANSACTION: ("Transaction setup", "Misc configuration"),
    Stage.CLOSING: ("Closing up",),
}
COMMIT = "Transaction commit"
CLEANUP = "Clean up"
PRE_TERMINATION = "Pre-termination"
TERMINATION = "Termination"
