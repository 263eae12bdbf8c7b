"""What a contract test works on: an adapter, fake or real, and a folder its domains can use."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from uuid import uuid4

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hosted_setup.ports.hypervisor import Hypervisor

RUN: Final = "20260102030405-abcdef"
MARK: Final = f"<metadata><he:run xmlns:he='https://ovirt.example/hosted-engine-setup/1'>{RUN}</he:run></metadata>"


@dataclass(frozen=True)
class Bench:
    """One kind of hypervisor."""

    kind: str
    hypervisor: Hypervisor
    folder: Path

    def domain(self, devices: str = "", name: str = "", uuid: str = "", mark: str = MARK) -> Made:
        """Give the XML of a small domain that needs nothing but what `devices` says."""
        made = Made(uuid or str(uuid4()), name or f"contract-{uuid4().hex[:8]}")
        return Made(made.uuid, made.name, _DOMAIN.format(made=made, mark=mark, devices=devices))

    def network(self, subnet: int, name: str = "", uuid: str = "", mark: str = MARK) -> Made:
        """Give the XML of a NAT network 10.201.`subnet`.0/24."""
        made = Made(uuid or str(uuid4()), name or f"net-{uuid4().hex[:8]}")
        return Made(made.uuid, made.name, _NETWORK.format(made=made, mark=mark, subnet=subnet))


@dataclass(frozen=True)
class Made:
    """A domain or network for a test."""

    uuid: str
    name: str
    xml: str = ""


def eventually(probe: Callable[[], bool], within: float = 20.0) -> None:
    """Assert that `probe` becomes true."""
    deadline = time.monotonic() + within
    while not probe():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


_DOMAIN: Final = """\
<domain type='qemu'>
  <name>{made.name}</name>
  <uuid>{made.uuid}</uuid>
  {mark}
  <memory unit='MiB'>16</memory>
  <vcpu>1</vcpu>
  <os><type arch='x86_64' machine='q35'>hvm</type></os>
  <features><acpi/></features>
  <devices>
    <controller type='usb' model='none'/>
    <controller type='scsi' model='virtio-scsi'/>
    {devices}
    <memballoon model='none'/>
  </devices>
</domain>
"""
_NETWORK: Final = """\
<network>
  <name>{made.name}</name>
  <uuid>{made.uuid}</uuid>
  {mark}
  <forward mode='nat'/>
  <bridge stp='on' delay='0'/>
  <ip address='10.201.{subnet}.1' prefix='24'>
    <dhcp><range start='10.201.{subnet}.2' end='10.201.{subnet}.2'/></dhcp>
  </ip>
</network>
"""
