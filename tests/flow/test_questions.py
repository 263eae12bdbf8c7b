"""Long, since there are many questions: what an answer does. Each question changes something that a run leaves."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pytest

from hosted_setup.pipeline import journal
from hosted_setup.ports.network import Address
from hosted_setup.testing.behaviour import CA, HARDENING_FAILS
from hosted_setup.testing.network import FACTS, NIC
from hosted_setup.testing.portrait import portrait
from hosted_setup.testing.state import Domain, load_all
from tests.unit.domain import builders, dumps

if TYPE_CHECKING:
    from hosted_setup.pipeline.journal import Record
    from tests.flow.program import Done, Program

DONE, USAGE, REFUSED, UNFINISHED = 0, 2, 3, 4
OTHER_CA: Final = """\
-----BEGIN CERTIFICATE-----
MIIB8jCCAZmgAwIBAgIUKCUzs6wQlgsPefsYnYfIC6mTNycwCgYIKoZIzj0EAwIw
RjELMAkGA1UEBhMCVVMxFDASBgNVBAoMC2V4YW1wbGUuY29tMSEwHwYDVQQDDBhl
bmdpbmUuZXhhbXBsZS5jb20uNTQzMjEwIBcNMjYxMTIxMDYxNzM2WhgPMjEyNjEw
MjgwNjE3MzZaMEYxCzAJBgNVBAYTAlVTMRQwEgYDVQQKDAtleGFtcGxlLmNvbTEh
MB8GA1UEAwwYZW5naW5lLmV4YW1wbGUuY29tLjU0MzIxMFkwEwYHKoZIzj0CAQYI
KoZIzj0DAQcDQgAEtcJv1nDKYUjyacjCOcvl90GOBBHuLyKrQf1DzyOFvRB9oFP+
f2QHd9yqaTD1Ip5lRfeK5bmX3GG6IiwzHnYc4qNjMGEwHQYDVR0OBBYEFBVoRo6j
1riOLB+4Ib9IVMR9yvyJMB8GA1UdIwQYMBaAFBVoRo6j1riOLB+4Ib9IVMR9yvyJ
MA8GA1UdEwEB/wQFMAMBAf8wDgYDVR0PAQH/BAQDAgEGMAoGCCqGSM49BAMCA0cA
MEQCIFV80/XyeO4Qlkg9qGXedsG+XtQY8CB2eDP35iy9KxFmAiBKAL8UsD3PlhYX
kao4cH6AJoiavZU0dOB1jA7W9IbYhQ==
-----END CERTIFICATE-----
"""
BRIDGE: Final = {"HOSTED_ENGINE__networkMode": "str:bridge"}


def picture(program: Program) -> dict[str, str]:
    return portrait(program.world, {program.inputs.folder: "<inputs>"})


def deployed(program: Program, **answers: str) -> Done:
    program.answer(**answers)
    done = program.deploy()
    assert done.code == DONE, done.out
    return done


def shared(program: Program, name: str) -> str:
    """Give a file of the shared configuration."""
    (found,) = (text for path, text in picture(program).items() if path.endswith(f"/conf/{name}"))
    return found


def test_notifications(program: Program) -> None:
    deployed(
        program, OVEHOSTED_NOTIF__smtpServer="str:mail.example.com", OVEHOSTED_NOTIF__smtpPort="str:587",
        OVEHOSTED_NOTIF__sourceEmail="str:he@example.com", OVEHOSTED_NOTIF__destEmail="str:a@example.com, b@e.org",
    )  # fmt: skip
    lines = shared(program, "broker.conf").splitlines()
    assert {
        "smtp-server=mail.example.com", "smtp-port=587", "source-email=he@example.com",
        "destination-emails=a@example.com,b@e.org",
    } <= set(lines)  # fmt: skip


def test_an_address_that_is_none(program: Program) -> None:
    program.answer(OVEHOSTED_NOTIF__destEmail="str:root@localhost;admin@localhost")
    done = program.deploy()
    assert (done.code, "HE-ANSWERS-VALUE" in done.out) == (USAGE, True), done.out


@pytest.fixture
def seeds(program: Program) -> list[str]:
    """Give what the guests of this program's runs were told; it is gone when they have read it."""
    found: list[str] = []

    def observe(when: str, record: Record) -> None:
        if when == "after" and isinstance(record, journal.Done) and record.step == "vm.seed.write_seed":
            (seed,) = program.world.paths.runs.glob("*/seed.iso")
            found.append(seed.read_bytes().decode("latin-1"))

    program.observe = observe
    return found


def test_a_static_engine(program: Program, seeds: list[str]) -> None:
    deployed(
        program, **BRIDGE, OVEHOSTED_VM__cloudinitVMStaticCIDR="str:192.0.2.5/24",
        OVEHOSTED_VM__cloudinitVMDNS="str:192.0.2.54", OVEHOSTED_VM__cloudinitInstanceDomainName="str:corp.example",
    )  # fmt: skip
    (seed,) = seeds
    assert 'addresses: ["192.0.2.5/24"]' in seed
    assert '{"to": "0.0.0.0/0", "via": "192.0.2.1"}' in seed
    assert 'nameservers: {"addresses": ["192.0.2.54"], "search": ["corp.example"]}' in seed


@pytest.mark.parametrize(
    ("answers", "name", "hosts"),
    [
        ({}, "engine.example.com", "engine.example.com engine"),
        (
            {"HostName": "str:node7.corp.example"},
            "node7.corp.example",
            "engine.example.com engine node7.corp.example node7",
        ),
        ({"HostName": "str:node7"}, "node7.example.com", "engine.example.com engine node7.example.com node7"),
        (
            {"HostName": "str:node7", "DomainName": "str:corp.example"},
            "node7.corp.example",
            "engine.example.com engine node7.corp.example node7",
        ),
        ({"DomainName": "str:corp.example"}, "engine.example.com", "engine.example.com engine"),
    ],
)
def test_the_engine_vm_s_own_name(
    program: Program, seeds: list[str], answers: dict[str, str], name: str, hosts: str
) -> None:
    deployed(program, **{f"OVEHOSTED_VM__cloudinitInstance{key}": text for key, text in answers.items()})
    for line in (f'hostname: "{name.partition(".")[0]}"\n', f'fqdn: "{name}"\n', f'local-hostname: "{name}"\n'):
        assert line in seeds[0]
    told = config(seeds[0])
    assert told["hosts"][0][1] == hosts
    assert "OVESETUP_CONFIG/fqdn=str:engine.example.com" in told["settings"]
    domain = answers.get("DomainName", "str:example.com").removeprefix("str:")
    assert f"OVESETUP_PKI/organization=str:{domain}" in told["settings"]


@pytest.mark.parametrize("static", ["bool:False", "str:", ""])
def test_an_engine_by_dhcp(program: Program, seeds: list[str], static: str) -> None:
    deployed(program, **BRIDGE, OVEHOSTED_VM__cloudinitVMStaticCIDR=static)
    assert "dhcp4: true" in seeds[0]


def test_a_static_address_beyond_the_host_s_network(program: Program) -> None:
    program.answer(**BRIDGE, OVEHOSTED_VM__cloudinitVMStaticCIDR="str:192.0.3.5/24")
    done = program.deploy()
    assert (done.code, "HE-ANSWERS-VALUE" in done.out) == (USAGE, True), done.out
    assert "eno1 is in 192.0.2.0/24, not in 192.0.3.0/24" in done.out


def test_a_small_engine_is_warned_about(program: Program) -> None:
    done = deployed(
        program, OVEHOSTED_VM__vmVCpus="int:1", OVEHOSTED_VM__vmMemSizeMB="int:2048",
        OVEHOSTED_STORAGE__imgSizeGB="int:20", OVEHOSTED_NETWORK__fqdn="str:other.example.com",
    )  # fmt: skip
    for words in ("an engine should have 2", "an engine should have 4096 MiB", "an engine should have 25 GiB"):
        assert words in done.out
    assert "the backup is of" not in done.out


def test_another_name_than_the_backup_s_is_warned_about(program: Program) -> None:
    program.answer(OVEHOSTED_NETWORK__fqdn="str:other.example.com")
    done = program.restore()
    assert done.code == DONE, done.out
    assert "the backup is of engine.example.com" in done.out


def test_more_cpus_than_there_are(program: Program) -> None:
    program.answer(OVEHOSTED_VM__vmVCpus="int:9")
    done = program.deploy()
    assert (done.code, "HE-CPUS" in done.out) == (REFUSED, True), done.out
    assert "this host has 8, and the checks will refuse more" in done.out


def test_more_memory_than_there_is(program: Program) -> None:
    program.answer(OVEHOSTED_VM__vmMemSizeMB="int:32257")
    done = program.deploy()
    assert (done.code, "HE-MEMORY" in done.out) == (REFUSED, True), done.out
    assert "this host can give 32256 MiB, and the checks will refuse more" in done.out


@pytest.mark.parametrize(("free", "proposed"), [(16896, 16384), (16895, 16383), (4096, 3584)])
def test_no_more_memory_is_proposed_than_this_host_can_give(program: Program, free: int, proposed: int) -> None:
    program.world.behaviour.memory_mib = free
    done = deployed(program)
    assert re.search(rf"Memory size in MiB +: {proposed}  \(detected\)\n", done.out), done.out
    assert ("an engine should have 4096 MiB" in done.out) == (proposed < 4096)


def test_a_host_without_memory_for_any_engine_is_told_so_by_the_check(program: Program) -> None:
    program.world.behaviour.memory_mib = 500
    done = program.deploy()
    assert (done.code, "HE-MEMORY" in done.out) == (REFUSED, True), done.out
    assert "the engine VM wants 512 MiB, this host can give 0 MiB" in done.out


def test_a_disk_smaller_than_the_appliance_s(program: Program) -> None:
    program.inputs.appliance.write_bytes(builders.qcow2(size=30 << 30, l1=60))
    program.answer(OVEHOSTED_STORAGE__imgSizeGB="int:29")
    done = program.deploy()
    assert (done.code, "HE-DISK-SMALL" in done.out) == (REFUSED, True), done.out
    assert "the appliance needs 30 GiB, and the checks will refuse less" in done.out


@pytest.mark.parametrize(
    ("key", "text"),
    [("vmVCpus", "int:0"), ("vmMemSizeMB", "int:511"), ("cloudinitVMTZ", "str:../../etc/passwd"),
     ("rootSshPubkey", "str:ssh-ed25519"), ("cloudinitInstanceDomainName", "str:a/b")],
)  # fmt: skip
def test_what_is_refused_at_once(program: Program, key: str, text: str) -> None:
    program.answer(**{f"OVEHOSTED_VM__{key}": text})
    done = program.deploy()
    assert (done.code, f"OVEHOSTED_VM/{key}" in done.out) == (USAGE, True), done.out


def entities(program: Program, collection: str) -> list[dict[str, object]]:
    """Give what the engine holds."""
    (domain,) = load_all(program.world.hypervisor.domains, Domain)
    return [one for one in domain.entities if one["collection"] == collection]


def test_data_center_cluster_and_host(program: Program) -> None:
    deployed(
        program, OVEHOSTED_ENGINE__datacenterName="str:North", OVEHOSTED_ENGINE__clusterName="str:Racks",
        OVEHOSTED_ENGINE__appHostName="str:rack-1",
    )  # fmt: skip
    (center,), (cluster,), (added,) = (entities(program, name) for name in ("datacenters", "clusters", "hosts"))
    assert (center["name"], cluster["name"], added["name"]) == ("North", "Racks", "rack-1")
    assert (cluster["data_center"], added["cluster"]) == ({"id": center["id"]}, {"id": cluster["id"]})


def test_the_default_cluster_is_of_the_default_data_center(program: Program) -> None:
    program.answer(OVEHOSTED_ENGINE__datacenterName="str:North")
    done = program.deploy()
    assert (done.code, "Cluster (OVEHOSTED_ENGINE/clusterName)" in done.out) == (USAGE, True), done.out
    program.answer(OVEHOSTED_ENGINE__datacenterName="str:North", OVEHOSTED_ENGINE__clusterName="str:Default")
    done = program.deploy()
    assert done.code == USAGE, done.out
    assert "the cluster Default is in the data center Default, not in North" in done.out


def of_the_old_engine(program: Program, **changes: dumps.Rows) -> None:
    """Give the archive a database that tells where the hosted engine was: in Vienna, in Racks."""
    product = {**builders.PRODUCT_FILES, builders.CA_PATH: CA.encode()}
    database = dumps.dump(dumps.changed(**changes))
    content = builders.members(files=builders.files(product), db__engine_backup=database)
    program.inputs.archive.write_bytes(builders.backup(content))


def place(program: Program, center: str = "", cluster: str = "") -> Done:
    program.answer(OVEHOSTED_ENGINE__datacenterName=center, OVEHOSTED_ENGINE__clusterName=cluster)
    return program.restore()


def test_data_center_and_cluster_come_from_the_backup(program: Program) -> None:
    of_the_old_engine(program)
    done = place(program)
    assert done.code == DONE, done.out
    for line in ("Vienna  (backup)", "Racks  (backup)"):
        assert line in done.out


def test_another_data_center_than_the_backup_s_has_other_clusters(program: Program) -> None:
    of_the_old_engine(program)
    done = place(program, "str:North")
    assert (done.code, "Cluster (OVEHOSTED_ENGINE/clusterName)" in done.out) == (USAGE, True), done.out
    done = place(program, "str:Default")
    assert (done.code, "Racks" in done.out) == (DONE, False), done.out


def test_the_default_cluster_may_be_in_another_data_center_of_old(program: Program) -> None:
    of_the_old_engine(program, cluster=[(dumps.RACKS, "Default", dumps.VIENNA)])
    done = place(program, "str:North", "str:Default")
    assert done.code == USAGE, done.out
    done = place(program)
    assert (done.code, "Default  (backup)" in done.out) == (DONE, True), done.out


def test_a_backup_that_tells_no_place_leaves_the_default(program: Program) -> None:
    of_the_old_engine(program, vm_static=[])
    done = place(program)
    assert (done.code, done.out.count("Default  (default)")) == (DONE, 2), done.out


@pytest.mark.parametrize(("answer", "renewed"), [("", False), ("bool:False", False), ("bool:True", True)])
def test_renewed_certificates(program: Program, seeds: list[str], answer: str, renewed: bool) -> None:  # noqa: FBT001 - a parameter
    program.answer(OVEHOSTED_CORE__renewPKIonRestore=answer)
    program.world.behaviour.ca = OTHER_CA
    done = program.restore()
    assert f"OVESETUP_PKI/renew=bool:{renewed}" in config(seeds[0])["settings"]
    if renewed:  # a CA that is not the backup's is what was asked for
        assert done.code == DONE, done.out
    else:
        assert "HE-CA-CHANGED" in done.out


def test_nothing_is_renewed_in_a_fresh_engine(program: Program, seeds: list[str]) -> None:
    deployed(program, OVEHOSTED_CORE__renewPKIonRestore="bool:True")
    assert not [line for line in config(seeds[0])["settings"] if "renew" in line]


@pytest.fixture
def with_keycloak(program: Program) -> None:
    """Let the appliance declare that Keycloak is in it."""
    declare(program, "grafana keycloak")


@pytest.mark.usefixtures("with_keycloak")
@pytest.mark.parametrize(("answer", "enabled"), [("", True), ("bool:True", True), ("bool:False", False)])
def test_keycloak(program: Program, seeds: list[str], answer: str, enabled: bool) -> None:  # noqa: FBT001 - a parameter
    done = deployed(program, OVEHOSTED_CORE__enableKeycloak=answer)
    assert f"OVESETUP_CONFIG/keycloakEnable=bool:{enabled}" in config(seeds[0])["settings"]
    admin = "admin@ovirt@internalsso" if enabled else "admin@internal"
    assert f"Administrator:     {admin}\n" in done.out


@pytest.mark.usefixtures("with_keycloak")
def test_keycloak_is_as_the_backup_has_it(program: Program, seeds: list[str]) -> None:
    assert program.restore().code == DONE
    assert "OVESETUP_CONFIG/keycloakEnable=bool:False" in config(seeds[0])["settings"]


def test_keycloak_is_not_asked_for_where_the_appliance_has_none(program: Program, seeds: list[str]) -> None:
    done = deployed(program, OVEHOSTED_CORE__enableKeycloak="bool:True")
    assert "eycloak" not in json.dumps(config(seeds[0]))
    assert "Administrator:     admin@internal\n" in done.out


def declare(program: Program, features: str) -> None:
    beside = program.inputs.appliance.with_name("engine-appliance.conf")
    beside.write_text(f"path={program.inputs.appliance}\nfeatures={features}\n")


SCAP: Final = {"OVEHOSTED_VM__applyOpenScapProfile": "bool:True"}
FIPS: Final = {"OVEHOSTED_VM__enableFips": "bool:True"}
PCI: Final = {**SCAP, "OVEHOSTED_VM__OpenScapProfileName": "str:pci-dss"}


@pytest.mark.parametrize(
    ("features", "answers", "profile", "turned_on", "required"),
    [
        ("openscap fips", SCAP, "stig", False, True),  # the profile turns it on
        ("openscap fips", {**SCAP, **FIPS}, "stig", False, True),
        ("openscap fips", PCI, "pci-dss", False, False),
        ("openscap fips", {**PCI, **FIPS}, "pci-dss", True, True),
        ("openscap", {**PCI, **FIPS}, "pci-dss", False, False),
        ("fips", {**SCAP, **FIPS}, None, True, True),
    ],
)
def test_security_policies(  # noqa: PLR0913 - a table
    program: Program, seeds: list[str], features: str, answers: dict[str, str], profile: str | None, turned_on: bool,  # noqa: FBT001
    required: bool,  # noqa: FBT001
) -> None:  # fmt: skip
    declare(program, features)
    done = deployed(program, **answers)
    assert config(seeds[0])["hardening"] == {"profile": profile, "turn_on_fips": turned_on, "fips": required}
    assert "hosted-engine-setup/hardening.py" in seeds[0]
    assert "|- Rebooting the engine VM" in done.out


@pytest.mark.parametrize(("features", "answers"), [("openscap fips", {}), ("keycloak", {**SCAP, **FIPS})])
def test_no_security_policy(program: Program, seeds: list[str], features: str, answers: dict[str, str]) -> None:
    declare(program, features)
    done = deployed(program, **answers)
    assert config(seeds[0])["hardening"] is None
    assert "hosted-engine-setup/hardening.py" not in seeds[0]
    assert "Rebooting" not in done.out


def test_a_profile_that_is_not_in_force(program: Program) -> None:
    declare(program, "openscap fips")
    program.world.behaviour.guest.harden = HARDENING_FAILS
    program.answer(**PCI)
    assert "profile pci-dss, FIPS mode not wanted" in program.deploy().out


def test_a_security_policy_that_is_not_in_force(program: Program) -> None:
    declare(program, "fips")
    program.world.behaviour.guest.harden = HARDENING_FAILS
    program.answer(**FIPS)
    done = program.deploy()
    assert done.code == UNFINISHED, done.out
    assert "HE-HARDENING" in done.out
    assert "profile none, FIPS mode wanted" in done.out
    assert "the security policies could not be applied" in done.out
    assert program("deploy", "--abort").code == DONE


@pytest.mark.parametrize(
    ("answer", "registered", "line"),
    [
        ("", "192.0.2.10", ["192.0.2.10", "host1.example.org host1"]),
        ("str:192.0.2.10", "192.0.2.10", ["192.0.2.10", "host1.example.org host1"]),
        ("str:mgmt.example.com", "mgmt.example.com", ["192.0.2.10", "mgmt.example.com mgmt"]),
    ],
)
def test_this_host_on_the_management_network(
    program: Program, seeds: list[str], answer: str, registered: str, line: list[str]
) -> None:
    program.world.behaviour.names["mgmt.example.com"] = ("192.0.2.10",)
    deployed(program, **BRIDGE, OVEHOSTED_NETWORK__host_name=answer)
    (added,) = entities(program, "hosts")
    assert added["address"] == registered
    assert line in config(seeds[0])["hosts"]


def test_an_address_of_another_host(program: Program) -> None:
    program.answer(**BRIDGE, OVEHOSTED_NETWORK__host_name="str:192.0.2.11")
    done = program.deploy()
    assert (done.code, "192.0.2.11 is no address of this host" in done.out) == (USAGE, True), done.out


def test_the_engine_vm_knows_both_names_unless_told_otherwise(program: Program, seeds: list[str]) -> None:
    deployed(program)
    assert program("cleanup", "--yes").code == DONE
    deployed(program, OVEHOSTED_VM__cloudinitVMETCHOSTS="bool:False")
    assert [len(config(seed)["hosts"]) for seed in seeds] == [2, 0]


@pytest.mark.parametrize(
    ("answers", "watched"),
    [
        ({}, ["gateway=192.168.222.1", "network_test=none", "tcp_t_address=", "tcp_t_port="]),
        (BRIDGE, ["gateway=192.0.2.1", "network_test=dns", "tcp_t_address=", "tcp_t_port="]),
        (
            {**BRIDGE, "OVEHOSTED_NETWORK__gateway": "str:192.0.2.9", "OVEHOSTED_NETWORK__network_test": "str:tcp",
             "OVEHOSTED_NETWORK__network_test_tcp_address": "str:192.0.2.80",
             "OVEHOSTED_NETWORK__network_test_tcp_port": "int:443"},
            ["gateway=192.0.2.9", "network_test=tcp", "tcp_t_address=192.0.2.80", "tcp_t_port=443"],
        ),
    ],
)  # fmt: skip
def test_what_the_agents_watch(program: Program, answers: dict[str, str], watched: list[str]) -> None:
    program.world.behaviour.neighbours = ("192.0.2.9",)
    deployed(program, **answers)
    lines = (program.world.paths.etc / "hosted-engine.conf").read_text().splitlines()
    assert set(watched) <= set(lines)


def test_an_engine_with_ipv6_alone(program: Program, seeds: list[str]) -> None:
    ours = ("2001:db8::10",)
    link = replace(NIC, addresses=(*NIC.addresses, Address(*ours, 64)))
    program.world.network.change(replace(FACTS, links=(FACTS.links[0], link)))
    program.world.behaviour.neighbours = ("2001:db8::1",)
    program.world.behaviour.names = {"engine.example.com": ("2001:db8::77",), "host1.example.org": ours}
    program.answer(**BRIDGE, OVEHOSTED_NETWORK__gateway="str:2001:db8::1", OVEHOSTED_NETWORK__bridgeIf="str:eno1")
    done = program.deploy("--6")
    assert done.code == DONE, done.out
    assert "dhcp6: true" in seeds[0]
    assert "dhcp4" not in seeds[0]


def config(seed: str) -> dict[str, Any]:
    """Give the configuration of the guest's own part."""
    found = re.search(r"guest\.py, \"([A-Za-z0-9+/=]+)\"", seed)
    assert found is not None
    told: dict[str, Any] = json.loads(base64.b64decode(found[1]))
    return told
