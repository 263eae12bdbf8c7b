"""Answer files as the original wrote them: what they say is what is deployed, and what has no effect is told."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from defusedxml.ElementTree import fromstring

from hosted_setup.testing.portrait import changes, portrait
from hosted_setup.testing.state import Domain, load_all
from tests.flow.test_interrupt import Operator

if TYPE_CHECKING:
    from tests.flow.program import Program

ORIGINALS: Final = Path(__file__).with_name("originals")
NEW, OLD = "ovirt-4.4.conf", "ovirt-3.6.conf"
TYPE, VERSION = "OVEHOSTED_STORAGE/domainType", "OVEHOSTED_STORAGE/nfsVersion"
NIC, MODE = "OVEHOSTED_NETWORK/bridgeIf", "HOSTED_ENGINE/networkMode"
APPLIANCE: Final = "OVEHOSTED_VM/ovfArchive"
OWN: Final = "HOSTED_ENGINE/virtType=str:auto"

WITHOUT_EFFECT: Final = """
    CORE/screenProceed ENGINE/insecureSSL NETWORK/firewallManager STORAGE/confImageUUID STORAGE/confVolUUID
    STORAGE/connectionUUID STORAGE/imgUUID STORAGE/lockspaceImageUUID STORAGE/lockspaceVolumeUUID
    STORAGE/metadataImageUUID STORAGE/metadataVolumeUUID STORAGE/spUUID STORAGE/storageDatacenterName STORAGE/vgUUID
    STORAGE/volUUID VDSM/caSubject VDSM/consoleType VDSM/cpu VDSM/pkiSubject VM/automateVMShutdown VM/cdromUUID
    VM/cloudInitISO VM/cloudinitExecuteEngineSetup VM/consoleUUID VM/nicUUID VM/vmCDRom VM/vmUUID
"""
WITHOUT_EFFECT_IN: Final = {
    NEW: f"""{WITHOUT_EFFECT} CORE/forceIpProceed ENGINE/allowGlusterReplicaOne ENGINE/enableHcGlusterService
             STORAGE/discardSupport""",
    OLD: f"{WITHOUT_EFFECT} NETWORK/sshdPort",
}
RETIRED: Final = (
    "CORE/rollbackProceed CORE/upgradeProceed UPGRADE/backupFileName UPGRADE/confirmUpgradeSuccess VM/vmBoot"
)
UNASKED: Final = {
    NEW: "CORE/enableKeycloak STORAGE/hostID VM/applyOpenScapProfile VM/enableFips",
    OLD: "STORAGE/hostID STORAGE/sdUUID VM/cloudinitVMDNS",
}

# What is the same in both, as this program writes it, and what is not.
MAPPED: Final = (
    f"{TYPE}=str:nfs", "OVEHOSTED_STORAGE/storageDomainConnection=str:nas.example.com:/exports/engine",
    "OVEHOSTED_STORAGE/storageDomainName=str:hosted_storage", f"{MODE}=str:bridge",
    "OVEHOSTED_NETWORK/bridgeName=str:ovirtmgmt", f"{NIC}=str:eno1", "OVEHOSTED_NETWORK/gateway=str:192.0.2.1",
    "OVEHOSTED_NETWORK/fqdn=str:engine.example.com", "OVEHOSTED_NETWORK/network_test=str:dns",
    "OVEHOSTED_VM/vmVCpus=int:2", "OVEHOSTED_VM/vmMemSizeMB=int:4096", "OVEHOSTED_VM/vmMACAddr=str:00:16:3e:5d:7e:10",
    "OVEHOSTED_VM/cloudinitVMTZ=str:Europe/Berlin", "OVEHOSTED_VM/emulatedMachine=str:pc",
    "OVEHOSTED_VM/cloudinitInstanceHostName=str:engine.example.com",
    "OVEHOSTED_VM/cloudinitInstanceDomainName=str:example.com", "OVEHOSTED_VM/cloudinitVMETCHOSTS=bool:True",
    "OVEHOSTED_ENGINE/datacenterName=str:Default", "OVEHOSTED_ENGINE/clusterName=str:Default",
    "OVEHOSTED_NOTIF/smtpServer=str:localhost", "OVEHOSTED_NOTIF/smtpPort=str:25",
    "OVEHOSTED_NOTIF/sourceEmail=str:root@localhost", "OVEHOSTED_NOTIF/destEmail=str:root@localhost",
)  # fmt: skip
MAPPED_IN: Final = {
    NEW: (
        f"{VERSION}=str:auto", "OVEHOSTED_STORAGE/mntOptions=str:", "OVEHOSTED_STORAGE/imgSizeGB=int:51",
        "OVEHOSTED_VM/cloudinitVMStaticCIDR=str:192.0.2.20/24", "OVEHOSTED_VM/cloudinitVMDNS=str:192.0.2.53",
        "OVEHOSTED_VM/rootSshAccess=str:without-password",
    ),
    OLD: (
        f"{VERSION}=str:v3", "OVEHOSTED_STORAGE/imgSizeGB=int:25",
        "OVEHOSTED_ENGINE/appHostName=str:hosted_engine_1",
    ),
}  # fmt: skip


def keys(names: str) -> list[str]:
    return sorted(f"OVEHOSTED_{name}" for name in names.split())


def noticed(out: str, words: str) -> list[str]:
    """Give the keys that the notice with these words names."""
    return sorted(key for line in re.findall(rf": {words}: (.*)", out) for key in line.split(", "))


def line_of(path: Path, key: str) -> str:
    """Give file:line of an answer."""
    lines = [line.partition("=")[0] for line in path.read_text().splitlines()]
    return f"{path}:{lines.index(key) + 1}"


@pytest.fixture
def installed(program: Program) -> Program:
    """Have an appliance that a package has left, and the export and the passwords that the files do not hold."""
    program.on_mounted_nfs()
    conf = program.world.paths.etc / "10-appliance.conf"
    conf.parent.mkdir(parents=True)
    conf.write_text(f"path={program.inputs.appliance}\n")
    return program


def bring(program: Program, name: str) -> tuple[str, ...]:
    """Make a file of the original's the operator's; give the further ones that are needed with it."""
    shutil.copyfile(ORIGINALS / name, program.inputs.answers)
    # The appliance of those days is not there any more.
    return (add(program, f"{APPLIANCE}=str:"),) if name == OLD else ()


def add(program: Program, *lines: str) -> str:
    path = program.inputs.folder / "more.conf"
    path.write_text("\n".join(["[environment:default]", *lines, ""]))
    return str(path)


def written(program: Program) -> list[str]:
    (path,) = (program.world.paths.state / "answers").glob("answers-*.conf")
    return path.read_text().splitlines()


@pytest.mark.parametrize("name", [NEW, OLD])
def test_nothing_is_wrong_with_a_whole_file(installed: Program, name: str) -> None:
    more = bring(installed, name)
    done = installed("answers", "lint", str(installed.inputs.answers), *more)
    assert done.code == 0, done.out
    assert "Nothing is wrong" in done.out
    assert noticed(done.out, "known keys without effect here") == keys(WITHOUT_EFFECT_IN[name])
    assert noticed(done.out, "keys that were retired in 2018, ignored") == (keys(RETIRED) if name == OLD else [])
    open_ = re.findall(r"Not answered here: .* \((\S+)\)", done.out)
    assert open_ == keys("VM/cloudinitRootPwd") + keys("ENGINE/adminPassword")


@pytest.mark.parametrize("name", [NEW, OLD])
def test_a_whole_file_is_deployed(installed: Program, name: str) -> None:
    more = bring(installed, name)
    done = installed.deploy(*(f"--config-append={one}" for one in more))
    assert done.code == 0, done.out
    assert noticed(done.out, "known keys without effect here") == keys(WITHOUT_EFFECT_IN[name])
    assert noticed(done.out, "keys that were retired in 2018, ignored") == (keys(RETIRED) if name == OLD else [])
    assert sorted(re.findall(r": (\S+) is not asked here", done.out)) == keys(UNASKED[name])
    assert {*MAPPED, *MAPPED_IN[name], f"{APPLIANCE}=str:{installed.inputs.appliance}"} <= set(written(installed))
    told = f"{line_of(installed.inputs.answers, TYPE)}: nfs3 is read as nfs, and {VERSION} as v3"
    assert (told in done.out) == (name == OLD)
    place = line_of(installed.inputs.answers, NIC if name == OLD else "OVEHOSTED_NETWORK/bridgeName")
    assert re.search(rf"Network mode +: bridge  \({re.escape(place)}\)", done.out)
    (domain,) = load_all(installed.world.hypervisor.domains, Domain)
    interface = fromstring(domain.xml).find("devices/interface")
    assert interface is not None
    assert [source.attrib for source in interface.iterfind("source")] == [{"bridge": "ovirtmgmt"}]
    (storage,) = (one for one in domain.entities if one["collection"] == "storagedomains")
    assert ("'nfs_version': 'v3'" in str(storage)) == (name == OLD), storage


@pytest.mark.parametrize("name", [NEW, OLD])
def test_a_key_that_nobody_knows_is_refused(installed: Program, name: str) -> None:
    more = bring(installed, name)
    file = installed.inputs.answers
    file.write_text(f"{file.read_text()}OVEHOSTED_NETWORK/bridgeIface=str:eno1\n")
    before = portrait(installed.world)
    lint = installed("answers", "lint", str(file), *more)
    deploy = installed.deploy(*(f"--config-append={one}" for one in more))
    for done in (lint, deploy):
        assert done.code == 2, done.out
        assert done.out.count("HE-") == 1, done.out
        assert "HE-ANSWERS-KEY" in done.out
        assert f"Where: {line_of(file, 'OVEHOSTED_NETWORK/bridgeIface')}" in done.out
        assert f"Did you mean {NIC}?" in done.out
    assert changes(before, portrait(installed.world)) == {}


@pytest.mark.parametrize(
    ("lines", "mode"),
    [
        ([f"{NIC}=str:eno1"], "bridge"),
        (["OVEHOSTED_NETWORK/gateway=str:192.0.2.1"], "bridge"),
        (["OVEHOSTED_NETWORK/host_name=str:host1.example.org"], "bridge"),
        (["OVEHOSTED_NETWORK/bridgeName=str:ovirtmgmt"], "bridge"),
        (["OVEHOSTED_NETWORK/gateway=str:", f"{NIC}=none:None"], "nat"),
        ([f"{NIC}=str:eno1", OWN], "nat"),
        ([f"{NIC}=str:eno1", f"{MODE}=str:nat"], "nat"),
        (["OVEHOSTED_NETWORK/sshdPort=int:22"], "nat"),
    ],
)
def test_what_means_the_bridge(program: Program, lines: list[str], mode: str) -> None:
    program.inputs.answers.write_text("\n".join([program.inputs.answers.read_text(), *lines, ""]))
    done = program.deploy()
    assert done.code == 0, done.out
    assert f"{MODE}=str:{mode}" in written(program)


def test_the_mode_that_another_file_states_is_kept(program: Program) -> None:
    program.answer(OVEHOSTED_NETWORK__bridgeIf="str:eno1")
    done = program.deploy(f"--config-append={add(program, f'{MODE}=str:nat')}")
    assert done.code == 0, done.out
    assert f"{MODE}=str:nat" in written(program)


def test_a_file_of_our_own_beside_the_original_s_changes_nothing_of_it(program: Program) -> None:
    program.answer(OVEHOSTED_NETWORK__bridgeIf="str:eno1")
    assert program.deploy(f"--config-append={add(program, OWN)}").code == 0
    assert f"{MODE}=str:bridge" in written(program)


def test_the_bridge_is_proposed_to_an_operator(program: Program) -> None:
    assert program.deploy().code == 0
    (path,) = (program.world.paths.state / "answers").glob("answers-*.conf")
    lines = [line for line in path.read_text().splitlines() if not line.startswith("HOSTED_ENGINE/")]
    assert program("cleanup", "--yes").code == 0
    program.inputs.answers.write_text("\n".join([*lines, f"{NIC}=str:eno1", ""]))
    program.stdin = Operator(["?", "nat", "yes"], None)
    done = program.deploy("--dialect=plain")
    assert "Network mode (nat, bridge) [bridge]: " in done.out
    assert f"which is from: {line_of(program.inputs.answers, NIC)}." in done.out
    assert f"{NIC} is not asked here, so its answer has no effect" in done.out


def test_show_tells_that_an_empty_appliance_takes_the_answer_back(program: Program) -> None:
    more = add(program, f"{APPLIANCE}=str:")
    done = program("answers", "show", str(program.inputs.answers), more)
    assert done.code == 0, done.out
    assert (
        f"    {program.inputs.appliance}  ({line_of(program.inputs.answers, APPLIANCE)}, default)  taken back"
        in done.out
    )
    assert f"    (empty)  ({more}:2, default)  takes the answer back" in done.out


def test_an_empty_appliance_without_an_installed_one_is_missing(program: Program) -> None:
    program.answer(OVEHOSTED_VM__ovfArchive="str:")
    done = program.deploy()
    assert done.code == 2, done.out
    assert done.out.count("HE-") == 1, done.out
    assert f"({APPLIANCE})" in done.out[done.out.index("HE-ANSWERS-MISSING") :]


@pytest.mark.parametrize(
    ("variable", "on_bridge"),
    [
        ("he_bridge_if: eno1", True),
        ("he_gateway: 192.0.2.1", True),
        ("he_host_address: host1.example.org", True),
        ("he_mgmt_network: ovirtmgmt", True),
        ("he_vm_name: HostedEngine", False),
        ("he_bridge_if: null", False),
    ],
)
def test_variables_of_the_bridge_choose_it(program: Program, variable: str, on_bridge: bool) -> None:  # noqa: FBT001
    file = program.inputs.folder / "v.yml"
    file.write_text(f"{variable}\nhe_appliance_ova: ''\nhe_vcpus: 2\n")
    done = program("answers", "convert", "--to=otopi", str(file))
    assert done.code == 0, done.out
    lines = done.out.splitlines()
    assert "OVEHOSTED_VM/vmVCpus=int:2" in lines
    assert (f"{MODE}=str:bridge" in lines) == on_bridge
    assert not any(line.startswith(APPLIANCE) for line in lines)
