"""Backup archives: good ones of every kind are read, and with all facts."""

from __future__ import annotations

import base64
import json
import lzma
import tarfile
from dataclasses import asdict
from pathlib import Path

import pytest

from hosted_setup.domain.archive import ArchiveFacts
from tests.unit.domain.builders import (
    CA,
    CA_PATH,
    CONF,
    PACK,
    backup,
    entry,
    files,
    hashes,
    members,
    read,
    refusal,
    tar,
)


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
