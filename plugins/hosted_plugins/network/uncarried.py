"""What the operator's configuration of the NIC says that nobody can say of a bridge: told before anything changes."""

from __future__ import annotations

import shlex
from pathlib import Path

from hosted_setup.model.messages import _
from hosted_setup.model.problem import Problem


class NicUncarried(Problem):
    """Something that is configured for the NIC would be lost once the bridge has its addresses."""

    code = "HE-NIC-CONFIG"
    title = "The configuration of the network interface cannot be carried over to the management bridge"


def uncarried(what: str, why: str, path: Path) -> NicUncarried:
    """Give the problem with `what` stands in the file `path`."""
    return NicUncarried(
        what,
        why=why,
        where=str(path),
        hint=_("Take it out, or make the bridge there yourself: one that is there is used as it is. See:"),
        command=f"cat {shlex.quote(str(path))}",
    )
