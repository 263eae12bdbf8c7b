"""Security policies of the engine VM: an OpenSCAP profile and FIPS mode, where the appliance can be told to.

The questions and what follows from them are the original's: the stig profile brings FIPS mode with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from hosted_plugins.image import OpenedAppliance
from hosted_setup.model.question import ask, section

OPENSCAP: Final = "openscap"  # the appliance's words for what is in it
FIPS: Final = "fips"


class Profile(Enum):
    """The OpenSCAP profiles that the original knows."""

    STIG = "stig"
    PCI_DSS = "pci-dss"


def _has_openscap(opened: OpenedAppliance) -> bool:
    return opened.has(OPENSCAP)


@section("Engine VM")
class OpenScapAnswers:
    """Whether a profile is applied."""

    apply: bool = ask(
        "Apply an OpenSCAP security profile to the engine VM", key="OVEHOSTED_VM/applyOpenScapProfile", default=False,
        when=_has_openscap, help="It is remediated before engine-setup runs, and takes a reboot of the engine VM.",
    )  # fmt: skip


def _applied(scap: OpenScapAnswers) -> bool:
    return scap.apply


@section("Engine VM")
class ProfileAnswers:
    """Which profile is applied."""

    profile: Profile = ask(
        "OpenSCAP profile", key="OVEHOSTED_VM/OpenScapProfileName", default=Profile.STIG, when=_applied,
        help="stig: DISA's guide, which turns FIPS mode on; pci-dss: the payment card industry's standard.",
    )  # fmt: skip


def _is_open(scap: OpenScapAnswers, chosen: ProfileAnswers, opened: OpenedAppliance) -> bool:
    return opened.has(FIPS) and not (scap.apply and chosen.profile is Profile.STIG)


@section("Engine VM")
class FipsAnswers:
    """Whether the engine VM runs in FIPS mode."""

    fips: bool = ask(
        "Turn FIPS mode on in the engine VM", key="OVEHOSTED_VM/enableFips", default=False, when=_is_open,
        help="Only cryptography of FIPS 140 is allowed then; it takes a reboot of the engine VM.",
    )  # fmt: skip


@dataclass(frozen=True)
class Hardened:
    """The engine VM follows the policies that were chosen, if any; `seen` lines of the channel have been shown."""

    seen: int


def told(scap: OpenScapAnswers, chosen: ProfileAnswers, fips: FipsAnswers) -> dict[str, object] | None:
    """Give what the guest is told of it; None for nothing."""
    if not scap.apply and not fips.fips:
        return None
    required = fips.fips or (scap.apply and chosen.profile is Profile.STIG)
    return {"profile": chosen.profile.value if scap.apply else None, "turn_on_fips": fips.fips, "fips": required}
