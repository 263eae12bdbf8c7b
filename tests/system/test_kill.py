"""kill -9 of the installer on real libvirt, then `--abort` or `--resume`: nothing is left, or nothing is missing."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import libvirt
import pytest

from tests.system.installer import Site, virsh
from tests.system.world import disk_info, end_state, inventory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.lab.laboratory import Laboratory
    from tests.system.conftest import Deployed
    from tests.system.installer import Installer

    Make = Callable[[str], Site]

pytestmark = [pytest.mark.system, pytest.mark.timeout(1800)]

RESUME, ABORT = "hosted-engine deploy --resume", "hosted-engine deploy --abort"
RESTORING, SETTING_UP = "|- Preparing to restore", "Running engine-setup on the appliance"


@pytest.fixture
def make(place: Laboratory, cache: Path) -> Iterator[Make]:
    """Make sites; whatever is left of them at the end of a test goes."""
    made: list[Site] = []

    def site(name: str) -> Site:
        made.append(Site.make(place, name, cache / "engine.ova", cache / "sample.backup"))
        return made[-1]

    yield site
    for one in made:
        remove(place, one.vm_name, one.network_name)


def remove(lab: Laboratory, domain: str, network: str) -> None:
    """Remove a domain and a network, if they are there."""
    for words in (
        ("destroy", domain),
        ("undefine", "--nvram", domain),
        ("net-destroy", network),
        ("net-undefine", network),
    ):
        lab.run(["virsh", "--connect", lab.uri, *words])


def committed(site: Site) -> bool:
    """Tell whether the journal says that the run has passed its commit point."""
    journals = site.root.glob("var/lib/ovirt-hosted-engine-setup/runs/*/journal.jsonl")
    return any('"committed"' in journal.read_text() for journal in journals)


def pulling(site: Site) -> bool:
    """Tell whether the VM runs and its disk is still being pulled over."""
    with site.lab.libvirt() as connection:
        try:
            return any(
                domain.name() == site.vm_name and domain.isActive() and domain.blockJobInfo("vda", 0)
                for domain in connection.listAllDomains()
            )
        except libvirt.libvirtError:
            return False  # it is being started


def killed(site: Site, when: str | Callable[[], bool]) -> Installer:
    """Start a deploy and kill it then."""
    installer = site.start(*site.deploy_words())
    installer.until(when, every=0.02 if isinstance(when, str) else 0.001)  # what is done last is done fast
    assert installer.kill() == -signal.SIGKILL
    return installer


def assert_refused(site: Site) -> None:
    """A second run refuses, naming both commands, and changes nothing."""
    before = inventory(site.lab, site.root, site.storage)
    again = site.run(*site.deploy_words())
    assert again.code == 4, again.text
    assert "HE-RUN-UNFINISHED" in again.text
    assert RESUME in again.text
    assert ABORT in again.text
    assert inventory(site.lab, site.root, site.storage) == before


def assert_taken_back(site: Site, before: dict[str, list[str]]) -> None:
    """`--abort` leaves what was there before."""
    aborted = site.run("--deploy", "--abort")
    assert aborted.code == 0, aborted.text
    assert inventory(site.lab, site.root, site.storage) == before, aborted.text


def assert_as_undisturbed(site: Site, deployed: Deployed) -> None:
    """`--resume` ends as a run that nobody disturbed."""
    resumed = site.run("--deploy", "--resume", within=900)
    assert resumed.code == 0, resumed.text
    assert end_state(site) == end_state(deployed.site)
    disk = next(path for path in (site.domain_folder / "images").glob("*/*") if path.suffix == "")
    assert "backing-filename" not in disk_info(site.lab, disk)


def test_killed_while_the_disk_is_imported_it_is_taken_back(make: Make) -> None:
    site = make("ka")
    before = inventory(site.lab, site.root, site.storage)
    installer = killed(site, lambda: pulling(site))
    assert "Start the engine VM" in installer.text
    now = inventory(site.lab, site.root, site.storage)
    assert site.vm_name in now["domains"]
    assert any(name.split()[0].endswith(".importing") for name in now[str(site.storage)])
    assert_refused(site)
    assert_taken_back(site, before)


def test_killed_while_it_restores_it_goes_on(make: Make, deployed: Deployed) -> None:
    site = make("kb")
    killed(site, RESTORING)
    assert_refused(site)
    assert_as_undisturbed(site, deployed)


@pytest.mark.long
def test_killed_after_the_network_it_is_taken_back_and_leaves_what_is_others(make: Make) -> None:
    site = make("kc")
    foreign(site)
    try:
        before = inventory(site.lab, site.root, site.storage)
        killed(site, lambda: site.network_name in virsh(site.lab, "net-list", "--name"))
        assert_taken_back(site, before)
        assert "foreign" in before["domains"]
        assert "foreign" in before["networks"]
    finally:
        remove(site.lab, "foreign", "foreign")


def leads_to(entry: str, other: str) -> bool:
    """Tell whether a file of an inventory is another, or the folder it is in: that has to stay with it."""
    path, theirs = entry.split(maxsplit=1)[0], other.split(maxsplit=1)[0]
    return path == theirs or theirs.startswith(f"{path}/")


@pytest.mark.long
def test_killed_while_it_sets_up_it_is_taken_back_and_leaves_what_is_others(make: Make) -> None:
    site = make("kd")
    try:
        before = inventory(site.lab, site.root, site.storage)
        killed(site, SETTING_UP)
        ours = inventory(site.lab, site.root, site.storage)
        foreign(site)
        both = inventory(site.lab, site.root, site.storage)
        theirs = {kind: [one for one in what if one not in ours[kind]] for kind, what in both.items()}
        folders = [
            one for one in both[str(site.storage)] if any(leads_to(one, their) for their in theirs[str(site.storage)])
        ]
        theirs[str(site.storage)] = folders
        expected = {kind: sorted(what + theirs[kind]) for kind, what in before.items()}
        assert_taken_back(site, expected)
    finally:
        remove(site.lab, "foreign", "foreign")


@pytest.mark.long
def test_killed_while_it_sets_up_it_goes_on(make: Make, deployed: Deployed) -> None:
    site = make("ke")
    killed(site, SETTING_UP)
    assert_as_undisturbed(site, deployed)


@pytest.mark.long
def test_killed_after_the_commit_it_goes_forward_only(make: Make, deployed: Deployed) -> None:
    site = make("kf")
    killed(site, lambda: committed(site))
    again = site.run(*site.deploy_words())
    assert again.code == 4, again.text
    assert RESUME in again.text
    assert ABORT not in again.text  # there is no way back any more
    refused = site.run("--deploy", "--abort")
    assert refused.code == 4, refused.text
    assert "HE-RUN-COMMITTED" in refused.text
    assert_as_undisturbed(site, deployed)


@pytest.mark.long
def test_killed_again_and_again_it_goes_on(make: Make, deployed: Deployed) -> None:
    site = make("kg")
    killed(site, lambda: pulling(site))
    for when in (RESTORING, SETTING_UP):
        installer = site.start("--deploy", "--resume")
        installer.until(when)
        installer.kill()
    assert_as_undisturbed(site, deployed)


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_while_it_restores_it_takes_itself_back(make: Make, number: signal.Signals) -> None:
    site = make(f"ki{number.value}")
    before = inventory(site.lab, site.root, site.storage)
    installer = site.start(*site.deploy_words(), "--on-failure=abort")
    installer.until(RESTORING)
    assert installer.kill(number) == 130, installer.text
    assert inventory(site.lab, site.root, site.storage) == before, installer.text


@pytest.mark.long
def test_interrupted_it_keeps_what_it_did_and_goes_on(make: Make, deployed: Deployed) -> None:
    site = make("kj")
    installer = site.start(*site.deploy_words())
    installer.until(RESTORING)
    assert installer.kill(signal.SIGINT) == 130, installer.text
    assert RESUME in installer.text
    assert ABORT in installer.text
    assert_as_undisturbed(site, deployed)


def foreign(site: Site) -> None:
    """Put somebody else's domain, network, files and mount where an undo might hit."""
    disk = site.storage / "foreign.qcow2"
    site.lab.run(["qemu-img", "create", "-q", "-f", "qcow2", disk, "1M"], check=True)
    (site.storage / ".foreign").mkdir()
    (site.storage / ".foreign/file").write_text("theirs\n")
    for folder in [path for path in site.storage.iterdir() if path.is_dir() and path.name[0] != "."]:
        (folder / "images/foreign").mkdir()
        (folder / "images/foreign/theirs").write_text("theirs\n")
    domain = site.folder / "foreign.xml"
    domain.write_text(
        "<domain type='qemu'><name>foreign</name><memory unit='MiB'>64</memory><os><type arch='x86_64'>hvm</type></os>"
        f"<devices><disk type='file'><driver name='qemu' type='qcow2'/><source file='{disk}'/>"
        "<target dev='vda' bus='virtio'/></disk></devices></domain>"
    )
    network = site.folder / "foreign-net.xml"
    network.write_text("<network><name>foreign</name><bridge name='foreign0'/></network>")
    virsh(site.lab, "define", str(domain))
    virsh(site.lab, "start", "foreign")
    virsh(site.lab, "net-define", str(network))
    virsh(site.lab, "net-start", "foreign")
