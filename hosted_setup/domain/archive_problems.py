"""What can be wrong with an `engine-backup` archive, told to the operator who brought it.

Each kind has a code of its own, so that a script and the documentation can name it. All of them refuse the
archive before anything is extracted or changed.
"""

from __future__ import annotations

from typing import ClassVar

from hosted_setup.domain.file_problem import FileProblem


class ArchiveProblem(FileProblem):
    """Any reason to refuse an archive; catch this one to catch them all."""

    advice: ClassVar[str] = "Take a new backup on the engine, and copy it again."
    run: ClassVar[str] = "tar -tvf {}"


class ArchiveTruncated(ArchiveProblem):
    """The stream ends before the archive does."""

    code = "HE-ARCHIVE-TRUNCATED"
    title = "The backup archive is cut short"
    reason = "a copy that was interrupted, or a file system that was full when it was written, leaves such a file"
    advice = "Copy it again, and compare its checksum with the machine it comes from."
    run = "sha256sum {}"


class ArchiveDamaged(ArchiveProblem):
    """A compressed stream does not inflate, or its own checksum is wrong."""

    code = "HE-ARCHIVE-DAMAGED"
    title = "The backup archive is damaged"
    advice = "Copy it again, and compare its checksum with the machine it comes from."
    run = "sha256sum {}"


class ArchiveFormat(ArchiveProblem):
    """The file is no tar, or uses tar in a way that engine-backup does not."""

    code = "HE-ARCHIVE-FORMAT"
    title = "The file is no backup archive"
    advice = "Give the file that engine-backup --mode=backup wrote."
    run = "file {}"


class ArchiveHash(ArchiveProblem):
    """A member's content is not what the hash list says."""

    code = "HE-ARCHIVE-HASH"
    title = "The backup archive does not match its own checksums"
    reason = "it has changed since engine-backup wrote it"
    advice = "Copy it again; if it is the same on the engine, take a new backup."
    run = "sha256sum {}"


class ArchiveNoHash(ArchiveProblem):
    """There is neither `sha256sum` nor `md5sum`."""

    code = "HE-ARCHIVE-NO-HASH"
    title = "The backup archive carries no checksums"
    reason = "nothing could tell whether it is what engine-backup wrote"


class ArchiveUncovered(ArchiveProblem):
    """A member has no line in the hash list: anybody could have added it."""

    code = "HE-ARCHIVE-UNCOVERED"
    title = "The backup archive holds a member that its checksums do not cover"
    reason = "anybody could have added it since engine-backup wrote the rest"


class ArchiveMissingMember(ArchiveProblem):
    """A required member is absent or empty, or a hash line names one that is absent."""

    code = "HE-ARCHIVE-MISSING-MEMBER"
    title = "The backup archive is incomplete"
    advice = "Take a new backup with all scopes on the engine."
    run = "engine-backup --mode=backup --scope=all --file=engine.backup --log=engine-backup.log"


class ArchiveNoEngineDb(ArchiveProblem):
    """There is no dump of the engine database: a backup of other scopes."""

    code = "HE-ARCHIVE-NO-ENGINE-DB"
    title = "The backup archive holds no engine database"
    reason = "it is a backup of other scopes, from which no engine can be restored"
    advice = "Take a new backup with all scopes on the engine."
    run = "engine-backup --mode=backup --scope=all --file=engine.backup --log=engine-backup.log"


class ArchivePath(ArchiveProblem):
    """A member's name is absolute, climbs with `..`, or is none that engine-backup writes."""

    code = "HE-ARCHIVE-PATH"
    title = "The backup archive holds a member under a name that does not belong there"
    reason = "it would be unpacked where it does not belong; engine-backup writes a closed list of names"


class ArchiveLink(ArchiveProblem):
    """A member is a symbolic or hard link."""

    code = "HE-ARCHIVE-LINK"
    title = "The backup archive holds a link"
    reason = "through a link, what follows could be unpacked anywhere; engine-backup writes none"


class ArchiveDevice(ArchiveProblem):
    """A member is a device or a pipe."""

    code = "HE-ARCHIVE-DEVICE"
    title = "The backup archive holds a device"
    reason = "engine-backup writes plain files only"


class ArchiveDuplicate(ArchiveProblem):
    """The same member comes twice: which one counts depends on who unpacks it."""

    code = "HE-ARCHIVE-DUPLICATE"
    title = "The backup archive holds the same member twice"
    reason = "which of the two counts depends on who unpacks it"


class ArchiveConfig(ArchiveProblem):
    """A small text in it is not of the closed form that engine-backup writes."""

    code = "HE-ARCHIVE-CONFIG"
    title = "The backup archive's description of itself cannot be read"


class ArchiveSize(ArchiveProblem):
    """It unpacks to more than the engine VM's disk can hold."""

    code = "HE-ARCHIVE-SIZE"
    title = "The backup archive unpacks to more than fits"
    advice = "Give the engine VM a larger disk, or leave out the Data Warehouse."


class ArchiveFiles(ArchiveProblem):
    """The inner tar `files` cannot be read, or holds what must not be restored."""

    code = "HE-ARCHIVE-FILES"
    title = "The product files inside the backup archive cannot be read"
    reason = "they are unpacked as root in the engine VM"
