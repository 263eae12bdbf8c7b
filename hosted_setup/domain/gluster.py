"""What `gluster ... --xml` says: read strictly, since it comes from another machine.

The form is that of `cli/src/cli-xml-output.c` of GlusterFS 10: opRet, opErrstr and, for `volume info`, the volumes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from uuid import UUID
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from hosted_setup.model.messages import _
from hosted_setup.ports.gluster import GlusterVolume

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

LONGEST: Final = 4 << 20
"""Characters of an answer; a volume takes about one thousand."""
_STARTED: Final = "1"  # enum gf_volume_status
_REPLICATED: Final = frozenset({"Replicate", "Distributed-Replicate", "Distribute"})


class GlusterRefused(Exception):  # noqa: N818 - it is what the server says, not an error of ours
    """The server has refused; the text is its own."""


def volumes(text: str) -> tuple[GlusterVolume, ...]:
    """Read the answer to `volume info --xml`.

    Raises:
        GlusterRefused: the server did not do it.
        ValueError: it is no such answer.
    """
    root = _answer(text)
    found = root.find("volInfo/volumes")
    if found is None:
        raise ValueError(_("no volumes in the answer"))
    return tuple(_volume(one) for one in found.findall("volume"))


def done(text: str) -> None:
    """Read the answer to a change.

    Raises:
        GlusterRefused: the server did not do it.
        ValueError: it is no such answer.
    """
    _answer(text)


def _answer(text: str) -> Element:
    if len(text) > LONGEST:
        raise ValueError(_("the answer has more than {most} characters", most=LONGEST))
    try:
        root: Element = fromstring(text, forbid_dtd=True)
    except (ParseError, DefusedXmlException) as error:
        raise ValueError(_("the answer is no XML: {error}", error=error)) from error
    if _text(root, "opRet") != "0":
        raise GlusterRefused(_text(root, "opErrstr", "") or _("no reason given"))
    return root


def _volume(one: Element) -> GlusterVolume:
    kind = _text(one, "typeStr")
    return GlusterVolume(
        name=_text(one, "name"),
        uuid=str(UUID(_text(one, "id"))),
        started=_text(one, "status") == _STARTED,
        replica=int(_text(one, "replicaCount")) if kind in _REPLICATED else 0,
        bricks=tuple(_text(brick, "name") for brick in one.findall("bricks/brick")),
        options={_text(option, "name"): _text(option, "value", "") for option in one.findall("options/option")},
    )


def _text(parent: Element, name: str, missing: str | None = None) -> str:
    found = parent.findtext(name, missing)
    if found is None:
        raise ValueError(_("no {name} in the answer", name=name))
    return found.strip()
