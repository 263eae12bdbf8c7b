"""Small texts by name as one piece, a tar: what the shared configuration is on a LUN."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


def packed(texts: Mapping[str, str]) -> bytes:
    """Give the tar."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, text in sorted(texts.items()):
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(text.encode()), 0o600
            archive.addfile(member, io.BytesIO(text.encode()))
    return out.getvalue()


def unpacked(content: bytes, names: Collection[str]) -> dict[str, str]:
    """Read those of the texts that bear one of `names`.

    Raises:
        ValueError: it is no such tar, with a sentence.
    """
    texts = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
            for member in archive:
                stream = archive.extractfile(member) if member.isfile() and member.name in names else None
                if stream is not None:
                    texts[member.name] = stream.read().decode()
    except tarfile.TarError as error:
        raise ValueError(str(error)) from error
    return texts
