"""No secret answer is anywhere but where the operator put it: looked for in every form in which it could hide."""

from __future__ import annotations

import base64
import gzip
import io
import json
import os
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, quote_plus

import pytest

from hosted_plugins import FEATURES
from hosted_plugins.deploy.work import plan_of
from hosted_setup.interview.secrets import variable_of
from hosted_setup.model.question import questions_of
from hosted_setup.pipeline.plan import Ask
from hosted_setup.registry import Registry
from hosted_setup.testing.behaviour import RESTORE_FAILS, SETUP_FAILS
from tests.flow.program import ADMIN, CHAP, ISCSI_SECRETS, ROOT, SECRETS
from tests.flow.test_interrupt import Operator, replies

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.flow.program import Program

CANARIES: Final = (ADMIN, ROOT, CHAP)
WHOLE: Final = 1 << 30
"""Bytes: of what is larger, a pretended LUN, the beginning is looked at."""


def forms(secret: str) -> set[bytes]:
    """Give what to look for: raw, URL-encoded, as JSON, and the inner part of base64 wherever the secret begins."""
    raw = secret.encode()
    shifted = (base64.b64encode(bytes(shift) + raw + bytes(3)) for shift in range(3))
    inner = {encoded[4 : 4 * ((shift + len(raw)) // 3)] for shift, encoded in enumerate(shifted)}
    texts = {secret, quote(secret), quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1]}
    return {text.encode() for text in texts} | inner


def leaks(places: dict[str, bytes]) -> list[str]:
    """Give the places in which a canary is."""
    looked_for = [form for canary in CANARIES for form in forms(canary)]
    return [name for name, content in places.items() if any(form in content for form in looked_for)]


def unpacked(name: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    yield name, content
    if name.endswith(".tar.gz"):
        with tarfile.open(fileobj=io.BytesIO(content)) as tar:
            for member in tar:
                if (stream := tar.extractfile(member)) is not None:
                    yield f"{name}:{member.name}", stream.read()
    elif content.startswith(b"\x1f\x8b"):
        yield f"{name}:", gzip.decompress(content)


def start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(-1 if path.stat().st_size < WHOLE else WHOLE >> 4)


def everything(program: Program, out: str) -> dict[str, bytes]:
    """Give every file in the world, the pretended libvirt's and what is in archives too, and the screen."""
    files = [path for path in program.world.root.rglob("*") if path.is_file()]
    found = {name: content for path in files for name, content in unpacked(str(path), start(path))}
    return found | {"screen": out.encode()}


@pytest.mark.parametrize("canary", CANARIES)
@pytest.mark.parametrize("shift", range(3))
def test_a_canary_is_found_wherever_it_is_planted(program: Program, canary: str, shift: int) -> None:
    raw = canary.encode()
    planted = {
        "raw": b"x" * shift + raw,
        "base64": base64.b64encode(b"x" * shift + raw + b"y"),
        "url": quote(canary, safe="").encode(),
        "query": quote_plus(canary).encode(),
        "json": json.dumps({"password": canary}).encode(),
    }
    for name, content in planted.items():
        path = program.world.storage / "planted" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        assert leaks(everything(program, "")) == [str(path)]
        path.unlink()
    assert leaks({"screen": canary.encode()}) == ["screen"]


def test_a_canary_is_found_in_a_bundle(program: Program) -> None:
    path = program.world.storage / "bundle.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        member = tarfile.TarInfo("log")
        member.size = len(ADMIN.encode())
        tar.addfile(member, io.BytesIO(ADMIN.encode()))
    assert leaks(everything(program, "")) == [f"{path}:log"]


def test_every_secret_question_has_a_canary() -> None:
    items = plan_of(Registry(FEATURES, third_parties=False))
    keys = {one.key for item in items if isinstance(item, Ask) for one in questions_of(item.section) if one.secret}
    assert keys == {line.partition("=")[0] for line in (*SECRETS.splitlines()[1:], *ISCSI_SECRETS)}


def test_a_deploy_leaks_nothing(program: Program) -> None:
    done = program.restore()
    assert done.code == 0
    assert leaks(everything(program, done.out)) == []


def test_a_deploy_with_passwords_for_its_storage_leaks_nothing(program: Program) -> None:
    program.on_iscsi(discovery=True)
    done = program.restore()
    assert done.code == 0, done.out
    world = program.world
    kept = {str(world.root / "behaviour.json"), *map(str, world.hypervisor.secrets.glob("*"))}
    assert {*leaks(everything(program, done.out))} == kept, "what the server asks for, and libvirt's own file"


def test_a_typed_deploy_leaks_nothing(program: Program) -> None:
    program.stdin = Operator(replies(program), None)
    done = program("deploy", "--dialect=plain", f"--restore-from-file={program.inputs.archive}")
    assert done.code == 0
    assert leaks(everything(program, done.out)) == []


def test_secrets_of_the_environment_leak_nothing(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    for line in SECRETS.splitlines()[1:]:
        key, _, value = line.partition("=str:")
        monkeypatch.setenv(variable_of(key), value)
    done = program("deploy", f"--config-append={program.inputs.answers}")
    assert done.code == 0, done.out
    assert leaks(everything(program, done.out)) == []
    environment = "\0".join(f"{name}={value}" for name, value in os.environ.items())
    assert leaks({"environment": environment.encode()}) == []


@pytest.mark.parametrize("where", ["restore", "setup"])
def test_a_failed_deploy_leaks_nothing_while_the_seed_is_still_there(program: Program, where: str) -> None:
    if where == "restore":
        program.world.behaviour.guest.restore = RESTORE_FAILS
    else:
        program.world.behaviour.guest.setup = ("?admin-password", *SETUP_FAILS)
    done = program.restore()
    assert done.code == 4
    places = everything(program, done.out)
    assert [name for name in places if name.endswith("seed.iso")]
    assert [name for name in places if ".tar.gz:" in name]
    assert leaks(places) == []


def test_a_secret_that_the_guest_says_is_taken_out_of_log_and_bundle(program: Program) -> None:
    program.world.behaviour.guest.setup = (f"|- the password is {ADMIN}", *SETUP_FAILS)
    done = program.restore()
    assert done.code == 4
    guests_own = str(program.world.hypervisor.root)  # what the pretended guest is going to say
    found = [name for name in leaks(everything(program, "")) if not name.startswith(guests_own)]
    assert [Path(name).name for name in found] == ["guest.log"], "the hypervisor's own file, in the run's 0700 folder"


def test_a_password_that_is_refused_is_not_shown(program: Program) -> None:
    program.inputs.secrets.write_text(SECRETS.replace(ADMIN, f"{ADMIN}\x07"))
    done = program.restore()
    assert done.code == 2
    assert leaks(everything(program, done.out)) == []


def test_a_secret_in_a_readable_file_is_refused_unread(program: Program) -> None:
    program.inputs.secrets.chmod(0o644)
    done = program.restore()
    assert done.code == 2
    assert "HE-SECRETS-MODE" in done.out
    assert f"chmod 600 {program.inputs.secrets}" in done.out
    assert leaks(everything(program, done.out)) == []
