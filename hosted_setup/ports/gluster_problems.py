"""Problems of GlusterFS that its adapter and its fake share."""

from __future__ import annotations

from hosted_setup.model.problem import ExitCode, Problem


class GlusterMissing(Problem):
    """This host has no GlusterFS command line."""

    code = "HE-GLUSTER-CLIENT"
    title = "This host has no GlusterFS client"


class GlusterDown(Problem):
    """Nobody answers at the server's address."""

    code = "HE-GLUSTER-UNREACHABLE"
    title = "The GlusterFS server cannot be reached"


class GlusterHung(Problem):
    """The server does not answer in time."""

    code = "HE-GLUSTER-HUNG"
    title = "The GlusterFS server does not answer in time"


class GlusterFault(Problem):
    """Anything else that a server refuses, or an answer that cannot be read."""

    code = "HE-GLUSTER-FAULT"
    title = "The GlusterFS server refused an operation"
    exit_code = ExitCode.FAILED
