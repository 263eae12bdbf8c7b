"""What cloud-init reads in the engine VM: as a whole, and what a password or a name in it becomes."""

from __future__ import annotations

import base64
import io
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pycdlib
import pytest

from hosted_plugins.backup import Backup
from hosted_plugins.vm import RootAccess
from hosted_plugins.vm.steps import write_seed
from hosted_setup.domain.templates import render, source
from hosted_setup.model.values import Name
from tests.golden import products

if TYPE_CHECKING:
    from pathlib import Path

    from tests.golden.plugin import Golden

KEY = "ssh-ed25519 AAAAC3Nza operator@desk"
SCRIPT = re.compile(r"(guest\.py\n  permissions: \"0600\"\n  content: )(.*)")
CONFIG = re.compile(r"(guest\.py, )\"([A-Za-z0-9+/=]+)\"")


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secrets.token_hex", lambda length: "f00d" * (length // 2))


def files_of(tmp_path: Path, backup: Backup = products.BACKUP, **answers: Any) -> dict[str, str]:  # noqa: ANN401
    host = products.host(root=tmp_path)
    host.run_dir.mkdir(parents=True)
    seed = write_seed(
        products.vm_answers(**answers),
        products.ENGINE,
        products.STORAGE,
        backup,
        products.NETWORK,
        products.MACHINE,
        host,
        products.NoUndo(),
    )
    image = pycdlib.PyCdlib()
    image.open(seed.path)
    texts = {}
    for name in ("user-data", "meta-data", "network-config"):
        content = io.BytesIO()
        image.get_file_from_iso_fp(content, joliet_path=f"/{name}")
        texts[name] = content.getvalue().decode()
    assert image.pvd.volume_identifier.strip() == b"cidata"
    image.close()
    return texts


def config_of(user_data: str) -> dict[str, Any]:
    found = CONFIG.search(user_data)
    assert found is not None
    config: dict[str, Any] = json.loads(base64.b64decode(found[2]))
    return config


def readable(user_data: str) -> str:
    """Give the user-data with the guest's program left out and its configuration in clear."""
    assert json.loads(SCRIPT.search(user_data)[2]) == source("guest.py")  # type: ignore[index]
    text = SCRIPT.sub(r'\1"(templates/guest.py)"', user_data)
    return CONFIG.sub(lambda found: found[1] + json.dumps(config_of(user_data), indent=2), text)


def test_the_seed_of_a_restore(golden: Golden, tmp_path: Path) -> None:
    texts = files_of(tmp_path, root_ssh_key=KEY, root_access=RootAccess.KEY)
    golden.check("seed/user-data-restore.txt", readable(texts["user-data"]))
    golden.check("seed/meta-data.txt", texts["meta-data"])
    golden.check("seed/network-config.txt", texts["network-config"])


def test_the_seed_of_a_fresh_engine(golden: Golden, tmp_path: Path) -> None:
    golden.check("seed/user-data-fresh.txt", readable(files_of(tmp_path, Backup())["user-data"]))


def test_no_password_is_in_the_seed(tmp_path: Path) -> None:
    texts = files_of(tmp_path)
    content = "".join(texts.values()) + json.dumps(config_of(texts["user-data"]))
    image = (products.host(root=tmp_path).run_dir / "seed.iso").read_bytes()
    for secret in ("canary-root", "canary-admin"):
        assert secret not in content
        assert secret.encode() not in image
    assert "$6$salt$hash" in content


def test_the_seed_is_private(tmp_path: Path) -> None:
    files_of(tmp_path)
    assert (products.host(root=tmp_path).run_dir / "seed.iso").stat().st_mode & 0o777 == 0o600


def test_a_hostile_value_stays_one_json_string() -> None:
    hostile = "x\"\n- [rm, -rf, /]\nruncmd: {{ 7 * 7 }} '</script>&"
    text = render(
        "user-data.j2",
        root_password_hash=hostile, root_ssh_key=hostile, root_ssh_access="yes", fqdn=hostile, timezone=hostile,
        script=hostile, config="e30=",
    )  # fmt: skip
    lines = dict(line.split(": ", 1) for line in text.splitlines() if re.match("(users|fqdn|timezone): ", line))
    assert json.loads(lines["fqdn"]) == json.loads(lines["timezone"]) == hostile
    (user,) = json.loads(lines["users"])
    assert user["hashed_passwd"] == hostile
    assert user["ssh_authorized_keys"] == [hostile]
    assert len(text.splitlines()) == len(source("user-data.j2").splitlines())


def test_hostile_names_reach_the_guest_as_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hostile = "x'); DROP TABLE vds; --"
    monkeypatch.setattr(products, "STORAGE", replace(products.STORAGE, name=Name(hostile)))
    assert config_of(files_of(tmp_path)["user-data"])["restore"]["storage_name"] == hostile
