"""XML in and out: plain elements only, from bounded bodies."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET  # only its tree types; the parser below is our own
from xml.parsers import expat

if TYPE_CHECKING:
    from collections.abc import Iterable

DEPTH = 24
LIMIT = 256 * 1024


class XmlError(Exception):
    """The body is not what it should be."""


def parse(body: bytes) -> ET.Element:
    """Parse a request body, refusing document types, entities, processing instructions and deep nesting."""
    if len(body) > LIMIT:
        message = "the request body is too large"
        raise XmlError(message)
    builder = ET.TreeBuilder()
    depth = 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > DEPTH:
            message = "the request body is nested too deeply"
            raise XmlError(message)
        builder.start(tag, attributes)

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(tag)

    def refuse(*_arguments: object) -> None:
        message = "document types, entities and processing instructions are not accepted"
        raise XmlError(message)

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.ProcessingInstructionHandler = refuse
    try:
        parser.Parse(body, True)  # noqa: FBT003 expat takes no keywords
    except expat.ExpatError as problem:
        raise XmlError(str(problem)) from None
    return builder.close()


def text(parent: ET.Element, path: str) -> str | None:
    """Return the text of a child, stripped; an empty one counts as missing."""
    found = parent.findtext(path)
    return (found.strip() or None) if found else None


def element(tag: str, *children: ET.Element | None, **attributes: str | None) -> ET.Element:
    """Build an element, leaving out what is None."""
    made = ET.Element(tag, {key: value for key, value in attributes.items() if value is not None})
    made.extend(child for child in children if child is not None)
    return made


def leaf(tag: str, value: object) -> ET.Element | None:
    """Build an element with text; nothing for None, and XML's words for true and false."""
    if value is None:
        return None
    made = ET.Element(tag)
    made.text = ("true" if value else "false") if isinstance(value, bool) else _clean(str(value))
    return made


def _clean(value: str) -> str:
    """Drop what XML cannot carry at all."""
    return "".join(char for char in value if char in "\t\n\r" or char >= " ")


def fault(reason: str, detail: str) -> ET.Element:
    """Build the answer to a request that failed."""
    return element("fault", leaf("reason", reason), leaf("detail", f"[{detail}]"))


def write(root: ET.Element) -> bytes:
    """Serialize."""
    written: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def collection(tag: str, members: Iterable[ET.Element]) -> ET.Element:
    """Build a list."""
    return element(tag, *members)
