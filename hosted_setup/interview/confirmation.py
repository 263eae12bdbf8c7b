"""The one confirmation, as a question: an answer file may give it."""

from __future__ import annotations

from hosted_setup.model.question import ask, section


@section("Confirmation")
class Confirmation:
    """Two keys, because both are in operators' files; either counts, the first one first."""

    settings: bool = ask("Please confirm installation settings", key="OVEHOSTED_CORE/confirmSettings", default=True)
    proceed: bool = ask("Are you sure you want to continue?", key="OVEHOSTED_CORE/deployProceed", default=True)
