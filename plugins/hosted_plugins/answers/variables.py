"""The variables of oVirt's Ansible role `hosted_engine_setup`, and the answer each one stands for.

Sources: `README.md` and `defaults/main.yml` of the role (ovirt.ovirt collection) for the names; for what stands for
what, the code of ovirt-hosted-engine-setup 2.7 that hands its answers to the role (`gr-he-ansiblesetup`). The key of
our own, and those which that code leaves out, mean the same by their description.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hosted_setup.interview.answer_file import Kind

# One line an answer: the kind of its value, its key without OVEHOSTED_, the variable.
_ONE_FOR_ONE: Final = """
    str  NETWORK/fqdn                    he_fqdn
    str  NETWORK/host_name               he_host_address
    str  NETWORK/bridgeIf                he_bridge_if
    str  NETWORK/bridgeName              he_mgmt_network
    str  NETWORK/gateway                 he_gateway
    bool NETWORK/forceIPv4               he_force_ip4
    bool NETWORK/forceIPv6               he_force_ip6
    str  NETWORK/network_test            he_network_test
    str  NETWORK/network_test_tcp_address he_tcp_t_address
    str  NETWORK/network_test_tcp_port   he_tcp_t_port
    str  VM/ovfArchive                   he_appliance_ova
    int  VM/vmMemSizeMB                  he_mem_size_MB
    int  VM/vmVCpus                      he_vcpus
    str  VM/vmMACAddr                    he_vm_mac_addr
    str  VM/vmUUID                       he_vm_uuid
    str  VM/nicUUID                      he_nic_uuid
    str  VM/cdromUUID                    he_cdrom_uuid
    str  VM/vmCDRom                      he_cdrom
    str  VM/emulatedMachine              he_emulated_machine
    str  VM/cloudinitInstanceDomainName  he_cloud_init_domain_name
    str  VM/cloudinitInstanceHostName    he_cloud_init_host_name
    str  VM/cloudinitRootPwd             he_appliance_password
    str  VM/cloudinitVMTZ                he_time_zone
    bool VM/cloudinitVMETCHOSTS          he_vm_etc_hosts
    str  VM/rootSshPubkey                he_root_ssh_pubkey
    str  VM/rootSshAccess                he_root_ssh_access
    bool VM/applyOpenScapProfile         he_apply_openscap_profile
    str  VM/OpenScapProfileName          he_openscap_profile_name
    bool VM/enableFips                   he_enable_fips
    str  VDSM/consoleType                he_console_type
    str  VDSM/cpu                        he_cluster_cpu_type
    str  ENGINE/adminPassword            he_admin_password
    str  ENGINE/adminUsername            he_admin_username
    str  ENGINE/appHostName              he_host_name
    str  ENGINE/datacenterName           he_data_center
    str  ENGINE/clusterName              he_cluster
    bool ENGINE/enableLibgfapi           he_enable_libgfapi
    bool ENGINE/enableHcGlusterService   he_enable_hc_gluster_service
    bool CORE/enableKeycloak             he_enable_keycloak
    bool CORE/checkRequirements          he_requirements_check_enabled
    bool CORE/memCheckRequirements       he_memory_requirements_check_enabled
    str  CORE/restoreFromFile            he_restore_from_file
    bool CORE/renewPKIonRestore          he_pki_renew_on_restore
    bool CORE/pauseonRestore             he_pause_host
    str  STORAGE/domainType              he_domain_type
    str  STORAGE/storageDomainName       he_storage_domain_name
    str  STORAGE/mntOptions              he_mount_options
    str  STORAGE/nfsVersion              he_nfs_version
    int  STORAGE/imgSizeGB               he_disk_size_GB
    bool STORAGE/discardSupport          he_discard
    str  STORAGE/LunID                   he_lun_id
    str  STORAGE/iSCSITargetName         he_iscsi_target
    str  STORAGE/iSCSIPortal             he_iscsi_tpgt
    str  STORAGE/iSCSIPortalIPAddress    he_iscsi_portal_addr
    str  STORAGE/iSCSIPortalPort         he_iscsi_portal_port
    str  STORAGE/iSCSIPortalUser         he_iscsi_username
    str  STORAGE/iSCSIPortalPassword     he_iscsi_password
    str  STORAGE/iSCSIDiscoverUser       he_iscsi_discover_username
    str  STORAGE/iSCSIDiscoverPassword   he_iscsi_discover_password
    str  NOTIF/smtpServer                he_smtp_server
    str  NOTIF/smtpPort                  he_smtp_port
    str  NOTIF/sourceEmail               he_source_email
    str  NOTIF/destEmail                 he_dest_email
"""

# Known to the role, without an answer that says the same.
_WITHOUT_ANSWER: Final = """
    he_additional_package_list he_ansible_host_name he_appliance_package he_appliance_type he_avail_memory_grace_MB
    he_cluster_comp_version he_cmd_lang he_data_center_comp_version he_db_password he_debug_mode he_default_gateway_4
    he_default_gateway_6 he_dwh_db_password he_graphic_device he_host_ip he_ipv4_subnet_prefix he_ipv6_subnet_prefix
    he_just_collect_network_interfaces he_libvirt_authfile he_local_vm_dir he_local_vm_dir_path he_local_vm_dir_prefix
    he_maxvcpus he_minimal_disk_size_GB he_minimal_mem_size_MB he_offline_deployment he_pause_after_failed_add_host
    he_pause_after_failed_restore he_pause_before_engine_setup he_remove_appliance_rpm he_reserved_memory_MB
    he_storage_if he_use_uefi he_video_device he_vm_boot_flags he_vm_efi_boot_flags he_webui_forward_port
"""


@dataclass(frozen=True)
class Row:
    """An answer and the variables that say the same: one, or two whose texts are joined by `separator`.

    A single variable with a separator is a list.
    """

    key: str
    kind: Kind
    variables: tuple[str, ...]
    separator: str = ""


def _one_for_one(line: str) -> Row:
    kind, key, variable = line.split()
    return Row(f"OVEHOSTED_{key}", Kind(kind), (variable,))


ROWS: Final = (
    *(_one_for_one(line) for line in _ONE_FOR_ONE.strip().splitlines()),
    Row("HOSTED_ENGINE/vmName", Kind.STR, ("he_vm_name",)),
    Row(
        "OVEHOSTED_STORAGE/storageDomainConnection", Kind.STR, ("he_storage_domain_addr", "he_storage_domain_path"), ":"
    ),
    Row("OVEHOSTED_VM/cloudinitVMStaticCIDR", Kind.STR, ("he_vm_ip_addr", "he_vm_ip_prefix"), "/"),
    Row("OVEHOSTED_VM/cloudinitVMDNS", Kind.STR, ("he_dns_addr",), ","),
)
OTHER_NAMES: Final = {"he_appliance": "he_appliance_ova"}
"""Variables that say the same as another one, which is preferred."""
WITHOUT_ANSWER: Final = frozenset(_WITHOUT_ANSWER.split())
SECRET_WITHOUT_ANSWER: Final = frozenset({"he_db_password", "he_dwh_db_password"})
KNOWN: Final = frozenset({*(name for row in ROWS for name in row.variables), *OTHER_NAMES, *WITHOUT_ANSWER})
