"""Whoever leaves before the confirmation, in whatever way, leaves the host as it was: nothing is lost, nothing changed.

The real program at a real terminal, before a real libvirt and real links. It sees the files of the machine through
overlays of its own, so that whatever it writes outside of `--root` lies in their upper layers.
"""

from __future__ import annotations

import hashlib
import json
import re
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.dialog.tmux import asks, question
from tests.lab.laboratory import Laboratory
from tests.system.installer import PROGRAM, virsh
from tests.system.operators import ASKED_WITHIN, CONFIRM, AskedSite, Reader, replies, terminal, words
from tests.system.world import KEPT

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

OVERLAID: Final = ("etc", "var", "usr", "root", "home", "opt", "srv")
# Host table and resolver are the laboratory's: without a name server nothing waits for one.
START: Final = f"""set -e
for folder in {" ".join(OVERLAID)}
do
    mkdir -p $0/$folder/upper $0/$folder/work
    mount -t overlay -o lowerdir=/$folder,upperdir=$0/$folder/upper,workdir=$0/$folder/work overlay /$folder
done
mount --bind /run/hosts /etc/hosts
mount --bind /run/resolv.conf "$(readlink -f /etc/resolv.conf)"
touch /etc/overlaid
exec "$@"
"""
OVERLAID_IN: Final = "etc/upper/overlaid"  # shows that what is written is seen
LINKS: Final = (
    "link add nic0 type veth peer name wire0",
    "link set nic0 addrgenmode none",  # no address of the kernel's own that comes a little later
    "link set wire0 addrgenmode none",
    "address add 192.0.2.10/24 dev nic0",
    "address add 2001:db8::10/64 dev nic0 nodad",
    "link set nic0 up",
    "link set wire0 up",
    "route add default via 192.0.2.1",
)
LOOKS: Final = (
    "link",
    "address",
    "route show table all",
    "-6 route show table all",
    "rule",
    "neighbour show nud permanent",
)


class Host:
    """A host with links of its own, on which somebody begins to deploy."""

    def __init__(self, site: AskedSite) -> None:
        self.site = site
        self._upper = Path("/run", site.name)
        self._before: dict[str, str] = {}

    def begin(self, name: str, *more: str) -> Reader:
        """Look at everything, then start the wizard."""
        self._before = self._portrait()
        tmux = terminal(self.site, name)
        tmux.start(["unshare", "--mount", "sh", "-c", START, self._upper, *words(self.site, *more)], Path.cwd())
        return Reader(tmux, replies(self.site), barred=True)

    def await_end(self) -> None:
        """Wait until no process of the program is left."""
        deadline = time.monotonic() + ASKED_WITHIN
        while any(str(PROGRAM) in command for command in self.site.lab.processes().values()):
            assert time.monotonic() < deadline, self.site.lab.processes()
            time.sleep(0.1)

    def changes(self) -> dict[str, tuple[str | None, str | None]]:
        """Give what is not as it was before; of a run only its log, its answers and its folder are left out."""
        assert str(self._upper / OVERLAID_IN) in self._written()
        now, then = self._portrait(), self._before
        return {name: (then.get(name), now.get(name)) for name in then | now if then.get(name) != now.get(name)}

    def answers(self) -> str:
        """Give the latest answers that were kept."""
        return max(self.site.root.rglob("answers/answers-*.conf")).read_text()

    def _written(self) -> set[str]:
        """Give the files that the upper layers hold."""
        return set(self.site.lab.run(["find", self._upper, "-path", "*/upper/*"]).stdout.splitlines())

    def _portrait(self) -> dict[str, str]:
        lab = self.site.lab
        found = {look: lab.run(["ip", "-d", "-j", *look.split()], check=True).stdout for look in LOOKS}
        assert all(isinstance(json.loads(text or "[]"), list) for text in found.values())
        for kind, dump in (
            ("list --all", "dumpxml"),
            ("net-list --all", "net-dumpxml"),
            ("pool-list --all", "pool-dumpxml"),
        ):
            names = virsh(lab, *kind.split(), "--name").split()
            found |= {f"{kind} {name}": virsh(lab, dump, name) for name in names} | {kind: " ".join(sorted(names))}
        found["secrets"] = virsh(lab, "secret-list")
        found["mounts"] = lab.run(["cat", "/proc/self/mounts"], check=True).stdout
        found["processes"] = "\n".join(sorted(lab.processes().values()))
        found["written beyond --root"] = "\n".join(self._written() - {str(self._upper / OVERLAID_IN)})
        # libvirt's own settings and state are among the laboratory's files, as are root and storage of the host
        for folder in (self.site.root, self.site.storage, lab.root / "etc", lab.root / "var/lib"):
            found |= {
                str(path): _described(path) for path in folder.rglob("*") if not _may_be_left(path, self.site.root)
            }
        return found


def _may_be_left(path: Path, root: Path) -> bool:
    return path.is_relative_to(root) and KEPT.fullmatch(str(path.relative_to(root))) is not None


def _described(path: Path) -> str:
    status = path.lstat()
    look = f"{stat.filemode(status.st_mode)} {status.st_uid}:{status.st_gid} {status.st_size if path.is_file() else ''}"
    return f"{look} {hashlib.sha256(path.read_bytes()).hexdigest()}" if stat.S_ISREG(status.st_mode) else look


@pytest.fixture(scope="module")
def site(cache: Path) -> Iterator[AskedSite]:
    with Laboratory() as laboratory:
        for line in LINKS:
            laboratory.run(["ip", *line.split()], check=True)
        yield AskedSite.make(laboratory, "left", cache / "engine.ova", cache / "sample.backup")


@pytest.fixture
def host(site: AskedSite) -> Host:
    return Host(site)


def _hang_up(reader: Reader) -> None:
    reader.tmux.call("kill-server")


WAYS: Final[dict[str, Callable[[Reader], None]]] = {
    "Ctrl-C": lambda reader: reader.tmux.type("", "C-c"),
    "Ctrl-D": lambda reader: reader.tmux.type("", "C-d"),
    "no": lambda reader: reader.tmux.type("no", "Enter"),
    "hang-up": _hang_up,
}


@pytest.mark.parametrize("way", WAYS)
def test_whoever_leaves_at_the_confirmation_leaves_the_host_as_it_was(host: Host, way: str) -> None:
    options = (f"--config-append={host.site.config}", f"--secrets-file={host.site.secrets}")
    host.site.config.write_text(host.site.config.read_text().replace("OVEHOSTED_CORE/confirmSettings=bool:True\n", ""))
    reader = host.begin(way, *options)
    assert question(reader.answer_all()).startswith(CONFIRM)
    WAYS[way](reader)
    if way != "hang-up":
        assert reader.tmux.exit_code() == 130
        assert "Go on where it was left:" in reader.tmux.record()
        reader.tmux.end()
    host.await_end()
    assert host.changes() == {}


def test_all_that_an_operator_may_do_before_the_confirmation_changes_nothing(host: Host) -> None:
    """Wrong answers, help, back, another size of the terminal, an answer changed in the preview; then Ctrl-D."""
    reader = host.begin("all")
    reader.first()
    reader.tmux.type("tape", "Enter")
    reader.tmux.wait_for(lambda screen: "[ ERROR ] 'tape' is not one of" in screen and asks(screen), ASKED_WITHIN)
    reader.tmux.type("", "C-u")
    reader.tmux.type("?", "Enter")
    reader.tmux.wait_for(lambda screen: "In an answer file its key is" in screen and asks(screen), ASKED_WITHIN)
    reader.reply("")
    reader.reply(str(host.site.storage))
    reader.reply("back")
    reader.tmux.resize(100, 30)
    reader.reply(str(host.site.storage))
    reader.answer_all()
    row = re.search(r"^ +(\d+)  Number of virtual CPUs", reader.tmux.record(), re.MULTILINE)
    assert row
    reader.tmux.resize(80, 24)
    reader.reply(row[1])
    reader.reply("1")
    assert question(reader.answer_all()).startswith(CONFIRM)
    reader.tmux.type("", "C-d")
    assert reader.tmux.exit_code() == 130
    reader.tmux.end()
    host.await_end()
    assert host.changes() == {}
    assert "OVEHOSTED_VM/vmVCpus=int:1\n" in host.answers()
    assert f"OVEHOSTED_STORAGE/storageDomainConnection=str:{host.site.storage}\n" in host.answers()
