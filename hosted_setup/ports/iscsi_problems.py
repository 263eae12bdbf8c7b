"""Problems that every initiator raises, and what they say alike."""

from __future__ import annotations

from hosted_setup.model.messages import _
from hosted_setup.model.problem import ExitCode, Problem


def allowing(name: str) -> str:
    """Say what helps where a storage server hides from this host, whose IQN that is, what it shows to others."""
    return _("If its access list leaves this host out, allow the initiator {name} on the storage server.", name=name)


class PortalDown(Problem):
    """Nobody answers at the portal's address and port."""

    code = "HE-ISCSI-PORTAL"
    title = "The iSCSI portal cannot be reached"


class PortalHung(Problem):
    """The portal does not answer in time."""

    code = "HE-ISCSI-HUNG"
    title = "The iSCSI portal does not answer in time"


class ChapRefused(Problem):
    """The target refuses the user or the password, or wants one."""

    code = "HE-ISCSI-CHAP"
    title = "The iSCSI target refuses the login"


class DiscoveryRefused(Problem):
    """The portal refuses the user or the password of the discovery, or wants one."""

    code = "HE-ISCSI-DISCOVERY-CHAP"
    title = "The iSCSI portal refuses the discovery"


class InitiatorRefused(Problem):
    """The target knows the initiator and does not let it in."""

    code = "HE-ISCSI-ACL"
    title = "The iSCSI target does not let this host in"


class TargetMissing(Problem):
    """The portal knows no such target, or shows it to other initiators only."""

    code = "HE-ISCSI-TARGET"
    title = "The portal has no such target for this host"


class LunMissing(Problem):
    """The target has no such LUN."""

    code = "HE-ISCSI-LUN"
    title = "The iSCSI target has no such LUN"


class IscsiFault(Problem):
    """Anything else that goes wrong with a portal or a target."""

    code = "HE-ISCSI-FAULT"
    title = "The iSCSI portal refused an operation"
    exit_code = ExitCode.FAILED
