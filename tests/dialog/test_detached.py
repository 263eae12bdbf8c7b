"""Long, since every end of a terminal and of a process is here: it is closed, another looks on; nothing is lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pexpect
import pytest

from hosted_setup.interview import dialect
from hosted_setup.model.messages import TOLD
from hosted_setup.pipeline.event_file import EVENTS, worker_of
from hosted_setup.pipeline.journal import End, Intent, read_journal
from hosted_setup.testing.portrait import changes, portrait
from hosted_setup.testing.world import World
from tests.flow.program import ADMIN, ROOT, Inputs

if TYPE_CHECKING:
    from collections.abc import Iterator

TREE: Final = Path(__file__).resolve().parents[2]
ENVIRONMENT: Final = {"PATH": os.environ["PATH"], "TERM": "xterm", "LANG": "C.UTF-8", "NO_COLOR": "1"} | {
    name: os.environ[name] for name in ("PYTHONPATH", TOLD) if name in os.environ
}
WITHIN: Final = 60.0


class Site:
    """A pretended host with terminals."""

    def __init__(self, folder: Path) -> None:
        self.world = World.make(folder / "world")
        self.inputs = Inputs.make(folder / "inputs")
        self.hold = folder / "hold"
        self.terminals: list[pexpect.spawn[str]] = []
        self.inputs.answers.write_text(
            "[environment:default]\n"
            f"OVEHOSTED_STORAGE/storageDomainConnection=str:{self.world.storage}\n"
            f"OVEHOSTED_VM/ovfArchive=str:{self.inputs.appliance}\n"
            "OVEHOSTED_NETWORK/fqdn=str:engine.example.com\n"
        )

    def command(self, *arguments: str) -> list[str]:
        return ["-m", "tests.dialog.deploy_program", str(self.world.root), *arguments]

    def terminal(self, *arguments: str, **environment: str) -> pexpect.spawn[str]:
        """Call the program in a terminal of its own."""
        child: pexpect.spawn[str] = pexpect.spawn(
            sys.executable, self.command(*arguments), cwd=str(TREE), env=ENVIRONMENT | environment, encoding="utf-8",
            dimensions=(24, 200), timeout=WITHIN, ignore_sighup=False,
        )  # fmt: skip
        self.terminals.append(child)
        return child

    def deploy(self, *arguments: str, **environment: str) -> pexpect.spawn[str]:
        """Deploy in a terminal, with all answers in files."""
        given = (f"--config-append={self.inputs.answers}", f"--secrets-file={self.inputs.secrets}")
        return self.terminal("deploy", "--dialect=replay", *given, *arguments, **environment)

    def script(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Call the program as a script does, with no terminal."""
        return subprocess.run(
            [sys.executable, *self.command(*arguments)], cwd=TREE, env=ENVIRONMENT, stdin=subprocess.DEVNULL,
            text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=WITHIN, check=False,
        )  # fmt: skip

    def file(self, name: str) -> Path:
        (found,) = self.world.paths.runs.glob(f"*/{name}")
        return found

    def worker(self) -> int | None:
        files = list(self.world.paths.runs.glob(f"*/{EVENTS}"))
        return worker_of(files[0]) if files else None

    def wait_for_worker(self) -> int:
        """Wait until another process works on the run."""
        deadline = time.monotonic() + WITHIN
        while (worker := self.worker()) is None:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        return worker

    def wait_for_change(self) -> int:
        """Wait until another process has made the first change; give it."""
        worker = self.wait_for_worker()
        deadline = time.monotonic() + WITHIN
        while not any(isinstance(one, Intent) for one in read_journal(self.file("journal.jsonl"))):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        return worker

    def go_on(self) -> None:
        self.hold.unlink()

    def ended(self) -> str:
        """Give how the journal says that the run ended."""
        *_, last = read_journal(self.file("journal.jsonl"))
        assert isinstance(last, End), last
        return last.outcome


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    site.hold.touch()
    yield site
    site.hold.unlink(missing_ok=True)
    for child in site.terminals:
        child.close(force=True)
    if (worker := site.worker()) is not None:
        os.kill(worker, signal.SIGKILL)


def end(child: pexpect.spawn[str]) -> tuple[int | None, str]:
    """Wait for the program's end; give exit code and the rest of what it showed."""
    child.expect(pexpect.EOF)
    child.close()
    assert isinstance(child.before, str)
    return child.exitstatus, child.before


def hang_up(child: pexpect.spawn[str]) -> None:
    """Take the terminal away; the program that looked on ends."""
    vars(child)["ptyproc"].fileobj.close()
    deadline = time.monotonic() + WITHIN
    while child.isalive():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_closed_terminal_ends_the_view_and_not_the_run(site: Site) -> None:
    child = site.deploy(f"--restore-from-file={site.inputs.archive}")
    worker = site.wait_for_worker()
    assert worker != child.pid
    assert os.getsid(worker) == worker
    assert {Path(f"/proc/{worker}/fd/{number}").readlink() for number in (1, 2)} == {site.file("output.log")}
    assert Path(f"/proc/{worker}/fd/0").readlink() == Path(os.devnull)
    hang_up(child)
    assert site.worker() == worker
    status = site.script("run", "status")
    assert f"process {worker}" in status.stdout
    assert f"hosted-engine deploy --attach --root={site.world.paths.root}" in status.stdout
    assert "HE-RUN-LOCKED" in site.script("deploy", "--resume").stdout
    site.go_on()
    followed = site.script("deploy", "--follow")
    assert followed.returncode == 0, followed.stdout
    assert "Stage: Transaction setup" in followed.stdout
    assert "Stage: Termination" in followed.stdout
    assert "\x1b" not in followed.stdout
    assert "\r" not in followed.stdout
    assert site.ended() == "done"
    assert site.file("output.log").read_text() == ""
    assert site.file(EVENTS).stat().st_mode & 0o777 == 0o600
    for secret in (ADMIN, ROOT):
        assert secret not in site.file(EVENTS).read_text()


def test_another_terminal_sees_it_from_its_beginning(site: Site) -> None:
    first = site.deploy()
    site.wait_for_worker()
    second, third = site.terminal("deploy", "--attach"), site.terminal("deploy", "--follow")
    for child in (second, third):
        child.expect_exact("Stage: Transaction setup")
    site.go_on()
    shown = [end(child) for child in (first, second, third)]
    assert [code for code, _ in shown] == [0, 0, 0]
    assert all("Stage: Termination" in text for _, text in shown)
    assert "\rCreate" not in shown[2][1]
    again, text = end(site.terminal("deploy", "--attach"))
    assert again == 0
    assert "Stage: Transaction setup" in text


def test_ctrl_c_means_what_it_did(site: Site) -> None:
    child = site.deploy()
    site.wait_for_change()
    child.sendintr()
    code, text = end(child)
    assert code == 130, text
    assert text.count("Interrupted by the operator.") == 1
    assert "hosted-engine deploy --resume" in text
    assert site.worker() is None
    site.go_on()
    code, text = end(site.terminal("deploy", "--resume", "--dialect=replay"))
    assert code == 0, text


def test_ctrl_c_while_the_work_is_handed_over_reaches_it(site: Site) -> None:
    code, text = end(site.deploy(SIGNAL_AT_ONCE=str(int(signal.SIGINT))))
    assert code == 130, text
    assert text.count("Interrupted by the operator.") == 1
    assert site.worker() is None


def test_a_terminal_closed_while_the_work_is_handed_over_does_not_end_it(site: Site) -> None:
    code, text = end(site.deploy(SIGNAL_AT_ONCE=str(int(signal.SIGHUP))))
    assert code == 130, text
    assert "Interrupted" not in text
    site.go_on()
    assert site.script("deploy", "--follow").returncode == 0
    assert site.ended() == "done"


def test_a_terminal_closed_before_the_work_is_handed_over_does_not_end_it(site: Site) -> None:
    code, text = end(site.deploy(SIGNAL_BEFORE=str(int(signal.SIGHUP))))
    assert code == 130, text
    assert "Interrupted" not in text
    site.go_on()
    assert site.script("deploy", "--follow").returncode == 0
    assert site.ended() == "done"


def test_a_run_interrupted_before_the_work_is_handed_over_has_nothing_to_show(site: Site) -> None:
    code, text = end(site.deploy(SIGNAL_BEFORE=str(int(signal.SIGINT))))
    assert code == 130, text
    assert text.count("Interrupted by the operator.") == 1
    attached = site.script("deploy", "--attach")
    assert (attached.returncode, "HE-RUN-UNSEEN" in attached.stdout) == (2, True)
    assert "has ended (interrupted)" in attached.stdout


def test_the_end_that_counts_is_that_of_the_resume(site: Site) -> None:
    site.go_on()
    site.world.behaviour.health = "DB Down!"
    site.world.save()
    code, text = end(site.deploy("--timeout-factor=0.1"))
    assert code == 4, text
    assert "hosted-engine deploy --resume" in text
    site.world.behaviour.health = World.make(site.world.root.with_name("other")).behaviour.health
    site.world.save()
    child = site.terminal("deploy", "--resume", "--dialect=replay")
    code, text = end(child)
    assert code == 0, text
    code, text = end(site.terminal("deploy", "--attach"))
    assert code == 0, text
    assert "HE-" in text


def test_a_killed_worker_is_told_with_the_ways_on(site: Site) -> None:
    child = site.deploy()
    os.kill(site.wait_for_change(), signal.SIGKILL)
    code, text = end(child)
    assert code == 4, text
    assert "HE-RUN-LOST" in text
    assert "hosted-engine deploy --resume" in text
    assert "hosted-engine deploy --abort" in text
    attached = site.script("deploy", "--attach")
    assert (attached.returncode, "HE-RUN-LOST" in attached.stdout) == (4, True)
    site.go_on()
    code, text = end(site.terminal("deploy", "--resume", "--dialect=replay"))
    assert code == 0, text


def test_a_terminal_closed_before_the_confirmation_changes_nothing(site: Site) -> None:
    before = portrait(site.world)
    child = site.terminal(
        "deploy", "--dialect=plain", f"--config-append={site.inputs.answers}", f"--secrets-file={site.inputs.secrets}"
    )
    child.expect_exact("[localfs]: ")
    hang_up(child)
    assert changes(before, portrait(site.world)) == {}
    assert site.script("run", "status").returncode == 0
    assert "HE-RUN-UNSEEN" in site.script("deploy", "--attach").stdout
    assert site.script("deploy", "--follow").returncode == 2


def test_a_run_that_cannot_leave_its_terminal_says_so(site: Site) -> None:
    site.go_on()
    code, text = end(site.deploy(THREAD_HANGS="1"))
    assert code == 0, text
    assert "[WARNING] A look at this host still hangs, so the run stays in this terminal" in text
    assert "hosted-engine deploy --resume" in text
    assert "stays in this terminal" not in end(site.terminal("cleanup", "--yes"))[1]


@pytest.mark.parametrize("dialect", ["tui", "plain"])
def test_a_cleanup_asks_as_a_deploy_does(site: Site, dialect: str) -> None:
    site.go_on()
    assert end(site.deploy())[0] == 0
    child = site.terminal("cleanup", f"--dialect={dialect}")
    child.expect_exact("for good. Are you sure? (Yes, No)[No]")
    child.send("\r")
    assert end(child)[0] == 130
    child = site.terminal("cleanup", f"--dialect={dialect}")
    child.expect_exact("Are you sure?")
    assert child.getecho() is (dialect == "plain")
    child.send("yes\r")
    code, text = end(child)
    assert (code, "Everything this run had changed on this host is undone." in text) == (0, True)


def test_a_program_follows_too(site: Site) -> None:
    site.go_on()
    assert end(site.deploy())[0] == 0
    followed = site.script("deploy", "--follow", "--dialect=machine")
    told = [dialect.decode(line.encode()) for line in followed.stdout.splitlines()]
    assert json.loads(followed.stdout.splitlines()[-1]) == {"type": "end", "v": 1, "code": 0}
    assert len(told) > 10


def test_over_ssh_one_line_says_that_the_run_goes_on(site: Site) -> None:
    site.go_on()
    code, text = end(site.deploy(SSH_CONNECTION="192.0.2.1 50000 192.0.2.2 22"))
    assert code == 0
    assert text.count("The run goes on if this connection breaks. See it again:  hosted-engine deploy --attach") == 1
