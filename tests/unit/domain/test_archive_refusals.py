"""Backup archives that must be refused: each way to be wrong has its own code."""

from __future__ import annotations

import shlex
import tarfile
from typing import TYPE_CHECKING

import pytest

from hosted_setup.model.problem import ExitCode, Problem, exit_code_of
from tests.unit.domain.builders import CA_PATH, CONF, PACK, backup, entry, files, hashes, members, read, refusal, tar

if TYPE_CHECKING:
    from collections.abc import Callable

Members = list[tuple[str | tarfile.TarInfo, bytes]]


def unlisted(content: Members, **options: bytes | None) -> bytes:
    """Put members into a good archive behind the hash list's back."""
    good = members(**options)
    return PACK["gzip"](tar([*good.items(), ("sha256sum", hashes(good)), *content]))


BAD: dict[str, tuple[str, Callable[[], bytes]]] = {
    "nothing": ("HE-ARCHIVE-TRUNCATED", lambda: b""),
    "no tar": ("HE-ARCHIVE-FORMAT", lambda: b"no tar at all" * 100),
    "no tar, packed": ("HE-ARCHIVE-FORMAT", lambda: PACK["xz"](b"no tar at all" * 100)),
    "empty tar": ("HE-ARCHIVE-NO-ENGINE-DB", lambda: tar([])),
    "cut gzip": ("HE-ARCHIVE-TRUNCATED", lambda: backup()[:-9]),
    "cut xz": ("HE-ARCHIVE-TRUNCATED", lambda: backup(pack="xz")[:-9]),
    "cut bzip2": ("HE-ARCHIVE-TRUNCATED", lambda: backup(pack="bzip2")[:-9]),
    "cut tar": ("HE-ARCHIVE-TRUNCATED", lambda: backup(pack="none")[:4000]),
    "no end mark": (
        "HE-ARCHIVE-TRUNCATED",
        lambda: backup(pack="none").rstrip(b"\0").ljust(512 * 13, b"\0")[: 512 * 13],
    ),
    "gzip checksum": ("HE-ARCHIVE-DAMAGED", lambda: backup()[:-8] + b"\xff" * 8),
    "gzip trailer": ("HE-ARCHIVE-DAMAGED", lambda: backup() + b"garbage"),
    "xz damaged": ("HE-ARCHIVE-DAMAGED", lambda: backup(pack="xz")[:40] + b"\xff" * 40 + backup(pack="xz")[80:]),
    "header checksum": ("HE-ARCHIVE-FORMAT", lambda: backup(pack="none").replace(b"./files", b"./filed")),
    "more tar follows": ("HE-ARCHIVE-FORMAT", lambda: backup(pack="none") + backup(pack="none")),
    "zeros follow": ("HE-ARCHIVE-FORMAT", lambda: backup(pack="none") + bytes(2 << 20)),
    "content changed": ("HE-ARCHIVE-HASH", lambda: backup(pack="none").replace(b"PGDMP", b"PGDMQ")),
    "inner content changed": ("HE-ARCHIVE-HASH", lambda: backup(pack="none").replace(b"\xfd7zXZ\0", b"\xfd7zXZ\1")),
    "no list": ("HE-ARCHIVE-NO-HASH", lambda: backup(lists="")),
    "unlisted": ("HE-ARCHIVE-UNCOVERED", lambda: unlisted([("./db/grafana.db", b"x")])),
    "empty list": ("HE-ARCHIVE-UNCOVERED", lambda: tar([*members().items(), ("sha256sum", b"")])),
    "listed, absent": (
        "HE-ARCHIVE-MISSING-MEMBER",
        lambda: tar([*members(os_version=None).items(), ("sha256sum", hashes(members()))]),
    ),
    "listed, many absent": (
        "HE-ARCHIVE-MISSING-MEMBER",
        lambda: tar(
            [*members().items(), ("sha256sum", hashes(members() | {f"db/d{one}.db": b"" for one in range(9)}))]
        ),
    ),
    "no files": ("HE-ARCHIVE-MISSING-MEMBER", lambda: backup(members(files=None))),
    "no version": ("HE-ARCHIVE-MISSING-MEMBER", lambda: backup(members(version=None))),
    "no config": ("HE-ARCHIVE-MISSING-MEMBER", lambda: backup(members(config=None))),
    "empty files": ("HE-ARCHIVE-MISSING-MEMBER", lambda: backup(members(files=b""))),
    "no engine database": ("HE-ARCHIVE-NO-ENGINE-DB", lambda: backup(members(db__engine_backup=None))),
    "empty engine database": ("HE-ARCHIVE-NO-ENGINE-DB", lambda: backup(members(db__engine_backup=b""))),
    "absolute": ("HE-ARCHIVE-PATH", lambda: unlisted([("/etc/passwd", b"x")])),
    "climbing": ("HE-ARCHIVE-PATH", lambda: unlisted([("./db/../../etc/passwd", b"x")])),
    "unknown member": ("HE-ARCHIVE-PATH", lambda: unlisted([("./db/other.db", b"x")])),
    "unknown folder": ("HE-ARCHIVE-PATH", lambda: unlisted([(entry("./etc/", tarfile.DIRTYPE), b"")])),
    "file as a folder": ("HE-ARCHIVE-PATH", lambda: unlisted([(entry("./files/", tarfile.DIRTYPE), b"")], files=None)),
    "long name": ("HE-ARCHIVE-PATH", lambda: unlisted([("x" * 300, b"x")])),
    "symbolic link": (
        "HE-ARCHIVE-LINK",
        lambda: unlisted([(entry("./os_version", tarfile.SYMTYPE, "/etc/shadow"), b"")]),
    ),
    "hard link": ("HE-ARCHIVE-LINK", lambda: unlisted([(entry("./db/x", tarfile.LNKTYPE, "files"), b"")])),
    "block device": ("HE-ARCHIVE-DEVICE", lambda: unlisted([(entry("./files", tarfile.BLKTYPE), b"")])),
    "pipe": ("HE-ARCHIVE-DEVICE", lambda: unlisted([(entry("./files", tarfile.FIFOTYPE), b"")])),
    "twice": ("HE-ARCHIVE-DUPLICATE", lambda: unlisted([("version", b"9.9\n")])),
    "twice by another name": ("HE-ARCHIVE-DUPLICATE", lambda: unlisted([("./version", b"9.9\n")])),
    "many members": ("HE-ARCHIVE-PATH", lambda: unlisted([(f"m{number}", b"") for number in range(100)])),
    "command in config": ("HE-ARCHIVE-CONFIG", lambda: backup(members(config=b"DB_DUMP_FORMAT=custom\nrm -rf /\n"))),
    "substitution in config": ("HE-ARCHIVE-CONFIG", lambda: backup(members(config=b"DB_DUMP_FORMAT=$(reboot)\n"))),
    "unknown key in config": ("HE-ARCHIVE-CONFIG", lambda: backup(members(config=b"PATH=custom\n"))),
    "unknown value in config": ("HE-ARCHIVE-CONFIG", lambda: backup(members(config=b"DB_DUMP_FORMAT=tar\n"))),
    "key twice in config": ("HE-ARCHIVE-CONFIG", lambda: backup(members(config=b"DB_DUMP_FORMAT=plain\n" * 2))),
    "binary config": ("HE-ARCHIVE-CONFIG", lambda: backup(members(config=b"\xff\xfe\0"))),
    "huge config": ("HE-ARCHIVE-CONFIG", lambda: backup(members(config=b"\n" * 70000))),
    "odd os_version": ("HE-ARCHIVE-CONFIG", lambda: backup(members(os_version=b"centos9\nroot::0\n"))),
    "list is no list": ("HE-ARCHIVE-CONFIG", lambda: tar([*members().items(), ("sha256sum", b"hello\n")])),
    "list of another kind": (
        "HE-ARCHIVE-CONFIG",
        lambda: tar([*members().items(), ("sha256sum", hashes(members(), "md5"))]),
    ),
    "list contradicts itself": (
        "HE-ARCHIVE-CONFIG",
        lambda: tar([*members().items(), ("sha256sum", hashes(members()) + b"0" * 64 + b"  files\n")]),
    ),
    "unreadable version": ("HE-VERSION-UNREADABLE", lambda: backup(members(version=b"latest\n"))),
    "inner tar is none": ("HE-ARCHIVE-FILES", lambda: backup(members(files=b"x" * 2000))),
    "inner tar cut": ("HE-ARCHIVE-FILES", lambda: backup(members(files=files(pack="none")[:1000]))),
    "inner xz cut": ("HE-ARCHIVE-FILES", lambda: backup(members(files=files()[:-5]))),
    "inner gzip damaged": ("HE-ARCHIVE-FILES", lambda: backup(members(files=files(pack="gzip")[:-8] + bytes(8)))),
    "inner device": (
        "HE-ARCHIVE-FILES",
        lambda: backup(members(files=tar([(entry("dev/sda", tarfile.BLKTYPE), b"")]))),
    ),
    "inner climbing": ("HE-ARCHIVE-FILES", lambda: backup(members(files=files({"../etc/shadow": b""})))),
    "inner absolute": ("HE-ARCHIVE-FILES", lambda: backup(members(files=files({"/etc/shadow": b""})))),
    "inner fqdn is a command": (
        "HE-ARCHIVE-FILES",
        lambda: backup(members(files=files({CONF: b"ENGINE_FQDN=$(reboot)\n"}))),
    ),
    "inner ca is huge": ("HE-ARCHIVE-FILES", lambda: backup(members(files=files({CA_PATH: b"x" * 70000})))),
    "too many inner confs": (
        "HE-ARCHIVE-FILES",
        lambda: backup(
            members(files=files({f"etc/ovirt-engine/engine.conf.d/{n}.conf": b"ENGINE_FQDN=a\n" for n in range(300)}))
        ),
    ),
    "dump cut": ("HE-ARCHIVE-DAMAGED", lambda: backup(members(db__engine_backup=PACK["gzip"](b"PGDMP" * 99)[:-4]))),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_archive_is_refused_by_its_own_code(case: str) -> None:
    code, make = BAD[case]
    problem = refusal(make())
    assert problem.code == code, problem
    assert exit_code_of(problem) is ExitCode.REFUSED
    assert problem.where == "it's.backup"
    assert problem.hint
    assert problem.command.endswith((shlex.quote("it's.backup"), "./version", "engine-backup.log"))


def test_every_code_is_seen_here() -> None:
    seen = {code for code, _ in BAD.values()} | {"HE-ARCHIVE-SIZE"}
    assert seen >= {
        code
        for code in Problem.registry
        if code.startswith("HE-ARCHIVE-")
        and Problem.registry[code].__module__.startswith("hosted_setup.domain.archive")
    }


def test_commands_name_the_file_as_a_shell_wants_it() -> None:
    assert refusal(unlisted([("./x", b"")])).command == """tar -tvf 'it'"'"'s.backup'"""


def test_what_unpacks_to_more_than_fits_is_refused() -> None:
    room = sum(map(len, members().values()))
    assert refusal(backup(), room).code == "HE-ARCHIVE-SIZE"
    assert read(backup(), room + len(hashes(members()))).version == "4.5.6"


@pytest.mark.parametrize(
    ("code", "content"),
    [
        ("HE-ARCHIVE-FILES", members(files=files({"var/zeros": bytes(1 << 20)}))),
        ("HE-ARCHIVE-SIZE", members(db__dwh_backup=PACK["xz"](bytes(1 << 20)))),
    ],
)
def test_what_is_inside_a_member_must_fit_as_well(code: str, content: dict[str, bytes]) -> None:
    assert refusal(backup(content), 1 << 19).code == code
    assert read(backup(content), 2 << 20).version == "4.5.6"
