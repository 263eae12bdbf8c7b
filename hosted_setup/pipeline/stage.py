"""The stages of a run: coarse barriers, with the headings operators know."""

from __future__ import annotations

from enum import IntEnum

from hosted_setup.model.messages import N_


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
    Stage.SETUP: (N_("Initializing"), N_("Environment setup")),
    Stage.CUSTOMIZATION: (N_("Environment customization"),),
    Stage.VALIDATION: (N_("Setup validation"),),
    Stage.TRANSACTION: (N_("Transaction setup"), N_("Misc configuration")),
    Stage.CLOSING: (N_("Closing up"),),
}
COMMIT = N_("Transaction commit")
CLEANUP = N_("Clean up")
PRE_TERMINATION = N_("Pre-termination")
TERMINATION = N_("Termination")
