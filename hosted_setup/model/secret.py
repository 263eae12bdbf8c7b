"""Secrets: a closed wrapper, so that a password cannot leak through str(), repr(), join, + or json."""

from __future__ import annotations

from typing import Final, NoReturn, final

_MASK: Final = "********"


@final
class Secret:
    """A text that is shown only by `reveal()`. It is no `str` on purpose; it cannot be pickled or encoded."""

    __slots__ = ("__text",)

    def __init__(self, text: str) -> None:
        """Close `text` in, and let the log's redactor know it."""
        self.__text = text
        if text:
            _known.add(text)

    def reveal(self) -> str:
        """Give the text. Call it only where the text leaves for the one place that needs it."""
        return self.__text

    def __bool__(self) -> bool:
        """Tell whether there is any text."""
        return bool(self.__text)

    def __eq__(self, other: object) -> bool:
        """Compare texts of two secrets; a secret is never equal to a `str`."""
        return isinstance(other, Secret) and other.reveal() == self.__text

    def __hash__(self) -> int:
        """Hash by the text, as equality asks."""
        return hash((Secret, self.__text))

    def __repr__(self) -> str:
        """Give a mask of fixed length."""
        return _MASK

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        """Give the mask whatever the format."""
        return _MASK

    def __reduce__(self) -> NoReturn:
        """Refuse pickling."""
        message = "a Secret cannot be pickled"
        raise TypeError(message)


_known: Final[set[str]] = set()


def known_secrets() -> frozenset[str]:
    """Give every secret text this process has held, for the redactor that is the second net."""
    return frozenset(_known)
