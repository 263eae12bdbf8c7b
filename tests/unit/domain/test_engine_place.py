"""The hosted engine's place and the engine's storage, out of its database's dump; of what is odd nothing is told."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hosted_setup.domain import pgdump
from hosted_setup.domain.engine_place import OldDomain, OldEngine, Place, read_engine
from hosted_setup.domain.inflate import CutShortError
from hosted_setup.domain.pgdump import DumpError, rows
from tests.unit.domain.builders import PACK, backup, members, read
from tests.unit.domain.dumps import EDGE, NAS, RACKS, TABLES, VERSIONS, VIENNA, changed, dump, number, real

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MIB = 1 << 20
HERE = Place("Vienna", "Racks")
ENGINE_S = OldDomain("hosted_storage", "nas.example.com:/exports/engine")
ORIGIN = {"vm_static": ("origin",), "cluster": ("name",), "storage_pool": ("id",)}


def cut(content: bytes, size: int) -> Iterator[bytes]:
    return (content[at : at + size] for at in range(0, len(content), size))


def told(content: bytes, size: int = MIB) -> OldEngine:
    return read_engine(cut(content, size))


def place(content: bytes, size: int = MIB) -> Place | None:
    return told(content, size).place


@pytest.mark.parametrize("size", [1, 3, 100, MIB])
@pytest.mark.parametrize("version", VERSIONS)
def test_a_real_dump_tells_the_place(version: int, size: int) -> None:
    assert told(real(version), size) == OldEngine(Place("Vienna", "Racks_2"))  # it has no tables of storage


@pytest.mark.parametrize("pack", PACK)
def test_an_archive_tells_it_however_the_dump_is_packed(pack: str) -> None:
    assert read(backup(members(db__engine_backup=PACK[pack](real(15))))).place == Place("Vienna", "Racks_2")
    assert read(backup(members(db__dwh_backup=real(15)))).place is None  # the other database's does not count


@pytest.mark.parametrize("piece", [1, 7, 4096])
@pytest.mark.parametrize("packed", [True, False])
def test_the_dumps_written_here_are_like_real_ones(packed: bool, piece: int) -> None:  # noqa: FBT001 - a parameter
    assert told(dump(packed=packed, piece=piece)) == OldEngine(HERE, (ENGINE_S,))


@pytest.mark.parametrize("size", [5, MIB])
def test_what_follows_the_last_wanted_table_is_not_read(size: int) -> None:
    def then_no_more() -> Iterator[bytes]:
        yield from cut(dump(), size)
        message = "it was read on"
        raise AssertionError(message)

    assert read_engine(then_no_more()).place == HERE


def test_a_torn_archive_is_told_as_such() -> None:
    def torn() -> Iterator[bytes]:
        yield dump()[:300]
        raise CutShortError

    with pytest.raises(CutShortError):
        read_engine(torn())


TWO = [("1", "6", RACKS), ("2", "6", EDGE)]
GOOD = dump()
ODD = {
    "no hosted engine": changed(vm_static=[("1", "3", RACKS)]),
    "no rows": changed(vm_static=[]),
    "two hosted engines": changed(vm_static=TWO),
    "one of two is in no cluster": changed(vm_static=[("1", "6", RACKS), ("2", "6", r"\N")]),
    "its cluster is not there": changed(vm_static=[("1", "6", VIENNA)]),
    "its cluster is in no data center": changed(vm_static=[("1", "6", EDGE)]),
    "its data center is not there": changed(storage_pool=[]),
    "a name that cannot be answered": changed(cluster=[(RACKS, "B\u00fcro", VIENNA)]),
    "a name that is a command": changed(storage_pool=[(VIENNA, "$(reboot)")]),
    "an id that is none": changed(cluster=[("1", "Racks", VIENNA)], vm_static=[("1", "6", "1")]),
}


@pytest.mark.parametrize("case", ODD)
def test_nothing_is_told_of_an_engine_that_is_not_in_one_place(case: str) -> None:
    content = dump(ODD[case])
    assert sum(1 for _row in rows(iter([content]), ORIGIN)) >= 0  # the dump itself is whole
    assert place(content) is None


def test_two_hosted_engines_in_one_cluster_are_in_one_place() -> None:
    assert place(dump(changed(vm_static=[("1", "6", RACKS), ("2", "6", RACKS)]))) == HERE


LACKING = {
    "no connections": ("storage_server_connections", None),
    "no domains": ("storage_domain_static", None),
    "a column of the connections": ("storage_server_connections", ("id, iqn", [(NAS, "x")])),
    "a column of the domains": ("storage_domain_static", ("id, storage_name", [(EDGE, "hosted_storage")])),
    "no cluster": ("cluster", None),
    "a column of the clusters": ("cluster", ("cluster_id, name", [(RACKS, "Racks")])),
}


@pytest.mark.parametrize("case", LACKING)
def test_what_a_database_lacks_takes_nothing_of_the_rest(case: str) -> None:
    name, table = LACKING[case]
    tables = {key: one for key, one in TABLES.items() if key != name} | ({name: table} if table else {})
    assert told(dump(tables)) == (OldEngine(None, (ENGINE_S,)) if name == "cluster" else OldEngine(HERE))


def test_a_table_that_is_filled_in_another_way_is_as_good_as_missing() -> None:
    assert told(GOOD.replace(b"FROM stdin;", b"FROM './x';")) == OldEngine()


def test_domains_that_cannot_be_told_are_left_out() -> None:
    odd = [
        (EDGE, r"nas:/tab\tbed"),
        (RACKS, ""),
        (VIENNA, "nas:/" + "x" * 1000),
        (NAS, "nas:/b\u00fcro"),
        ("1", "nas:/1"),
    ]
    names = [(EDGE, EDGE, "a"), (EDGE, RACKS, "b"), (EDGE, VIENNA, "c"), (EDGE, NAS, "B\u00fcro"), (EDGE, "1", "e")]
    names.append((EDGE, NAS, r"\N"))
    connections = [(identifier, connection, r"\N") for identifier, connection in odd]
    content = dump(changed(storage_domain_static=names, storage_server_connections=connections))
    assert told(content).domains == (OldDomain("B\u00fcro", "nas:/b\u00fcro"),)


def test_no_more_domains_are_kept_than_an_engine_has() -> None:
    many = [(str(UUID(int=number)), f"nas:/{number}") for number in range(1001)]
    domains = [(identifier, identifier, connection) for identifier, connection in many]
    connections = [(identifier, connection, r"\N") for identifier, connection in many]
    content = dump(changed(storage_domain_static=domains, storage_server_connections=connections))
    assert told(content).domains == tuple(OldDomain(connection, connection) for _identifier, connection in many[:1000])


@pytest.mark.parametrize(
    ("connection", "answered", "same"),
    [
        ("nas.example.com:/exports/engine", "nas.example.com:/exports/engine", True),
        ("NAS.Example.com:/exports/engine/", "nas.example.com:/exports/engine", True),
        ("nas.example.com.://exports//engine", "nas.example.com:/exports/engine", True),
        ("[2001:DB8::5]:/engine", "[2001:db8::5]:/engine", True),
        ("gluster1.example.com:engine", "gluster1.example.com:/engine", True),
        ("nas.example.com:/", "nas.example.com:/", True),
        ("nas.example.com:/Exports/engine", "nas.example.com:/exports/engine", False),
        ("nas.example.com:/exports", "nas.example.com:/exports/engine", False),
        ("nas2.example.com:/exports/engine", "nas.example.com:/exports/engine", False),
        ("/srv/engine", "/srv/engine", False),  # of the host that had it
        ("192.0.2.5", "192.0.2.5", False),
    ],
)
def test_where_a_domain_lies(connection: str, answered: str, same: bool) -> None:  # noqa: FBT001 - a parameter
    assert OldDomain("hosted_storage", connection).lies_at(answered) is same


WRONG: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: b"", "too early"),
    "plain SQL": (lambda: b"--\n-- PostgreSQL database dump\n--\n" * 9, "no dump"),
    "an older version": (lambda: GOOD.replace(b"PGDMP\1\x0e", b"PGDMP\1\x0d"), "no dump"),
    "a newer version": (lambda: GOOD.replace(b"PGDMP\1\x0e", b"PGDMP\1\x11"), "no dump"),
    "the tar format": (lambda: GOOD.replace(b"\4\x08\1", b"\4\x08\3", 1), "no dump"),
    "numbers of eight bytes": (lambda: GOOD.replace(b"\4\x08\1", b"\x08\x08\1", 1), "no dump"),
    "zstd": (lambda: real(16)[:11] + b"\3" + real(16)[12:], "compression"),
    "a text that is too long": (lambda: GOOD.replace(number(10) + b"delete", number(1 << 30) + b"delete"), "a text of"),
    "a sign that is none": (lambda: GOOD.replace(number(7) + number(1), b"\5" + number(7)[1:] + number(1)), "a sign"),
    "a negative count": (lambda: GOOD.replace(number(7) + number(1) * 2, number(-7) + number(1) * 2), "negative"),
    "a block of large objects": (lambda: GOOD.replace(b"\1" + number(2) + b"\0", b"\3" + number(2) + b"\0"), "no rows"),
    "a negative piece": (
        lambda: dump(packed=False).replace(number(2) + number(17), number(2) + number(-17)),
        "negative",
    ),
    "no end": (lambda: dump(end=""), "has no end"),
    "more behind the end": (lambda: dump(end="\\.\n1\t6\n"), "follows the end"),
    "a torn row": (lambda: dump(packed=False).replace(b"\t6\t", b"\t6 "), "cannot have"),
    "a column too many": (lambda: dump(changed(vm_static=[("2", "6", RACKS, "x")])), "cannot have"),
    "a stream that is none": (lambda: GOOD.replace(b"\x78\x9c", b"\x78\x9d"), "header"),
    "a row that is too long": (lambda: dump(changed(vm_static=[("x" * 3 * pgdump.LINE, "6", RACKS)])), "too large"),
    "too many rows": (lambda: dump(changed(vm_static=[("1", "3", RACKS)] * pgdump.LINES)), "too large"),
    "rows of too many bytes": (lambda: dump(changed(vm_static=[("x" * 2000, "3", RACKS)] * 40_000)), "too large"),
    "a bomb": (lambda: dump(end="\\.\n" + "\n" * (pgdump.CONTENT + 1)), "too large"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_dump_that_is_wrong_tells_nothing(case: str) -> None:
    make, words = WRONG[case]
    content = make()
    wanted = {"cluster": ("name", "storage_pool_id"), "storage_pool": ("id",), "vm_static": ("origin",)}
    with pytest.raises(DumpError, match=words):
        list(rows(iter([content]), wanted))
    assert told(content) == OldEngine()


def test_a_table_that_comes_twice_tells_nothing() -> None:
    content = dump(TABLES | {"vm_statiq": TABLES["vm_static"]}).replace(b"vm_statiq", b"vm_static")
    assert place(content) is None


def test_numbers_are_counted_in_pieces_that_are_left_out_too() -> None:
    audit = [("1", "x" * pgdump.NUMBERS)]
    many = dump(TABLES | {"audit_log": ("id, message", audit)}, packed=False, piece=1)
    with pytest.raises(DumpError, match="numbers"):
        list(rows(cut(many, 4096), ORIGIN))
    assert place(dump(TABLES | {"audit_log": ("id, message", audit)}, packed=False)) == HERE


def test_memory_does_not_grow_with_a_dump() -> None:
    row = "0" * 1000
    content = dump(changed(vm_static=[*[(row, "3", EDGE)] * 30_000, ("2", "6", RACKS)]))
    tracemalloc.start()
    assert place(content, 1 << 18) == HERE
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * MIB


@given(st.integers(0, len(GOOD) - 1), st.integers(0, 255))
@settings(max_examples=300)
def test_any_byte_may_be_wrong(at: int, byte: int) -> None:
    place(GOOD[:at] + bytes([byte]) + GOOD[at + 1 :])


def test_a_dump_may_end_anywhere() -> None:
    content = dump(piece=50)
    assert {told(content[:at]) for at in range(len(content))} == {OldEngine()}


@given(st.binary(max_size=300))
def test_any_rubbish_may_follow_a_head(rubbish: bytes) -> None:
    place(GOOD[:40] + rubbish)


def test_an_archive_with_rubbish_for_a_dump_is_as_good_as_before() -> None:
    facts = read(backup(members(db__engine_backup=real(15)[:-999])))
    assert (facts.version, facts.place) == ("4.5.6", None)
