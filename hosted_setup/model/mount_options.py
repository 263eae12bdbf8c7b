"""Options of mount(8), as an operator writes them; see `values`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar, Final, Self

from hosted_setup.model.messages import _

_OWN: Final = {"vers", "nfsvers", "minorversion", "bind", "rbind", "move", "remount", "loop", "ro", "user", "users"}
"""What is asked elsewhere, or would make something else of the mount."""


@dataclass(frozen=True)
class MountOptions:
    """Options with commas between them: `nolock,timeo=600`; none when empty."""

    options: tuple[str, ...]
    pattern: ClassVar = r"([a-z][a-z0-9_-]*(=[A-Za-z0-9_.:/@+-]+)?(,[a-z][a-z0-9_-]*(=[A-Za-z0-9_.:/@+-]+)?)*)?"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Accept well-formed options, except those that are not the operator's."""
        if not re.fullmatch(cls.pattern, text):
            raise ValueError(_("{text!r} is not of the form name,name=value", text=text))
        options = tuple(text.split(",")) if text else ()
        for one in options:
            if one.partition("=")[0] in _OWN:
                raise ValueError(_("{option} is no option to give here", option=one))
        return cls(options)

    def __str__(self) -> str:
        """Give the form with commas."""
        return ",".join(self.options)
