"""What can be wrong with an `engine-backup` archive, told to the operator who brought it.

Each kind has a code of its own, so that a script and the documentation can name it. All of them refuse the
archive before anything is extracted or changed.
"""

from __future__ import annotations

import shlex

from hosted_setup.model.problem import Problem


class ArchiveProblem(Problem):
    """Any reason to refuse an archive; catch this one to catch them all."""


class ArchiveTruncated(ArchiveProblem):
    """The stream ends before the archive does."""

    code = "HE-ARCHIVE-TRUNCATED"
    title = "The backup archive is cut short"


class ArchiveDamaged(ArchiveProblem):
    """A compressed stream does not decompress, or its own checksum is wrong."""

    code = "HE-ARCHIVE-DAMAGED"
    title = "The backup archive is damaged"


class ArchiveFormat(ArchiveProblem):
    """The file is no tar, or uses tar in a way that engine-backup does not."""

    code = "HE-ARCHIVE-FORMAT"
    title = "The file is no backup archive"


class ArchiveHash(ArchiveProblem):
    """A member's content is not what the hash file says."""

    code = "HE-ARCHIVE-HASH"
    title = "The backup archive does not match its own checksums"


class ArchiveNoHash(ArchiveProblem):
    """There is neither `sha256sum` nor `md5sum`."""

    code = "HE-ARCHIVE-NO-HASH"
    title = "The backup archive carries no checksums"


class ArchiveUncovered(ArchiveProblem):
    """A member has no line in the hash file: it could have been added by anybody."""

    code = "HE-ARCHIVE-UNCOVERED"
    title = "The backup archive holds a member that its checksums do not cover"


class ArchiveMissingMember(ArchiveProblem):
    """A required member is absent or empty, or a hash line names a member that is not there."""

    code = "HE-ARCHIVE-MISSING-MEMBER"
    title = "The backup archive is incomplete"


class ArchiveNoEngineDb(ArchiveProblem):
    """There is no dump of the engine database: a backup of another scope."""

    code = "HE-ARCHIVE-NO-ENGINE-DB"
    title = "The backup archive holds no engine database"


class ArchivePath(ArchiveProblem):
    """A member's name is absolute, climbs with `..`, or is none that engine-backup writes."""

    code = "HE-ARCHIVE-PATH"
    title = "The backup archive holds a member under a name that does not belong there"


class ArchiveLink(ArchiveProblem):
    """A member is a symbolic or hard link."""

    code = "HE-ARCHIVE-LINK"
    title = "The backup archive holds a link"


class ArchiveDevice(ArchiveProblem):
    """A member is a device or a pipe."""

    code = "HE-ARCHIVE-DEVICE"
    title = "The backup archive holds a device"


class ArchiveDuplicate(ArchiveProblem):
    """The same member comes twice: which one counts depends on who unpacks it."""

    code = "HE-ARCHIVE-DUPLICATE"
    title = "The backup archive holds the same member twice"


class ArchiveConfig(ArchiveProblem):
    """`config`, `os_version` or the hash list is not of the closed form that engine-backup writes."""

    code = "HE-ARCHIVE-CONFIG"
    title = "The backup archive's description of itself cannot be read"


class ArchiveSize(ArchiveProblem):
    """It unpacks to more than the engine VM's disk can hold."""

    code = "HE-ARCHIVE-SIZE"
    title = "The backup archive unpacks to more than fits"


class ArchiveTooMany(ArchiveProblem):
    """It has more members than engine-backup ever writes."""

    code = "HE-ARCHIVE-TOO-MANY"
    title = "The backup archive holds too many members"


class ArchiveFiles(ArchiveProblem):
    """The inner tar `files` cannot be read, or holds something that must not be restored."""

    code = "HE-ARCHIVE-FILES"
    title = "The product files inside the backup archive cannot be read"


def listing(name: str) -> str:
    """Give the command that lists the members of the archive `name`."""
    return f"tar -tvf {shlex.quote(name)}"


def checksum(name: str) -> str:
    """Give the command whose output is to be compared with the machine that `name` was copied from."""
    return f"sha256sum {shlex.quote(name)}"


NEW_BACKUP = "engine-backup --mode=backup --scope=all --file=engine.backup --log=engine-backup.log"
"""Run on the engine: takes a complete backup."""


def verification(name: str) -> str:
    """Give the command that checks the archive `name` on an engine, without restoring it."""
    return f"engine-backup --mode=verify --file={shlex.quote(name)} --log=engine-backup-verify.log"
