"""What the original's files say in their own words: read as what is meant, as far as nothing else answers it."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hosted_setup.interview.frontends.replay import ReplayFrontend
from hosted_setup.interview.frontends.screen import Screen
from hosted_setup.interview.interviewer import Interviewer
from hosted_setup.interview.loading import Option, load
from hosted_setup.interview.section_interview import SectionInterview, Visit
from hosted_setup.interview.sheet import AnswerSheet
from hosted_setup.interview.store import Answers
from hosted_setup.model.answer import Recorded, Source, Suggestion
from hosted_setup.model.events import Info
from hosted_setup.model.question import ask, section
from tests.unit.interview.conftest import Files, told

if TYPE_CHECKING:
    from collections.abc import Mapping

TYPE, VERSION = "OVEHOSTED_STORAGE/domainType", "OVEHOSTED_STORAGE/nfsVersion"
APPLIANCE, NIC = "OVEHOSTED_VM/ovfArchive", "OVEHOSTED_NETWORK/bridgeIf"


@section("Storage")
class Storage:
    """The keys that have words of their own there."""

    kind: str = ask("Type", key=TYPE)
    version: int = ask("Version", key=VERSION)
    path: Path = ask("Appliance", key=APPLIANCE)
    nic: str = ask("NIC", key=NIC)
    own: str = ask("Of our own", key="HOSTED_ENGINE/x", default="")


@section("Storage")
class Kind:
    """The types alone, with versions that are words."""

    kind: str = ask("Type", key=TYPE)
    version: str = ask("Version", key=VERSION, default="auto")


def won(answers: Answers, key: str) -> tuple[object, str] | None:
    given = answers.given.get(key)
    return None if given is None else (given.text, str(given.origin).rpartition("/")[2])


@pytest.mark.parametrize(("said", "version"), [("nfs3", "v3"), ("nfs4", "v4")])
def test_a_type_with_a_version(files: Files, said: str, version: str) -> None:
    path = files(f"{TYPE}=str:{said}")
    answers = load([Kind], files=[path])
    assert won(answers, TYPE) == ("nfs", "answers.conf:2")
    assert won(answers, VERSION) == (version, "answers.conf:2")
    assert not answers.problems
    assert answers.notices == (
        Info(f"{path}:2: {said} is read as nfs, and {VERSION} as {version} unless it is answered"),
    )


@pytest.mark.parametrize(
    ("first", "later", "layer", "version"),
    [
        (f"{VERSION}=str:v4_1", f"{TYPE}=str:nfs3", "enforce", ("v4_1", "a.conf:2")),
        (f"{TYPE}=str:nfs3", f"{VERSION}=str:auto", "default", ("auto", "b.conf:2")),
        (f"{TYPE}=str:nfs3", f"{VERSION}=none:None", "default", ("v3", "a.conf:2")),
        (f"{TYPE}=str:nfs3", f"{TYPE}=str:nfs", "default", None),
        (f"{TYPE}=str:nfs4", f"{TYPE}=str:nfs3", "default", ("v3", "b.conf:2")),
    ],
)
def test_the_version_is_what_nothing_else_says(
    files: Files, first: str, later: str, layer: str, version: tuple[str, str] | None
) -> None:
    answers = load([Kind], files=[files(first, "a.conf"), files(later, "b.conf", layer=layer)])
    assert won(answers, VERSION) == version
    assert not answers.problems


@pytest.mark.parametrize(
    ("resumed", "expected"),
    [
        ({TYPE: Recorded("nfs"), VERSION: Recorded("v3")}, [("nfs", "resumed"), ("v3", "resumed")]),
        ({TYPE: Recorded("nfs")}, [("nfs", "resumed"), ("v3", "answers.conf:2")]),
        ({TYPE: Recorded("iscsi", typed=True)}, [("iscsi", "resumed"), None]),
    ],
)
def test_a_resumed_run_reads_it_again(
    files: Files, resumed: Mapping[str, Recorded], expected: list[tuple[str, str] | None]
) -> None:
    answers = load([Kind], files=[files(f"{TYPE}=str:nfs3")], resumed=resumed)
    assert [won(answers, TYPE), won(answers, VERSION)] == expected


def test_a_type_that_is_overruled_says_nothing_of_the_version(files: Files) -> None:
    answers = load([Kind], files=[files(f"{TYPE}=str:nfs3")], options=[Option(TYPE, "iscsi", "--type")])
    assert (won(answers, TYPE), won(answers, VERSION)) == (("iscsi", "--type"), None)


def test_a_version_that_is_refused_is_not_made_up_for(files: Files) -> None:
    answers = load([Storage], files=[files(f"{TYPE}=str:nfs3\n{VERSION}=str:four")])
    assert told(answers.problems) == [("HE-ANSWERS-VALUE", "answers.conf:3")]
    assert won(answers, VERSION) is None


def test_an_empty_appliance_is_no_answer(files: Files) -> None:
    first, later = files(f"{APPLIANCE}=str:/srv/engine.ova", "a.conf"), files(f"{APPLIANCE}=str:  ", "b.conf")
    assert won(load([Storage], files=[later, first]), APPLIANCE) == ("/srv/engine.ova", "a.conf:2")
    answers = load([Storage], files=[first, later])
    assert (won(answers, APPLIANCE), answers.problems) == (None, ())
    resumed = load([Storage], files=[later], resumed={APPLIANCE: Recorded("/srv/engine.ova")})
    assert won(resumed, APPLIANCE) == ("/srv/engine.ova", "resumed")


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (f"{NIC}=str:eno1", "answers.conf:2"),
        (f"{NIC}=str:eno1\nHOSTED_ENGINE/x=none:None", None),
        (f"{NIC}=str:", None),
        (f"{NIC}=none:None", None),
        (f"{TYPE}=str:nfs", None),
    ],
)
def test_which_files_the_original_wrote(files: Files, body: str, place: str | None) -> None:
    own = files("HOSTED_ENGINE/x=str:y", "own.conf")
    found = load([Storage], files=[own, files(body)]).of_original(NIC)
    assert (found and str(found).rpartition("/")[2]) == place


def test_what_no_file_says_is_not_the_original_s() -> None:
    assert load([Storage], options=[Option(NIC, "eno1", "--nic")]).of_original(NIC) is None


def _proposed(sheet: AnswerSheet) -> Suggestion[str] | None:
    origin = sheet.of_original(NIC)
    return Suggestion("bridge", origin.source, origin.place) if origin else None


@section("Network")
class Network:
    """A question whose proposal a file makes."""

    mode: str = ask("Mode", key="HOSTED_ENGINE/mode", default="nat", suggest=_proposed)


def test_a_proposal_tells_its_line(files: Files) -> None:
    path = files(f"{NIC}=str:eno1")
    sheet = AnswerSheet(Interviewer(load([Storage], files=[path]), ReplayFrontend(Screen(StringIO(), {}))))
    prompt = SectionInterview(Network, {AnswerSheet: sheet}, Answers(), Visit()).prompt
    assert prompt is not None
    assert prompt.origin is not None
    assert (prompt.default, prompt.origin.source, prompt.origin.place) == ("bridge", Source.FILE, f"{path}:2")
