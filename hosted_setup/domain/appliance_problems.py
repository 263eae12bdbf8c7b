"""What can be wrong with an appliance file, told to the operator who brought it."""

from __future__ import annotations

from typing import ClassVar

from hosted_setup.domain.file_problem import FileProblem


class ApplianceProblem(FileProblem):
    """Any reason to refuse an appliance; catch this one to catch them all."""

    advice: ClassVar[str] = "Download it again, and compare its checksum with the publisher's."


class ApplianceFormat(ApplianceProblem):
    """It is neither OVA nor qcow2 nor a raw disk with a partition table."""

    code = "HE-APPLIANCE-FORMAT"
    title = "The file is no appliance"
    advice = "Give an OVA, a gzip'd OVA, a qcow2 image, or a raw disk image with a partition table."


class ApplianceDiskFormat(ApplianceProblem):
    """The disk's format is not supported, or not the one that is declared."""

    code = "HE-APPLIANCE-DISK-FORMAT"
    title = "The appliance's disk has another format than it should"
    advice = "Convert the disk to qcow2 by a program you trust, and give that."


class ApplianceQcow2(ApplianceProblem):
    """The qcow2 header is damaged, or asks for something no appliance needs."""

    code = "HE-APPLIANCE-QCOW2"
    title = "The appliance's qcow2 disk cannot be read"
    run = "qemu-img check -f qcow2 {}"


class ApplianceBacking(ApplianceProblem):
    """The disk continues in another file: it could be any file of this host."""

    code = "HE-APPLIANCE-BACKING"
    title = "The appliance's disk is only an overlay over another file"
    reason = "it does not stand alone, and what it names could be any file of this host"
    advice = "Convert it into an image that stands alone."
    run = "qemu-img info -f qcow2 {}"


class ApplianceDataFile(ApplianceProblem):
    """The disk keeps its data in another file: it could be any file of this host."""

    code = "HE-APPLIANCE-DATA-FILE"
    title = "The appliance's disk keeps its data in another file"
    reason = "it does not stand alone, and what it names could be any file of this host"
    advice = "Convert it into an image that stands alone."
    run = "qemu-img info -f qcow2 {}"


class ApplianceEncrypted(ApplianceProblem):
    """The disk is encrypted."""

    code = "HE-APPLIANCE-ENCRYPTED"
    title = "The appliance's disk is encrypted"
    reason = "nobody could give the VM its key at every start"
    advice = "Give an image that is not encrypted."
    run = "qemu-img info -f qcow2 {}"


class ApplianceTruncated(ApplianceProblem):
    """A bare disk ends before its own tables."""

    code = "HE-APPLIANCE-TRUNCATED"
    title = "The appliance's disk is cut short"
    reason = "a download or copy that was interrupted leaves such a file"
    run = "sha256sum {}"


class ApplianceConf(ApplianceProblem):
    """The `.conf` beside the appliance cannot be read."""

    code = "HE-APPLIANCE-CONF"
    title = "The description beside the appliance cannot be read"
    advice = "It holds KEY=VALUE lines: description, version, path, sha1sum. Mend it:"
    run = "cat {}"


class ApplianceDigest(ApplianceProblem):
    """The file is not what its `.conf` or its manifest says."""

    code = "HE-APPLIANCE-DIGEST"
    title = "The appliance does not match its checksum"
    run = "sha256sum {}"


class OvaProblem(ApplianceProblem):
    """Any reason to refuse the tar of an OVA."""

    run: ClassVar[str] = "tar -tvf {}"


class OvaFormat(OvaProblem):
    """The tar uses something that no appliance needs, or is damaged."""

    code = "HE-OVA-FORMAT"
    title = "The OVA cannot be read"


class OvaTruncated(OvaProblem):
    """The file ends before the tar does."""

    code = "HE-OVA-TRUNCATED"
    title = "The OVA is cut short"
    reason = "a download or copy that was interrupted leaves such a file"


class OvaNoOvf(OvaProblem):
    """There is no `.ovf`."""

    code = "HE-OVA-NO-OVF"
    title = "The OVA holds no description (OVF)"
    reason = "the OVF tells which disk is the engine's, and what the VM needs"


class OvaOvfs(OvaProblem):
    """There is more than one `.ovf`."""

    code = "HE-OVA-OVFS"
    title = "The OVA holds more than one description (OVF)"


class OvaPath(OvaProblem):
    """A member's name leads elsewhere."""

    code = "HE-OVA-PATH"
    title = "The OVA holds a member whose name leads out of it"
    reason = "it would be unpacked where it does not belong"


class OvaLink(OvaProblem):
    """A member is a link."""

    code = "HE-OVA-LINK"
    title = "The OVA holds a link"
    reason = "what it names could be any file of this host"


class OvaDevice(OvaProblem):
    """A member is a device or a pipe."""

    code = "HE-OVA-DEVICE"
    title = "The OVA holds a device"
    reason = "an OVA holds plain files only"


class OvaDuplicate(OvaProblem):
    """The same member comes twice."""

    code = "HE-OVA-DUPLICATE"
    title = "The OVA holds the same member twice"
    reason = "which of the two counts depends on who unpacks it"


class OvaTooMany(OvaProblem):
    """It has more members than any appliance needs."""

    code = "HE-OVA-TOO-MANY"
    title = "The OVA holds too many members"


class OvfDtd(OvaProblem):
    """The XML declares a DTD or entities."""

    code = "HE-OVF-DTD"
    title = "The OVF declares a DTD or entities"
    reason = "entities could pull in files of this host, or grow without end"


class OvfFormat(OvaProblem):
    """The OVF is no XML, too large, or says something that cannot be."""

    code = "HE-OVF-FORMAT"
    title = "The OVF cannot be read"


class OvfNoDisk(OvaProblem):
    """The OVF names no disk."""

    code = "HE-OVF-NO-DISK"
    title = "The OVF names no disk"


class OvfDisks(OvaProblem):
    """The OVF names more than one disk."""

    code = "HE-OVF-DISKS"
    title = "The OVF names more than one disk"
    advice = "An engine appliance has one disk; give one of that kind."


class OvfReference(OvaProblem):
    """The OVF names a disk that is not in the OVA."""

    code = "HE-OVF-REFERENCE"
    title = "The OVF names a disk that is not in the OVA"
