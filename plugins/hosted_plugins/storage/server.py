"""The server that is asked what storage it has, before one is chosen: NFS's and GlusterFS's."""

from __future__ import annotations

from typing import Final

from hosted_setup.interview.sheet import AnswerSheet
from hosted_setup.model.addresses import HostAddress
from hosted_setup.model.question import ask, section

CONNECTION: Final = "OVEHOSTED_STORAGE/storageDomainConnection"
SERVER: Final = "HOSTED_ENGINE/storageServer"


def _helps(sheet: AnswerSheet) -> bool:
    """Tell whether there is anything left to choose; an answer is heard all the same."""
    return not sheet.gives(CONNECTION) or sheet.gives(SERVER)


@section("Storage")
class StorageServer:
    """Which server is asked."""

    server: HostAddress | None = ask(
        "Storage server", key=SERVER, default=None, when=_helps,
        help="Its name or address: what it offers is listed next. Empty: you type server and path yourself.",
    )  # fmt: skip
