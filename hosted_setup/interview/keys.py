"""The keys of the original's answer files: which there are, and what a key in a file is to this program.

Source of the list: `ovirt_hosted_engine_setup/constants.py` of ovirt-hosted-engine-setup 2.7, all 144 keys, and the
keys its version 2.3 and earlier wrote (removed there in 2018, still found in operators' files).
"""

from __future__ import annotations

import difflib
import re
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection

_ORIGINAL: Final = {
    "CORE": """
        ansibleUserExtraVars checkRequirements confirmSettings deployProceed enableKeycloak
        etcAnswerFile forceIpProceed localVMDir memCheckRequirements miscReached nodeSetup
        pauseonRestore renewPKIonRestore restoreFromFile screenProceed skipTTYCheck tempDir
        userAnswerFile
    """,
    "ENGINE": """
        adminPassword adminUsername allowGlusterReplicaOne appHostName clusterName datacenterName
        enableHcGlusterService enableLibgfapi engineSetupTimeout forceCreateVG insecureSSL
        interactiveAdminPassword promptNonOperational temporaryCertificate
    """,
    "FIRST_HOST": """
        deployWithHE35Hosts skipSharedStorageAF
    """,
    "NETWORK": """
        allowInvalidBondModes bridgeIf bridgeName firewallManager firewalldServices firewalldSubst
        forceIPv4 forceIPv6 fqdn fqdnReverseValidation gateway host_name network_test
        network_test_tcp_address network_test_tcp_port promptRequiredNetworks refuseDeployingWithNM
        sshdPort
    """,
    "NOTIF": """
        destEmail smtpPort smtpServer sourceEmail
    """,
    "SANLOCK": """
        lockspaceName serviceName
    """,
    "STORAGE": """
        GUID LunID blockDeviceSizeGB brokerConfContent confImageSizeGB confImageUUID confVolUUID
        connectionUUID discardSupport domainType fakeMasterSdConnUUID fakeMasterSdUUID hostID
        iSCSIDiscoverPassword iSCSIDiscoverUser iSCSIPortal iSCSIPortalIPAddress iSCSIPortalPassword
        iSCSIPortalPort iSCSIPortalUser iSCSITargetName imgDesc imgSizeGB imgUUID lockspaceImageUUID
        lockspaceVolumeUUID metadataImageUUID metadataVolumeUUID mntOptions nfsVersion ovfSizeGB
        qcowSizeGB sdUUID spUUID storageAnswerFileContent storageDatacenterName
        storageDomainConnection storageDomainName storageHEConfContent vgUUID vmConfContent volUUID
    """,
    "VDSM": """
        caSubject consoleType cpu engineCpu kvmGid passwd passwdValiditySecs pkiSubject serviceName
        useSSL vdscli vdsmUid
    """,
    "VM": """
        OpenScapProfileName acceptDownloadEApplianceRPM applianceMem applianceVCpus applianceVersion
        applyOpenScapProfile automateVMShutdown cdromUUID cloudInitISO cloudinitExecuteEngineSetup
        cloudinitInstanceDomainName cloudinitInstanceHostName cloudinitRootPwd cloudinitVMDNS
        cloudinitVMETCHOSTS cloudinitVMStaticCIDR cloudinitVMTZ consoleUUID emulatedMachine
        enableFips localVmUUID maxVCpus nicUUID ovfArchive rootSshAccess rootSshPubkey subst vmCDRom
        vmMACAddr vmMemSizeMB vmUUID vmVCpus
    """,
}

_RETIRED: Final = {
    "CORE": "upgradeProceed rollbackProceed",
    "VM": "vmBoot",
    "UPGRADE": """
        backupFileName dstBackupFileName restoreDwh restoreReports confirmUpgradeSuccess confirmUpgradeDiskResize
        backupImgUUID backupVolUUID backupImgSizeGB extend_volume createLMVolumes LMVolumesUpgradeProceed
        abortUnsupportedVer
    """,
}


def _keys(families: dict[str, str]) -> frozenset[str]:
    return frozenset(f"OVEHOSTED_{family}/{name}" for family, names in families.items() for name in names.split())


ORIGINAL: Final = _keys(_ORIGINAL)
RETIRED: Final = _keys(_RETIRED)

# Secret whether or not a question of ours asks for them: a file that holds one must be private.
SECRET: Final = frozenset(
    {
        "OVEHOSTED_ENGINE/adminPassword",
        "OVEHOSTED_STORAGE/iSCSIDiscoverPassword",
        "OVEHOSTED_STORAGE/iSCSIPortalPassword",
        "OVEHOSTED_VDSM/passwd",
        "OVEHOSTED_VM/cloudinitRootPwd",
    }
)

DIALECT: Final = "DIALOG/dialect"
ACCEPT_DEFAULTS: Final = "DIALOG/autoAcceptDefault"
BY_QUESTION: Final = re.compile(r"QUESTION/[0-9]+/\S+")


class Standing(Enum):
    """What a key in a file is to this program."""

    USED = auto()
    WITHOUT_EFFECT = auto()  # known to the original or to otopi, nothing here depends on it
    RETIRED = auto()  # the original dropped it
    UNKNOWN = auto()


def standing(key: str, asked: Collection[str]) -> Standing:
    """Tell what `key` is, given the keys of this program's own questions."""
    if key in asked:
        return Standing.USED
    if key in RETIRED:
        return Standing.RETIRED
    if key in ORIGINAL or key in (DIALECT, ACCEPT_DEFAULTS) or BY_QUESTION.fullmatch(key):
        return Standing.WITHOUT_EFFECT
    return Standing.UNKNOWN


def suggest(key: str, asked: Collection[str]) -> str:
    """Give the known key most like `key`, or nothing."""
    known = sorted({*ORIGINAL, *asked})
    folded = {one.casefold(): one for one in known}
    close = difflib.get_close_matches(key.casefold(), folded, n=1, cutoff=0.7)
    return folded[close[0]] if close else ""
