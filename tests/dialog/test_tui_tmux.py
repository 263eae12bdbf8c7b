"""The whole wizard in a real tmux of 80 columns and 24 rows: every screen an operator meets, kept as text.

The questions are those of the product's own deploy; `--regenerate` writes the screens anew.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dialog.tmux import Tmux, asks, question
from tests.golden.plugin import Golden

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "kan4r1-Vogel"
CONFIRM = "Please confirm installation settings"


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder whose name is always as long, so that lines are folded at the same places."""
    folder = Path(tempfile.mkdtemp(prefix="wizard-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def tmux(place: Path) -> Iterator[Tmux]:
    tmux = Tmux(place)
    yield tmux
    tmux.end()


class Operator:
    """Somebody who replies to what is on the screen."""

    def __init__(self, tmux: Tmux, place: Path) -> None:
        self.tmux = tmux
        self._place = place
        self.replies = {
            "Path of the storage": f"{place}/run/world/storage",
            "Path of the engine appliance": f"{place}/run/inputs/engine.ova",
            "Engine VM FQDN": "engine.example.com",
            "Root password": PASSWORD,
            "Password of admin": PASSWORD,
        }

    def start(self, *arguments: str) -> None:
        program: list[str | Path] = [sys.executable, "-m", "tests.dialog.wizard_program", self._place / "run"]
        self.tmux.start([*program, *arguments], ROOT)

    def reply(self, text: str) -> None:
        """Reply to the question on the screen, and wait for another."""
        before = question(self.tmux.screen())
        self.tmux.type(text, "Enter")
        self.tmux.wait_for(lambda screen: asks(screen) and question(screen) != before)

    def answer_until(self, prompt: str) -> None:
        """Answer what is asked, up to a question."""
        for _ in range(60):
            asked = question(self.tmux.wait_for(asks))
            if asked.startswith(prompt):
                return
            self.reply(next((self.replies[one] for one in self.replies if asked.startswith(one)), ""))
        raise AssertionError(self.tmux.screen())

    def shown(self, text: str) -> str:
        """Give a screen without what another run has otherwise."""
        text = text.replace(self._place.name, "wizard-XXXXXXXX")
        text = re.sub(r"00:16:3e(:[0-9a-f]{2}){3}", "00:16:3e:XX:XX:XX", text)
        text = re.sub(r"\d{14}-[0-9a-z]+", "RUN", text)
        text = re.sub(r"(?<=, )\d\d:\d\d", "MM:SS", text)
        return re.sub(r"\d+/\d+(?=[,)])", "N/M", text)


@pytest.fixture
def operator(tmux: Tmux, place: Path) -> Operator:
    return Operator(tmux, place)


def test_the_whole_wizard(operator: Operator, tmux: Tmux, place: Path, golden: Golden) -> None:
    def keep(name: str, screen: str) -> None:
        golden.check(f"wizard/{name}.txt", operator.shown(screen))

    operator.start()
    keep("1-first-question", tmux.wait_for(asks))
    tmux.type("?", "Enter")
    keep("2-help", tmux.wait_for(lambda screen: "In an answer file its key is" in screen and asks(screen)))
    tmux.type("tape")
    keep("3-while-typing", tmux.wait_for(lambda screen: "tape" in screen))
    tmux.type("", "Enter")
    keep("4-refused", tmux.wait_for(lambda screen: "[ ERROR ]" in screen and asks(screen)))
    tmux.type("", "C-u")
    operator.answer_until("Memory size")
    operator.reply("back")
    operator.reply("2")
    operator.answer_until("Page 1 of ")
    keep("5-preview-page", tmux.screen())
    operator.answer_until(CONFIRM)
    record = tmux.record()
    keep("5-preview", record[record.index("--== CONFIGURATION PREVIEW") :].rstrip() + "\n")
    place_of_cpus = re.search(r"(\d+)  Number of virtual CPUs +2 +typed", record)
    assert place_of_cpus
    tmux.type(place_of_cpus[1], "Enter")
    tmux.wait_for(lambda screen: question(screen).startswith("Number of virtual CPUs"))
    tmux.resize(100, 30)
    operator.reply("3")
    operator.answer_until(CONFIRM)
    assert re.search(r"Number of virtual CPUs +3 +typed", tmux.record())
    tmux.resize(80, 24)
    tmux.type("", "Enter", "Enter", "Enter")  # keys pressed during the work leave nothing of it behind
    keep("6-work", tmux.wait_for(lambda screen: "\n--- Transaction commit, " in screen))
    (place / "run" / "go-on").touch()
    assert tmux.exit_code() == 0
    record = tmux.record().partition("Pane is dead")[0].rstrip() + "\n"
    keep("7-end", record[record.rindex("          Next:") :])
    assert PASSWORD not in record
    assert not re.search(r"^--- |^ {10}step ", record, re.MULTILINE)
    assert not re.search("Ctrl-D leave$", record, re.MULTILINE)


def test_ctrl_d_leaves_and_changes_nothing(operator: Operator, tmux: Tmux) -> None:
    operator.start()
    operator.answer_until("Memory size")
    tmux.type("", "C-d")
    assert tmux.exit_code() == 130
    assert "Interrupted by the operator." in tmux.screen()


def test_the_exports_of_a_server_are_a_pick_list(operator: Operator, tmux: Tmux, place: Path, golden: Golden) -> None:
    operator.start()
    operator.answer_until("Storage type")
    for name in ("engine", "home"):
        (place / "run/world/exports/nas.example.com/exports" / name).mkdir(parents=True)
    operator.reply("nfs")
    operator.answer_until("Storage server")
    operator.reply("nas.example.com")
    golden.check("wizard/exports.txt", operator.shown(tmux.screen()))
    operator.reply("1")
    tmux.type("", "C-d")
    assert tmux.exit_code() == 130
    (kept,) = (place / "run/world/host/var/lib/ovirt-hosted-engine-setup/answers").glob("*.conf")
    assert "storageDomainConnection=str:nas.example.com:/exports/engine\n" in kept.read_text()
