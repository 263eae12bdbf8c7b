"""What the original asks, and where it is asked here; or why it is not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hosted_plugins import COMMANDS, FEATURES
from hosted_plugins.deploy import sections
from hosted_setup.model.question import questions_of
from hosted_setup.registry import Registry
from tests.flow.test_interrupt import on_a_bridge, on_iscsi, typed

if TYPE_CHECKING:
    from tests.flow.program import Program

# Numbered in the order in which ovirt-hosted-engine-setup 2.7 asks.
ASKED: Final = {
    "4": "OVEHOSTED_NETWORK/gateway",
    "5": "OVEHOSTED_NETWORK/bridgeIf",
    "6": "OVEHOSTED_NETWORK/network_test",
    "7": "OVEHOSTED_NETWORK/network_test_tcp_address",
    "8": "OVEHOSTED_NETWORK/network_test_tcp_port",
    "9": "OVEHOSTED_ENGINE/datacenterName",
    "10": "OVEHOSTED_ENGINE/clusterName",
    "11": "OVEHOSTED_CORE/renewPKIonRestore",
    "13": "OVEHOSTED_CORE/enableKeycloak",
    "14": "OVEHOSTED_VM/ovfArchive",
    "15": "OVEHOSTED_VM/vmVCpus",
    "16": "OVEHOSTED_VM/vmMemSizeMB",
    "17": "OVEHOSTED_NETWORK/fqdn",
    "18": "OVEHOSTED_VM/cloudinitInstanceDomainName",
    "19": "OVEHOSTED_VM/cloudinitRootPwd",
    "20": "OVEHOSTED_VM/rootSshPubkey",
    "21": "OVEHOSTED_VM/rootSshAccess",
    "22": "OVEHOSTED_VM/applyOpenScapProfile",
    "23": "OVEHOSTED_VM/OpenScapProfileName",
    "24": "OVEHOSTED_VM/enableFips",
    "25": "OVEHOSTED_VM/vmMACAddr",
    "27": "OVEHOSTED_VM/cloudinitVMStaticCIDR",
    "28": "OVEHOSTED_VM/cloudinitVMDNS",
    "29": "OVEHOSTED_VM/cloudinitVMETCHOSTS",
    "30": "OVEHOSTED_NOTIF/smtpServer",
    "31": "OVEHOSTED_NOTIF/smtpPort",
    "32": "OVEHOSTED_NOTIF/sourceEmail",
    "33": "OVEHOSTED_NOTIF/destEmail",
    "34": "OVEHOSTED_ENGINE/adminPassword",
    "35": "OVEHOSTED_NETWORK/host_name",
    "36": "OVEHOSTED_STORAGE/domainType",
    "37": "OVEHOSTED_STORAGE/nfsVersion",
    "38": "OVEHOSTED_STORAGE/storageDomainConnection",
    "39": "OVEHOSTED_STORAGE/mntOptions",
    "40": "OVEHOSTED_STORAGE/iSCSIPortalIPAddress",
    "41": "OVEHOSTED_STORAGE/iSCSIPortalPort",
    "42": "OVEHOSTED_STORAGE/iSCSIDiscoverUser",
    "43": "OVEHOSTED_STORAGE/iSCSIDiscoverPassword",
    "44": "OVEHOSTED_STORAGE/iSCSIPortalUser",
    "45": "OVEHOSTED_STORAGE/iSCSIPortalPassword",
    "46": "OVEHOSTED_STORAGE/iSCSITargetName",
    "47": "OVEHOSTED_STORAGE/LunID",
    "48": "OVEHOSTED_STORAGE/imgSizeGB",
}

NOT_ASKED: Final = {
    "1": "the one confirmation comes at the end, when there is something to confirm; an answer in a file is that one's",
    "2": "a run outlives its terminal, so none without tmux is a risk",
    "3": "addresses of both families count unless --4 or --6 is given, so there is no choice to confirm",
    "12": "a pause is for an operator who asks for it: decision 0014",
    "15a": "the warning of question 15 is followed by the question whether to go on with it",
    "16a": "as 15a, of question 16",
    "26": "an empty reply to question 27 means DHCP",
    "48a": "as 15a, of question 48",
}


def test_every_question_of_the_original_is_here_or_left_out_for_a_reason() -> None:
    assert ASKED.keys().isdisjoint(NOT_ASKED)
    assert {*ASKED, *NOT_ASKED} == {*map(str, range(1, 49)), "15a", "16a", "48a"}


def test_what_the_original_asks_is_asked(program: Program) -> None:
    shown = typed(program, on_iscsi(program)[:-1]).out + typed(program, on_a_bridge(program)[:-1], fresh=True).out
    program.on_mounted_nfs()
    shown += typed(program, ["nfs", "", "nas.example.com:/exports/engine", "", ""]).out
    prompts: dict[str, set[str]] = {}
    for section in sections(Registry((*COMMANDS, *FEATURES), third_parties=False)):
        for one in questions_of(section):
            prompts.setdefault(one.key, set()).add(f"{' ' * 10}{one.prompt}")
    assert [key for key in ASKED.values() if not any(prompt in shown for prompt in prompts[key])] == []
