"""What the original's answer files say in words that this program has others for.

Source: ovirt-hosted-engine-setup 2.7. `nfs3` and `nfs4` are storage types there, with the version in their name; an
empty path of the appliance means the appliance of the package that is installed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hosted_setup.interview.answer_file import Kind
from hosted_setup.model.messages import _

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hosted_setup.interview.answer_file import Entry

STORAGE_TYPE: Final = "OVEHOSTED_STORAGE/domainType"
NFS_VERSION: Final = "OVEHOSTED_STORAGE/nfsVersion"
APPLIANCE: Final = "OVEHOSTED_VM/ovfArchive"
OWN: Final = "HOSTED_ENGINE/"
"""How the keys begin that the original does not have: a file with one of them was written for this program."""

_NFS: Final = {"nfs3": "v3", "nfs4": "v4"}


def is_open(key: str, text: str) -> bool:
    """Tell whether this text leaves the question of the key unanswered."""
    return key == APPLIANCE and not text.strip()


def takes_back(entry: Entry) -> bool:
    """Tell whether the answer says that there is none, which takes back what places of lesser rank say."""
    return entry.kind is Kind.NONE or (isinstance(entry.text, str) and is_open(entry.key, entry.text))


@dataclass(frozen=True)
class Meaning:
    """What an answer says here: its text, and the answers by key that it gives where nothing else does.

    `told` says it to the operator.
    """

    text: str
    implies: Mapping[str, str]
    told: str


def meant_by(entry: Entry) -> Meaning | None:
    """Give what is meant by an answer; None for what is meant as it stands."""
    version = _NFS.get(str(entry.text)) if entry.key == STORAGE_TYPE else None
    if version is None:
        return None
    told = _(
        "{place}: {said} is read as nfs, and {key} as {version} unless it is answered",
        place=entry.place,
        said=entry.text,
        key=NFS_VERSION,
        version=version,
    )
    return Meaning("nfs", {NFS_VERSION: version}, told)
