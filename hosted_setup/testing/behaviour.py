"""How a pretended world behaves: change it before the run, to see things fail."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

HELLO: Final = (
    'HE_GUEST {"address": "192.0.2.77", "event": "hello", "host_keys": ["{host_key}"], "protocol": 1, '
    '"token": "{token}"}'
)
READY: Final = 'HE_GUEST {"ca": {ca}, "event": "ready"}'
HOST_KEY: Final = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ3h5MGIrlz9pPFpGlHFqpCtVs5jmRnN7QBbNKvNGcJv"
CA: Final = """\
-----BEGIN CERTIFICATE-----
MIIB4zCCAYmgAwIBAgIUC/kPWqZmb7w21E2JZHMSCRuUF78wCgYIKoZIzj0EAwIw
RjELMAkGA1UEBhMCVVMxFDASBgNVBAoMC2V4YW1wbGUuY29tMSEwHwYDVQQDDBhl
bmdpbmUuZXhhbXBsZS5jb20uMTIzNDUwIBcNMjYxMTIxMDIyOTQ5WhgPMjEyNjEw
MjgwMjI5NDlaMEYxCzAJBgNVBAYTAlVTMRQwEgYDVQQKDAtleGFtcGxlLmNvbTEh
MB8GA1UEAwwYZW5naW5lLmV4YW1wbGUuY29tLjEyMzQ1MFkwEwYHKoZIzj0CAQYI
KoZIzj0DAQcDQgAE6dG98Y35LMMr98K+A1mLkBewZEpY8v0miVpf0L1A1lWyAWxi
W7fh6AFLulOtZ5FlQvqFXd4zUypCnUJkoA4C0KNTMFEwHQYDVR0OBBYEFF3GeOFp
O/jyqUg2JjdPoPOegqAbMB8GA1UdIwQYMBaAFF3GeOFpO/jyqUg2JjdPoPOegqAb
MA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIhAIeh4TtRM54uYobi
APv8W7rpO+R1Sys3Gdha73783ODAAiBSx0xRVWo3QX9GwRwtMDRIolEnSoo9KQPj
1YD44heFQw==
-----END CERTIFICATE-----
"""
HEALTH: Final = "DB Up!Welcome to Health Status!"


@dataclass
class GuestScript:
    """What a guest says, phase by phase; `harden` and `restore` only when its seed asks for them.

    A line is said as it is, with `{token}` (the seed's), `{ca}` (as JSON) and `{host_key}` filled in. Two kinds of
    line are deeds: `?WHAT` asks for WHAT and waits until it is told; `!serve` brings the engine up, `!off` powers off,
    `!stall` meets an error of the storage, at which the VM is stopped.
    """

    boot: tuple[str, ...] = (HELLO,)
    harden: tuple[str, ...] = ("|- Rebooting the engine VM", HELLO, "|- HE_APPLIANCE_HARDENING_SUCCESS")
    restore: tuple[str, ...] = (
        "|- Preparing to restore:",
        "|- - Unpacking file",
        "|- Restoring engine database",
        "|- Done.",
        "|- HE_APPLIANCE_ENGINE_RESTORE_SUCCESS",
    )
    setup: tuple[str, ...] = (
        "?admin-password",
        'HE_GUEST {"event": "password-taken"}',
        "|- [ INFO  ] Stage: Initializing",
        "|- [ INFO  ] Execution of setup completed successfully",
        "|- HE_APPLIANCE_ENGINE_SETUP_SUCCESS",
        "!serve",
        READY,
    )
    finish: tuple[str, ...] = ("?finish", 'HE_GUEST {"event": "bye"}')
    delay: float = 0.0
    """Seconds of the world's clock before each line."""


HARDENING_FAILS: Final = (
    "|- fips-mode-setup: No such file or directory",
    "|- [ ERROR ] the security policies could not be applied",
    "|- HE_APPLIANCE_HARDENING_FAIL",
)
RESTORE_FAILS: Final = ("|- FATAL: pg_restore failed", "|- HE_APPLIANCE_ENGINE_RESTORE_FAIL")
SETUP_FAILS: Final = ("|- [ ERROR ] Failed to execute stage", "|- HE_APPLIANCE_ENGINE_SETUP_FAIL")


@dataclass
class Behaviour:
    """Everything about a world that a test may want different."""

    libvirt_down: bool = False
    libvirt_version: int = 9_000_000
    passes_files: bool = True
    proofs: dict[str, float | None] = field(default_factory=lambda: {"qemu": 2.0, "kvm": 0.5})
    """Seconds a proof takes by type of virtualisation; None: mute. A type that is missing is refused."""
    closed: tuple[str, ...] = ()
    """Folders that none but root can go into."""
    pull_steps: int = 2
    pull_fails: bool = False
    lets_go: bool = True
    """Whether the guest lets go of a disk."""
    guest: GuestScript = field(default_factory=GuestScript)
    ca: str = CA
    host_key: str = HOST_KEY
    health: str = HEALTH
    shown_ca: str = ""
    """The CA of the certificate the engine shows, when it is another one than `ca`."""
    refused: list[str] = field(default_factory=list)
    """Collections to which nothing can be added."""
    version: str = "4.5.6-1"
    ssh: bool = True
    free_bytes: int | None = None
    """What the storage's file system has free; None: what the real one has."""
    boot: int = 1
    """How often the host has been started."""
    memory_mib: int = 32768
    cpus: int = 8
    programs: list[str] | None = None
    """The programs there are; None: all."""
    versions: dict[str, tuple[int, ...]] = field(default_factory=lambda: {"qemu-img": (7, 2, 9)})
    """What programs say of themselves."""
    without_kvm: str = ""
    """What is missing for hardware virtualisation."""
    clock_synchronised: bool = True
    chap: dict[str, str] = field(default_factory=dict)
    """The password that an iSCSI target asks for, or discovery (``); one that is missing lets everybody in."""
    mounts: tuple[str, ...] = ()
    """The kinds of file systems that the pretended kernel mounts."""
    initiator: bool = False
    """Whether the pretended kernel logs in to iSCSI targets."""
    refused_portals: tuple[str, ...] = ()
    """Portals at which the pretended kernel does not come in, as `address:port`."""
    silent_portals: tuple[str, ...] = ()
    """Portals that tell of their targets, and let nobody in."""
    portal_groups: dict[str, int] = field(default_factory=dict)
    """The portal groups of portals; one that is missing is in group 1."""
    hidden_luns: dict[int, tuple[int, ...]] = field(default_factory=dict)
    """The numbers of the LUNs that a portal group does not show."""
    processes: tuple[str, ...] = ("systemd", "libvirtd")
    modules: tuple[str, ...] = ("kvm", "kvm_intel")
    dropping: tuple[str, ...] = ()
    """Chains of the packet filter that drop: family, table, name and hook of each."""
    routes: tuple[str, ...] = ("192.0.2.0/24",)
    names: dict[str, tuple[str, ...]] = field(
        default_factory=lambda: {"engine.example.com": ("192.0.2.20",), "host1.example.org": ("192.0.2.10",)}
    )
    reverse: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """The names of addresses that do not lead back."""
    resolver_down: bool = False
    at_fault: dict[str, str] = field(default_factory=dict)
    """What is wrong with a name server, or with a `host:port`."""
    neighbours: tuple[str, ...] = ()
    """Addresses of machines on the wire, beside those that the kernel knows."""
    mute_on: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Gateways that do not answer, by the kind of the link they are asked through; `*`: through any."""
    deaf_managers: tuple[str, ...] = ()
    """Programs that fail to tell whoever runs the network."""
