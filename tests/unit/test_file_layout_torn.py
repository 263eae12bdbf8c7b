"""What a storage domain in files says of itself: any torn write of it is known as one, and never misread."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hosted_setup.domain.host_slot import HostSlot
from hosted_setup.domain.pointer import Pointer
from hosted_setup.ports.locations import DirectoryHome
from hosted_setup.storage.domain import StorageDomain
from hosted_setup.storage.layout import DomainDamaged, Layout
from hosted_setup.testing.world import World

RUN, UUID = "20260102030405-abcdef", "5d000000-0000-4000-8000-000000000001"
TEXTS: Final = st.text(st.characters(codec="utf-8"), max_size=2000)
WORDS: Final = st.text(st.characters(codec="utf-8"), max_size=250)


@dataclass(frozen=True)
class File:
    """A file of a domain: where it lies, what can be in it, how that is written and read."""

    path: str
    values: st.SearchStrategy[Any]
    write: Callable[[Layout, Any], None]
    read: Callable[[Layout], Any]


FILES: Final = {
    "pointer": File(
        "images/current.json",
        st.builds(Pointer, st.uuids().map(str), st.sampled_from(["qcow2", "raw"])),
        lambda layout, pointer: layout.point_to(pointer),
        lambda layout: layout.current(),
    ),
    "host": File(
        "hosts/7/host.json",
        st.builds(HostSlot, st.just(7), WORDS, st.uuids().map(str), st.just(RUN), WORDS),
        lambda layout, slot: layout.reserve(slot),
        lambda layout: layout.hosts()[7],
    ),
    "configuration": File(
        "conf/hosted-engine.conf",
        TEXTS,
        lambda layout, text: layout.write_conf({"hosted-engine.conf": text}),
        lambda layout: layout.read_conf()["hosted-engine.conf"],
    ),
}


class Torn:
    """A domain whose files are torn."""

    def __init__(self, root: Path) -> None:
        world = World.make(root / "world")
        self.folder = world.storage / UUID
        self.layout = StorageDomain(UUID, DirectoryHome(world.storage, -1, -1)).on(world.host(RUN))
        self.layout.create("hosted_storage", RUN)

    def content(self, file: File, value: object) -> bytes:
        """Write it, where it is not; give what is in the file then."""
        path = self.folder / file.path
        path.unlink(missing_ok=True)
        if file is FILES["host"] and path.parent.exists():
            path.parent.rmdir()
        file.write(self.layout, value)
        assert file.read(self.layout) == value
        return path.read_bytes()

    def refuses(self, file: File, content: bytes) -> None:
        (self.folder / file.path).write_bytes(content)
        with pytest.raises(DomainDamaged):
            file.read(self.layout)


@pytest.fixture(scope="module")
def torn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Torn]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", lambda _: None)
        yield Torn(tmp_path_factory.mktemp("torn"))


@pytest.mark.parametrize("name", FILES)
@given(data=st.data())
def test_no_beginning_is_believed_with_or_without_zeros_behind_it(torn: Torn, name: str, data: st.DataObject) -> None:
    content = torn.content(FILES[name], data.draw(FILES[name].values))
    length = data.draw(st.integers(0, len(content) - 1))
    torn.refuses(FILES[name], content[:length])
    torn.refuses(FILES[name], content[:length] + bytes(len(content) - length))
    torn.refuses(FILES[name], content + bytes(data.draw(st.integers(1, 512))))


@pytest.mark.parametrize("name", FILES)
@given(data=st.data())
def test_a_mix_of_old_and_new_sectors_is_one_of_them_or_refused(torn: Torn, name: str, data: st.DataObject) -> None:
    file, sector = FILES[name], data.draw(st.sampled_from([64, 512]))  # the small ones have several of 64 bytes
    values = data.draw(st.tuples(file.values, file.values))
    contents = [torn.content(file, value) for value in values]
    length = max(map(len, contents))
    sources = [*(one.ljust(length, b"\0") for one in contents), bytes(length)]
    taken = data.draw(st.lists(st.sampled_from(sources), min_size=-(-length // sector), max_size=-(-length // sector)))
    mixed = b"".join(one[at * sector : (at + 1) * sector] for at, one in enumerate(taken))
    for size in {len(one) for one in contents}:
        whole = [value for value, content in zip(values, contents, strict=True) if content == mixed[:size]]
        if whole:
            (torn.folder / file.path).write_bytes(mixed[:size])
            assert file.read(torn.layout) in whole
        else:
            torn.refuses(file, mixed[:size])


@pytest.mark.parametrize("name", FILES)
@given(data=st.data())
def test_a_byte_that_turned_is_never_believed(torn: Torn, name: str, data: st.DataObject) -> None:
    content = bytearray(torn.content(FILES[name], data.draw(FILES[name].values)))
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    torn.refuses(FILES[name], bytes(content))


@pytest.mark.parametrize("name", FILES)
@given(content=st.binary(max_size=600))
def test_garbage_is_refused(torn: Torn, name: str, content: bytes) -> None:
    (torn.folder / FILES[name].path).parent.mkdir(exist_ok=True)
    torn.refuses(FILES[name], content)
