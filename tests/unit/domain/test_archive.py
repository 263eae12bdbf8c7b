"""Backup archives: good ones of every kind are read, and each way to be wrong has its own code."""

from __future__ import annotations

import base64
import io
import json
import lzma
import shlex
import tarfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hosted_setup.domain.archive import ArchiveFacts, read_archive
from hosted_setup.model.problem import ExitCode, Problem, exit_code_of
from tests.unit.domain.builders import CA, CA_PATH, CONF, PACK, backup, entry, files, hashes, members, tar

if TYPE_CHECKING:
    from collections.abc import Callable

LIMIT = 1 << 30
Members = list[tuple[str | tarfile.TarInfo, bytes]]


def read(archive: bytes, limit: int = LIMIT) -> ArchiveFacts:
    return read_archive(io.BytesIO(archive), name="it's.backup", expanded_limit=limit)


def refusal(archive: bytes, limit: int = LIMIT) -> Problem:
    with pytest.raises(Problem) as caught:
        read(archive, limit)
    return caught.value


@pytest.mark.parametrize("lists", ["sha256sum", "md5sum"])
@pytest.mark.parametrize("pack", PACK)
def test_a_good_archive_tells_all_facts(pack: str, lists: str) -> None:
    archive = backup(pack=pack, lists=lists)
    facts = read(archive)
    assert facts == ArchiveFacts(
        version="4.5.6",
        os_version="centos9",
        fqdn="engine.example.com",
        ca_pem=CA,
        has_dwh=False,
        members=("files", "db/engine_backup.db", "version", "os_version", "config", lists),
        expanded=sum(map(len, members().values())) + len(hashes(members(), lists.removesuffix("sum"))),
        size=len(archive),
        hash_algorithm=lists.removesuffix("sum"),
        config=(("DB_DUMP_COMPRESSOR", ""), ("DB_DUMP_FORMAT", "custom")),
    )
    assert json.loads(json.dumps(asdict(facts)))["fqdn"] == "engine.example.com"


@pytest.mark.parametrize("at", range(6))
@pytest.mark.parametrize("lists", ["sha256sum", "md5sum"])
def test_the_hash_list_may_be_anywhere(at: int, lists: str) -> None:
    assert read(backup(lists=lists, at=at)).hash_algorithm == lists.removesuffix("sum")


def test_sha256_counts_when_both_lists_are_there() -> None:
    content = members(md5sum=b"0" * 32 + b"  files\n")
    assert read(backup(content)).hash_algorithm == "sha256"


@pytest.mark.parametrize("pack", PACK)
def test_the_inner_tar_may_be_packed_in_any_way(pack: str) -> None:
    facts = read(backup(members(files=files(pack=pack))))
    assert (facts.fqdn, facts.ca_pem) == ("engine.example.com", CA)


@pytest.mark.parametrize("pack", PACK)
def test_a_dump_may_be_packed_in_any_way(pack: str) -> None:
    assert read(backup(members(db__dwh_backup=PACK[pack](b"PGDMP" * 9)))).has_dwh


def test_an_old_archive_names_no_operating_system() -> None:
    assert read(backup(members(os_version=None))).os_version == "Unknown"


def test_an_empty_dwh_dump_is_none() -> None:
    assert not read(backup(members(db__dwh_backup=b""))).has_dwh


def test_all_optional_databases_are_known() -> None:
    more = {f"db/{name}.db": b"x" for name in ("cinderlib_backup", "keycloak_backup", "managedblock_backup", "grafana")}
    assert set(more) < set(read(backup(members() | more)).members)


def test_names_may_lack_the_leading_dot() -> None:
    content = members()
    assert read(tar([*content.items(), ("sha256sum", hashes(content))])).version == "4.5.6"


def test_several_gzip_streams_and_padding_are_one_archive() -> None:
    plain = backup(pack="none")
    packed = b"".join(PACK["gzip"](plain[at : at + 700]) for at in range(0, len(plain), 700)) + bytes(512)
    assert read(packed).size == len(packed)


def test_a_hash_line_about_the_list_itself_means_nothing() -> None:
    content = members()
    lines = hashes(content) + b"0" * 64 + b"  sha256sum\n"
    assert read(tar([*content.items(), ("sha256sum", lines)])).version == "4.5.6"


@pytest.mark.parametrize(
    ("config", "told"),
    [
        (b"ENGINE_FQDN=a.example\nENGINE_FQDN=b.example\n", "b.example"),
        (b'ENGINE_FQDN="quoted.example"\n', "quoted.example"),
        (b"ENGINE_FQDN='quoted.example'\n", "quoted.example"),
        (b"  export ENGINE_FQDN=exported.example  \n", "exported.example"),
        (b"#ENGINE_FQDN=commented.example\nMY_ENGINE_FQDN=other\n", None),
        (b"ENGINE_FQDN=\n", None),
        (b"", None),
    ],
)
def test_the_engine_name_is_the_last_assignment(config: bytes, told: str | None) -> None:
    assert read(backup(members(files=files({CONF: config})))).fqdn == told


def test_the_engine_name_is_that_of_the_last_file_by_name() -> None:
    folder = "etc/ovirt-engine/engine.conf.d"
    confs = {
        f"{folder}/20-a.conf": b"ENGINE_FQDN=late.example\n",
        f"{folder}/10-b.conf": b"ENGINE_FQDN=early.example\n",
    }
    assert read(backup(members(files=files(confs)))).fqdn == "late.example"
    assert read(backup(members(files=files({f"{folder}/x.conf.rpmsave": b"ENGINE_FQDN=x\n"})))).fqdn is None


def test_links_and_doubled_members_are_normal_in_the_inner_tar() -> None:
    inner = tar([
        ("./etc/pki/ovirt-engine/ca.pem", b"old"),
        (entry("etc/pki/ovirt-engine/apache-ca.pem", tarfile.SYMTYPE, "/etc/pki/ovirt-engine/ca.pem"), b""),
        (entry("etc/hard", tarfile.LNKTYPE, "etc/pki/ovirt-engine/ca.pem"), b""),
        ("etc/" + "long/" * 60 + "name", b"x"),
        (CA_PATH, CA.encode().replace(b"\n", b"\r\n")),
    ])  # fmt: skip
    assert read(backup(members(files=inner))).ca_pem == CA


def test_pax_headers_are_read() -> None:
    inner = tar([("etc/" + "ä" * 120, b"x"), (CA_PATH, CA.encode())], tarfile.PAX_FORMAT)
    assert read(backup(members(files=inner))).ca_pem == CA


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


def sparse(form: str) -> bytes:
    """Give an archive with a dump of 40 pieces and 2.6 MiB of holes, uncompressed.

    Made by GNU tar 1.34: tar -cpSf - --owner=0 --group=0 --mtime=@0 --numeric-owner --format=FORM . | xz | base64
    """
    text = (Path(__file__).parent / "data" / f"sparse-{form}.backup.b64").read_text()
    return lzma.decompress(base64.b64decode(text))


@pytest.mark.parametrize("form", ["gnu", "posix"])
def test_sparse_members_of_gnu_tar_are_read(form: str) -> None:
    facts = read(PACK["gzip"](sparse(form)))
    assert facts.expanded > 41 << 16
    assert refusal(sparse(form), 1 << 20).code == "HE-ARCHIVE-SIZE"


@pytest.mark.parametrize("form", ["gnu", "posix"])
def test_a_cut_sparse_member_is_noticed(form: str) -> None:
    archive = sparse(form)
    cuts = (*range(512, len(archive.rstrip(b"\0")), 2048), 700, 5000)
    assert {refusal(archive[:cut]).code for cut in cuts} == {"HE-ARCHIVE-TRUNCATED"}


@pytest.mark.parametrize("form", ["gnu", "posix"])
def test_a_sparse_member_changed_in_a_piece_is_noticed(form: str) -> None:
    assert refusal(sparse(form).replace(b"piece", b"niece", 1)).code == "HE-ARCHIVE-HASH"
