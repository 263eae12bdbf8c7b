"""The whole wizard, from its first question to a running engine, in every dialect, on real VMs.

The same answers are given at a terminal, in the wizard and in plain lines, by a program, and by the file that the
wizard wrote; all four leave the same answer file, to the byte: none tells when or by whom it was written, and the one
value that each run would make up, the MAC address, is typed. `--regenerate` writes the screens anew.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from tests.golden.plugin import Golden
from tests.lab.laboratory import Laboratory
from tests.system.guest import GOOD, Guest
from tests.system.installer import CANARIES, FQDN
from tests.system.operators import WORK_WITHIN, AskedSite, Client, Reader, replies, terminal, words

pytestmark = [pytest.mark.system, pytest.mark.timeout(1800)]

DIALECTS: Final = ("tui", "plain", "machine", "replay")
BOOTS: Final = "Wait for the engine VM to boot"
AT_WORK: Final = "aiting for the engine VM to boot"  # the preview has no such line
SUCCESS: Final = "Hosted Engine successfully deployed"
SECRETS: Final = {"OVEHOSTED_VM/cloudinitRootPwd", "OVEHOSTED_ENGINE/adminPassword"}
MASKS: Final = (
    (r"he-lab-\w{8}", "he-lab-XXXXXXXX"),
    (r"\b\d{14}-[0-9a-f]{6}\b", "RUN"),
    (r"(?<=answers-)\d{14}", "TIMESTAMP"),
    (r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "UUID"),
    (r"(?<=[ (])\d+/\d+(?=[,)])", "N/M"),
    (r"\b([0-9A-F]{2}:){31}[0-9A-F]{2}\b", "SHA-256"),
    (r"SHA256:[\w+/]{43}", "SHA256:FINGERPRINT"),
    (r"(?<![:\d])\d\d:\d\d\b(?!:\d)", "MM:SS"),
    (r",? (of )?typically MM:SS|, at most MM:SS", ""),  # known from the second run on, and then in the other's place
    (r"(?<=_old_)\d{8}T\d{6}", "TIME"),
)  # fmt: skip


@dataclass
class Run:
    """How a deploy ended, and what was seen of it."""

    code: int = -1
    screens: dict[str, str] = field(default_factory=dict)
    record: str = ""
    told: list[dict[str, Any]] = field(default_factory=list)
    answers: str = ""
    kept: str = ""
    health: str = ""


class Runs:
    """One host, on which an engine is deployed in one dialect after the other, each once."""

    def __init__(self, site: AskedSite) -> None:
        """Deploy on `site`."""
        self.site = site
        self._done: dict[str, Run] = {}

    def __getitem__(self, dialect: str) -> Run:
        """Give the deploy in this dialect; it is made, looked at and removed when it is first asked for."""
        if dialect not in self._done:
            drive: dict[str, Callable[[Run], None]] = {
                "tui": self._by_tui, "plain": self._by_plain, "machine": self._by_machine, "replay": self._by_replay,
            }  # fmt: skip
            run = Run()
            drive[dialect](run)
            self._look(run)
            self._done[dialect] = run
        return self._done[dialect]

    def _by_tui(self, run: Run) -> None:
        self._at_terminal(run, "auto", "\n--- ", barred=True)

    def _by_plain(self, run: Run) -> None:
        self._at_terminal(run, "plain", "[ INFO  ] Waiting", barred=False)

    def _at_terminal(self, run: Run, dialect: str, live: str, *, barred: bool) -> None:
        tmux = terminal(self.site, dialect)
        try:
            tmux.start(words(self.site, f"--dialect={dialect}"), Path.cwd())
            reader = Reader(tmux, replies(self.site), barred=barred)
            run.screens["1-first-question"] = reader.first()
            run.screens["2-preview"] = reader.answer_all()
            tmux.type("", "Enter")
            run.screens["3-work"] = tmux.wait_for(
                lambda screen: BOOTS in screen and live in screen and AT_WORK in screen,
                WORK_WITHIN,
            )
            run.code = tmux.exit_code(WORK_WITHIN)
            run.record = tmux.record().partition("Pane is dead")[0].rstrip() + "\n"
            run.screens["4-summary"] = run.record[run.record.rindex(SUCCESS) :]
        finally:
            tmux.end()

    def _by_machine(self, run: Run) -> None:
        client = Client(self.site, replies(self.site))
        run.code = client.run()
        run.told = client.told

    def _by_replay(self, run: Run) -> None:
        """Replay what the wizard wrote; its terminal is taken away in the middle of the work, and another looks on."""
        answers = self.site.folder / "replayed.conf"
        answers.write_text(self["tui"].answers)
        given = (f"--config-append={answers}", f"--secrets-file={self.site.secrets}")
        tmux = terminal(self.site, "first")
        tmux.start(words(self.site, "--dialect=replay", *given), Path.cwd())
        tmux.wait_for(lambda screen: AT_WORK in screen, WORK_WITHIN)
        tmux.end()
        other = terminal(self.site, "second")
        try:
            program, _, *_, root, uri = words(self.site)
            other.start([program, "deploy", "--attach", root, uri], Path.cwd())
            run.code = other.exit_code(WORK_WITHIN)
            run.record = other.record()
        finally:
            other.end()

    def _look(self, run: Run) -> None:
        """See the engine, keep the answer file, and remove the deployment."""
        site = self.site
        if run.code == 0:
            run.health = Guest.of(site).health()
            run.kept = (site.paths.etc / "answers.conf").read_text()
        run.answers = max((site.paths.state / "answers").iterdir()).read_text()
        removed = site.run("cleanup", "--yes")
        assert removed.code == 0, removed.text


@pytest.fixture(scope="module")
def runs(cache: Path) -> Iterator[Runs]:
    """Give the deploys."""
    with Laboratory() as laboratory:
        # The folders' names are always as long, so that lines are folded at the same places.
        appliance, archive = (laboratory.root / name for name in ("engine.ova", "engine.backup"))
        for made, copy in (("engine.ova", appliance), ("sample.backup", archive)):
            shutil.copyfile(cache / made, copy)
        archive.chmod(0o600)
        yield Runs(AskedSite.make(laboratory, "d", appliance, archive))


def shown(text: str) -> str:
    """Give a text without what another run has otherwise."""
    for pattern, mask in MASKS:
        text = re.sub(pattern, mask, text)
    return text


def well(run: Run) -> None:
    """See that it ended well, and showed no secret."""
    assert run.code == 0, run.record or run.told[-5:]
    assert GOOD in run.health
    assert run.kept == run.answers
    seen = run.record + json.dumps(run.told, ensure_ascii=False) + run.answers
    assert not [secret for secret in CANARIES if secret in seen or json.dumps(secret)[1:-1] in seen]


@pytest.mark.parametrize("dialect", ["tui", pytest.param("plain", marks=pytest.mark.long)])
def test_at_a_terminal(runs: Runs, golden: Golden, dialect: str) -> None:
    run = runs[dialect]
    well(run)
    assert "[ ERROR ]" not in run.record
    for name, screen in run.screens.items():
        golden.check(f"dialects/{dialect}/{name}.txt", shown(screen))


@pytest.mark.long
def test_a_replay_survives_the_end_of_its_terminal(runs: Runs) -> None:
    run = runs["replay"]
    well(run)
    assert "Stage: Transaction setup" in run.record
    assert BOOTS in run.record
    assert SUCCESS in run.record
    assert run.answers == runs["tui"].answers


def test_another_dev_s_null_device_is_nobody_too(runs: Runs) -> None:
    site = runs.site
    done = site.lab.run(words(site, "--precheck", "--dialect=machine"), stdin=subprocess.DEVNULL)
    assert done.returncode == 2, done.stdout
    told = [json.loads(line) for line in done.stdout.splitlines()]
    codes = {problem["code"] for one in told if one["type"] == "failed" for problem in one["problems"]}
    assert codes == {"HE-ANSWERS-MISSING"}


@pytest.mark.long
def test_by_a_program(runs: Runs, golden: Golden) -> None:
    run = runs["machine"]
    well(run)
    kinds = [one["type"] for one in run.told]
    assert {"heading", "step", "info", "waiting", "guest", "question", "preview", "review", "summary"} <= set(kinds)
    assert run.told[-1] == {"type": "end", "v": 1, "code": 0}
    preview = {one["key"]: one["value"] for one in run.told[kinds.index("preview")]["answers"]}
    assert {key for key, value in preview.items() if value is None} == SECRETS
    written = dict(line.split("=", 1) for line in run.answers.splitlines() if re.match(r"\w+/\w+=", line))
    assert written.keys() == preview.keys() - SECRETS
    for kind in ("question", "summary"):
        told = run.told[kinds.index(kind)]
        golden.check(f"dialects/machine/{kind}.json", shown(json.dumps(told, indent=2, ensure_ascii=False)) + "\n")


@pytest.mark.long
def test_all_four_leave_the_same_answers(runs: Runs) -> None:
    answers = {dialect: runs[dialect].answers for dialect in DIALECTS}
    assert answers == dict.fromkeys(DIALECTS, answers["tui"])
    for line in (f"OVEHOSTED_NETWORK/fqdn=str:{FQDN}", "OVEHOSTED_VM/vmMemSizeMB=int:1536"):
        assert line in answers["tui"].splitlines()
