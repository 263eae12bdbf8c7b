"""Pretended GlusterFS servers: the volumes of one pool, kept in a file."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hosted_setup.ports.gluster import GlusterVolume
from hosted_setup.testing.state import load, save

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class FakeGluster:
    """Implements `ports.gluster.Gluster`; every server is of the pool, this host too."""

    def __init__(self, table: Path) -> None:
        """Keep the volumes in `table`."""
        self._table = table

    def add(self, volume: GlusterVolume) -> None:
        """Have a volume."""
        self._keep(*self.volumes(""), volume)

    def volumes(self, server: str) -> tuple[GlusterVolume, ...]:  # noqa: ARG002 - they are all of one pool
        """Give the volumes, in their order."""
        return load(self._table, tuple[GlusterVolume, ...]) or ()

    def has_rights(self, volume: GlusterVolume) -> bool:
        """Tell whether this host is of the pool."""
        return volume in self.volumes("")

    def set_options(self, volume: str, options: Mapping[str, str]) -> None:
        """Set options of a volume; an empty value goes back to the default."""
        self._keep(*(_changed(one, options) if one.name == volume else one for one in self.volumes("")))

    def _keep(self, *volumes: GlusterVolume) -> None:
        save(self._table, volumes)


def _changed(volume: GlusterVolume, options: Mapping[str, str]) -> GlusterVolume:
    now = {**volume.options, **options}
    return replace(volume, options={name: value for name, value in now.items() if value})
