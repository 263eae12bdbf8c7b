"""Canary passwords are nowhere but where they must be: not in what was shown or written, not left in the guest."""

from __future__ import annotations

import base64
import gzip
import io
import re
import tarfile
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape

import pytest

from tests.system.installer import CANARIES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.system.conftest import Deployed

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]

IN_GUEST = ("/run", "/var/lib/hosted-engine-setup", "/var/log", "/var/lib/cloud", "/etc", "/root", "/tmp", "/var/tmp")


def forms(secret: str) -> Iterator[bytes]:
    """Give how a secret may be written down: raw, in base64 at any offset, for URLs, in hex, in XML, in JSON."""
    raw = secret.encode()
    yield from (raw, raw.hex().encode(), escape(secret).encode(), quote(secret).encode())
    yield from (quote(secret, safe="").encode(), quote_plus(secret).encode(), secret.encode("utf-16-le"))
    for offset in range(3):  # what stands before and after changes only the characters at either end
        begin, end = (0, 2, 3)[offset], -(len(raw) + offset) % 3
        coded = base64.b64encode(b"\0" * offset + raw)
        core = coded[begin + (offset > 0) : len(coded) - (4 if end else 0)]
        yield core
        yield core.translate(bytes.maketrans(b"+/", b"-_"))


FORMS = {form for secret in CANARIES for form in forms(secret)}


def hits(content: bytes) -> list[bytes]:
    """Find the canaries in whatever form; a compressed content is looked into."""
    if content[:2] == b"\x1f\x8b":
        content += gzip.decompress(content)
    return [form for form in FORMS if form in content]


def members(stream: bytes) -> Iterator[tuple[str, bytes]]:
    """Give the files of a tar, compressed or not."""
    with tarfile.open(fileobj=io.BytesIO(stream)) as tar:
        for member in tar:
            content = tar.extractfile(member) if member.isreg() else None
            if content is not None:
                yield member.name, content.read()


def files(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Give the files below a folder, those in bundles too."""
    for path in folder.rglob("*"):
        if path.is_file():
            yield str(path), path.read_bytes()
        if path.suffix == ".gz":
            yield from members(path.read_bytes())


@pytest.mark.parametrize("secret", CANARIES)
@pytest.mark.parametrize("before", ["", "a", "ab", "abc"])
def test_a_planted_canary_is_found(secret: str, before: str) -> None:
    planted = f"{before}password={secret}\nmore"
    assert hits(planted.encode())
    assert hits(base64.b64encode(planted.encode()))
    assert hits(base64.urlsafe_b64encode(planted.encode()))
    assert hits(base64.b64encode(secret.encode()))
    assert hits(f"password={quote(secret)}".encode())
    assert hits(f"password={quote_plus(secret)}&x=y".encode())
    assert hits(gzip.compress(planted.encode()))
    assert not hits(planted.replace("c4nary", "kitten").encode())


def test_nothing_shown_or_recorded_holds_one(deployed: Deployed) -> None:
    installer = deployed.installer
    assert not hits(installer.text.encode())
    assert len(installer.arguments) > 10
    assert any(b"qemu-system" in line for line in installer.arguments)
    assert not [line for line in installer.arguments if hits(line)]
    assert any("he-seed" in dump for dump in installer.dumps), "libvirt was asked while the seed was attached"
    assert not [dump for dump in installer.dumps if hits(dump.encode())]


def test_the_seed_holds_a_hash(deployed: Deployed) -> None:
    assert deployed.installer.seeds, "the seed was seen"
    for seed in deployed.installer.seeds:
        assert not hits(seed)
    whole = max(deployed.installer.seeds, key=len)
    assert re.search(rb'"hashed_passwd": "\$6\$[^"]{90,}"', whole)


def test_no_file_of_the_host_holds_one(deployed: Deployed) -> None:
    site = deployed.site
    found = dict(files(site.root))
    for name in ("journal.jsonl", "hosted-engine.conf", "answers.conf", "vm.conf", "guest.log", "console.log", ".log"):
        assert any(path.endswith(name) for path in found), f"{name} was looked at"
    shared = dict(files(site.domain_folder / "conf")) | dict(files(site.domain_folder / "dom_md"))
    assert "fhanswers.conf" in {path.rpartition("/")[2] for path in shared}
    assert not [path for path, content in (found | shared).items() if hits(content)]


def test_the_bundle_has_the_engines_logs_and_no_secret(deployed: Deployed) -> None:
    done = deployed.site.run("support-bundle", f"--secrets-file={deployed.site.secrets}")
    assert done.code == 0, done.text
    assert not hits(done.text.encode())
    assert not [line for line in done.arguments if hits(line)]
    bundle = max(deployed.site.paths.logs.glob("support-bundle-*.tar.gz"), key=lambda path: path.stat().st_mtime)
    assert bundle.stat().st_mode & 0o777 == 0o600
    found = dict(members(bundle.read_bytes()))
    assert any(name.startswith("engine/") and "ovirt-engine" in name for name in found), sorted(found)
    assert any(name.endswith("journal.jsonl") for name in found)
    assert not [name for name, content in found.items() if hits(content)]
    assert not [name for name, content in found.items() if re.search(rb"\$6\$[^\s:\"']{16,}", content)]


def test_nothing_is_left_in_the_guest(deployed: Deployed) -> None:
    ignored = ("--ignore-failed-read", "--warning=none", "--sort=name")
    archive = deployed.guest.output("tar", "-cf", "-", "-C", "/", *ignored, *IN_GUEST, fine=(0, 1, 2))
    found = dict(members(archive))
    assert "etc/shadow" in found
    assert any(name.startswith("var/lib/cloud/") for name in found)
    assert not [name for name in found if name.startswith("var/lib/hosted-engine-setup")]
    assert not [name for name, content in found.items() if hits(content)]
    journal = deployed.guest.output("journalctl", "--output=export", "--no-pager")
    assert len(journal) > 10_000
    assert not hits(journal)
    assert not hits(
        deployed.guest.output("sh", "-c", "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null; true")
    )
    accounts = deployed.guest.sql(
        "engine", "SELECT * FROM aaa_jdbc.users; SELECT * FROM users; SELECT * FROM vdc_options;"
    )
    assert accounts
    assert not hits("\n".join(accounts).encode())
