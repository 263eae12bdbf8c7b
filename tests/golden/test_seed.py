"""What cloud-init reads in the engine VM: as a whole, and what a password or a name in it becomes."""

from __future__ import annotations

import base64
import io
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pycdlib
import pytest

from hosted_plugins.backup import Backup
from hosted_plugins.guest_network import AddressAnswers, ResolverAnswers
from hosted_plugins.image import OpenedAppliance
from hosted_plugins.vm import RootAccess
from hosted_plugins.vm.seed import write_seed
from hosted_setup.domain.templates import render, source
from hosted_setup.model.addresses import InterfaceAddress, NameServers
from hosted_setup.model.values import DomainName, Name, SshPublicKey
from hosted_setup.testing.network import FACTS
from tests.golden import products
from tests.unit.domain.builders import looked, ova, tar

if TYPE_CHECKING:
    from pathlib import Path

    from hosted_setup.ports.network import NetworkFacts
    from tests.golden.plugin import Golden

KEY = SshPublicKey("ssh-ed25519 AAAAC3Nza operator@desk")
SCRIPT = re.compile(r"((guest|hardening)\.py\n  permissions: \"0600\"\n  content: )(.*)")
CONFIG = re.compile(r"(guest\.py, )\"([A-Za-z0-9+/=]+)\"")


class Wired:
    """The part of a host's network that can be looked at."""

    def facts(self) -> NetworkFacts:
        return FACTS


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secrets.token_hex", lambda length: "f00d" * (length // 2))


def files_of(
    tmp_path: Path,
    backup: Backup = products.BACKUP,
    address: AddressAnswers = products.ADDRESS,
    resolver: ResolverAnswers = products.RESOLVER,
    **answers: Any,  # noqa: ANN401 - of any question
) -> dict[str, str]:
    host = replace(products.host(root=tmp_path), network=cast("Any", Wired()))
    host.run_dir.mkdir(parents=True)
    seed = write_seed(
        products.vm_answers(**answers),
        address,
        resolver,
        products.SCAP,
        products.PROFILE,
        products.FIPS,
        products.ENGINE,
        products.RESTORING,
        products.LOGIN,
        OpenedAppliance(looked(tar(ova())), (0, 0, 0)),
        products.STORAGE,
        backup,
        products.NETWORK_CHOICE,
        products.NETWORK_ANSWERS,
        products.TEST,
        products.NETWORK,
        products.MINE,
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
    for _, name, script in SCRIPT.findall(user_data):
        assert json.loads(script) == source(f"{name}.py")
    text = SCRIPT.sub(r'\1"(templates/\2.py)"', user_data)
    return CONFIG.sub(lambda found: found[1] + json.dumps(config_of(user_data), indent=2), text)


def test_the_seed_of_a_restore(golden: Golden, tmp_path: Path) -> None:
    texts = files_of(tmp_path, root_ssh_key=KEY, root_access=RootAccess.KEY)
    golden.check("seed/user-data-restore.txt", readable(texts["user-data"]))
    golden.check("seed/meta-data.txt", texts["meta-data"])
    golden.check("seed/network-config.txt", texts["network-config"])


def test_the_seed_of_a_fresh_engine(golden: Golden, tmp_path: Path) -> None:
    golden.check("seed/user-data-fresh.txt", readable(files_of(tmp_path, Backup())["user-data"]))


@pytest.mark.parametrize(
    ("name", "static", "servers"),
    [("ipv4", "192.0.2.5/24", "192.0.2.53,2001:db8::53"), ("ipv6", "2001:db8::5/64", "2001:db8::53")],
)
def test_the_seed_of_a_static_engine(golden: Golden, tmp_path: Path, name: str, static: str, servers: str) -> None:
    address = replace(products.ADDRESS, domain=DomainName("corp.example"), static=InterfaceAddress(static))
    resolver = ResolverAnswers(servers=NameServers.parse(servers))
    texts = files_of(tmp_path, Backup(), address, resolver)
    golden.check(f"seed/network-config-{name}.txt", texts["network-config"])
    config = config_of(texts["user-data"])
    assert "OVESETUP_PKI/organization=str:corp.example" in config["settings"]
    assert config["hosts"] == [
        ["192.168.222.2", "engine.example.com engine"],  # a fixed lease wins
        ["192.168.222.1", "host1.example.com host1"],
    ]


def test_the_seed_with_security_policies(golden: Golden, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(products, "SCAP", replace(products.SCAP, apply=True))
    golden.check("seed/user-data-hardening.txt", readable(files_of(tmp_path, Backup())["user-data"]))


def test_a_hosts_file_that_is_left_alone(tmp_path: Path) -> None:
    texts = files_of(tmp_path, address=replace(products.ADDRESS, hosts=False))
    assert config_of(texts["user-data"])["hosts"] == []


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
        root_password_hash=hostile, root_ssh_key=hostile, root_ssh_access="yes", host_name=hostile, timezone=hostile,
        script=hostile, hardening=hostile, config="e30=",
    )  # fmt: skip
    lines = dict(line.split(": ", 1) for line in text.splitlines() if re.match("(users|fqdn|timezone): ", line))
    assert json.loads(lines["fqdn"]) == json.loads(lines["timezone"]) == hostile
    (user,) = json.loads(lines["users"])
    assert user["hashed_passwd"] == hostile
    assert user["ssh_authorized_keys"] == [hostile]
    assert len(text.splitlines()) == len(source("user-data.j2").splitlines()) - 2  # a condition's own


def test_hostile_names_reach_the_guest_as_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hostile = "x'); DROP TABLE vds; --"
    monkeypatch.setattr(products, "STORAGE", replace(products.STORAGE, name=Name(hostile)))
    assert config_of(files_of(tmp_path)["user-data"])["restore"]["storage_name"] == hostile
