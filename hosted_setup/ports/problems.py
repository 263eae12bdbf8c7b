"""Problems that adapters raise, so that features and fakes share them."""

from __future__ import annotations

import errno
import shlex
from typing import Final

from hosted_setup.model.messages import N_, _
from hosted_setup.model.problem import ExitCode, Problem

START: Final = "hosted-engine deploy"
RESUME: Final = "hosted-engine deploy --resume"
ABORT: Final = "hosted-engine deploy --abort"
"""A problem that names this one is past help by a resume."""

ATTACH: Final = "hosted-engine deploy --attach"
FOLLOW: Final = "hosted-engine deploy --follow"
CONNECT: Final = "hosted-engine connect-storage"
DISCONNECT: Final = "hosted-engine disconnect-storage"
CLEANUP: Final = "hosted-engine cleanup"
CONTINUE: Final = "hosted-engine run continue"
STATUS: Final = "hosted-engine run status"
BUNDLE: Final = "hosted-engine support-bundle"
COLLECT: Final = N_("Collect the logs of this host and of the engine:")
"""What to say before `BUNDLE`."""


class HypervisorDown(Problem):
    """libvirt does not answer."""

    code = "HE-LIBVIRT-DOWN"
    title = "libvirt does not answer"


class HypervisorHung(Problem):
    """libvirt's daemon is there and answers nothing."""

    code = "HE-LIBVIRT-HUNG"
    title = "libvirt has stopped answering"
    exit_code = ExitCode.FAILED


class NameTaken(Problem):
    """A domain or network of that name belongs to somebody else."""

    code = "HE-NAME-TAKEN"
    title = "The name is taken"


class HypervisorFault(Problem):
    """libvirt or qemu refused an operation."""

    code = "HE-LIBVIRT-FAULT"
    title = "The hypervisor refused an operation"
    exit_code = ExitCode.FAILED


class ImageFault(Problem):
    """qemu-img failed."""

    code = "HE-IMAGE-FAULT"
    title = "A disk image could not be written or read"
    exit_code = ExitCode.FAILED


class NoSpace(Problem):
    """A file system is full."""

    code = "HE-NO-SPACE"
    title = "The file system is full"
    exit_code = ExitCode.FAILED


class StorageSilent(Problem):
    """The storage does not answer any more."""

    code = "HE-STORAGE-SILENT"
    title = "The storage does not answer in time"
    exit_code = ExitCode.FAILED


class TableRefused(Problem):
    """sfdisk refused a partition table."""

    code = "HE-LUN-TABLE"
    title = "A partition table could not be made"
    exit_code = ExitCode.FAILED


class SystemRefused(Problem):
    """The operating system refused something that should have worked: a name in the way, a lost mount, a limit."""

    code = "HE-SYSTEM"
    title = "The operating system refused an operation"
    exit_code = ExitCode.FAILED


def refused_by_system(error: OSError, then: str = RESUME) -> Problem:
    """Give the problem for an error of the operating system that nothing more special has told.

    Args:
        error: what was raised.
        then: the command that goes on once there is room.
    """
    name = str(error.filename2 or error.filename or "")
    why = error.strerror or str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        hint = _("Make room, then go on:")
        return NoSpace(name, why=why, where=name, hint=hint, command=then)
    if isinstance(error, TimeoutError | ConnectionError):
        hint = _("Look after the storage server and the network to it, then go on:")
        return StorageSilent(name, why=why, where=name, hint=hint, command=then)
    hint = _("The traceback is in the log; look at the place with:") if name else _("The traceback is in the log:")
    command = f"ls -ld {shlex.quote(name)}" if name else BUNDLE
    return SystemRefused(name or type(error).__name__, why=why, where=name, hint=hint, command=command)


class ResolverDown(Problem):
    """Names cannot be looked up for now."""

    code = "HE-RESOLVER"
    title = "The name service does not answer"


class EngineUnreachable(Problem):
    """The engine's web service does not answer."""

    code = "HE-ENGINE-UNREACHABLE"
    title = "The engine does not answer"
    exit_code = ExitCode.FAILED


class EngineUntrusted(Problem):
    """The engine shows a certificate that its own CA did not sign for its name."""

    code = "HE-ENGINE-UNTRUSTED"
    title = "The engine's certificate is not to be trusted"
    exit_code = ExitCode.FAILED


class EngineLogin(Problem):
    """The engine refuses the user or the password."""

    code = "HE-ENGINE-LOGIN"
    title = "The engine refuses the login"
    exit_code = ExitCode.FAILED


def login_refused(where: str, why: str) -> EngineLogin:
    """Give the problem for a login that the engine refuses; the password is the one engine-setup was given."""
    hint = _(
        "The engine has the password this run gave to engine-setup. If the secrets were changed since, "
        "resume with those of then; else see the bundle of logs, and take the run back:"
    )
    return EngineLogin(where, why=why, hint=hint, command=ABORT)


class EngineFault(Problem):
    """The engine refused an operation."""

    code = "HE-ENGINE-FAULT"
    title = "The engine refused an operation"
    exit_code = ExitCode.FAILED


class ShellUnreachable(Problem):
    """SSH does not work."""

    code = "HE-SSH-UNREACHABLE"
    title = "The engine VM cannot be reached by SSH"
    exit_code = ExitCode.FAILED


class HostKeyWrong(Problem):
    """Another machine answers in the engine VM's place."""

    code = "HE-SSH-HOST-KEY"
    title = "The SSH server shows a wrong host key"
    exit_code = ExitCode.FAILED


class NetworkFault(Problem):
    """The kernel refused a change of the host's network."""

    code = "HE-NETWORK-FAULT"
    title = "The kernel refused a change of the network"
    exit_code = ExitCode.FAILED


class BridgeTakenBack(Problem):
    """The bridge was taken back because nobody kept it in time."""

    code = "HE-BRIDGE-TAKEN-BACK"
    title = "The management bridge was taken back"
    exit_code = ExitCode.FAILED
