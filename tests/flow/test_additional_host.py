"""A second host joins the engine that lives in the storage: recognised, numbered, told apart, and taken out again."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from hosted_setup.domain.host_slot import HostSlot
from hosted_setup.domain.seal import sealed_object, unsealed_object
from hosted_setup.testing.portrait import changes, portrait
from hosted_setup.testing.trees import export_file
from hosted_setup.testing.world import World
from tests.flow.program import Inputs, Program

if TYPE_CHECKING:
    from hosted_setup.pipeline.journal import Record
    from tests.golden.plugin import Golden

JOIN = "HOSTED_ENGINE__additionalHost"
EXAMPLE = Path(__file__).parents[2] / "answers/additional-host.conf"


class Hosts:
    """A host with an engine and a second one, with one storage."""

    def __init__(self, tmp_path: Path, first: Program, monkeypatch: pytest.MonkeyPatch) -> None:
        self.first = first
        self.storage = first.world.storage
        assert first.restore().code == 0
        (self.domain,) = self.storage.iterdir()
        world = World.make(tmp_path / "second")
        self.second = Program(world, Inputs.make(tmp_path / "second-inputs"), monkeypatch)
        self.answer()

    def answer(self, **changes: str) -> None:
        """Answer for the second host: the storage, that it joins, and what is given here."""
        answers = {"OVEHOSTED_STORAGE__storageDomainConnection": f"str:{self.storage}", JOIN: "bool:True",
                   "OVEHOSTED_VM__ovfArchive": "", "OVEHOSTED_NETWORK__fqdn": ""}  # fmt: skip
        self.second.answer(**(answers | changes))

    def slots(self) -> dict[str, str]:
        return {
            path.parent.name: json.loads(path.read_text())["run"]
            for path in sorted((self.domain / "hosts").glob("*/host.json"))
        }

    def shared(self) -> dict[str, str]:
        """Give all that is in the storage but the hosts."""
        return {name: text for name, text in portrait(self.first.world).items() if "/hosts" not in name}


@pytest.fixture
def hosts(tmp_path: Path, program: Program, monkeypatch: pytest.MonkeyPatch) -> Hosts:
    return Hosts(tmp_path, program, monkeypatch)


def test_the_second_host_joins_and_is_taken_out_again(hosts: Hosts, golden: Golden) -> None:
    before, shared = portrait(hosts.second.world), hosts.shared()
    done = hosts.second.deploy()
    assert done.code == 0, done.out
    assert re.search(r"Host id +2 +\(detected\)|Host id.*2.*detected", done.out), done.out
    assert re.search(r"Engine VM FQDN.*engine.example.com.*shared configuration", done.out), done.out
    assert "add this host to the cluster Default" in done.out
    assert sorted(hosts.slots()) == ["1", "2"]
    assert hosts.shared() == shared, "no disk is touched, nothing shared is changed"
    masks = {hosts.storage: "<storage>", hosts.first.inputs.folder: "<theirs>", hosts.second.inputs.folder: "<inputs>"}
    found = {name: text for name, text in portrait(hosts.second.world, masks).items() if not name.endswith(".log")}
    assert not [name for name in found if name.startswith(("domain", "network", "link"))]
    files = {name: text for name, text in found.items() if "ovirt-hosted-engine-setup" not in name}
    golden.check("flow/additional-host.txt", "".join(f"=== {name}\n{text}\n" for name, text in files.items()))
    done = hosts.second("cleanup", "--yes")
    assert done.code == 0, done.out
    assert sorted(hosts.slots()) == ["1"]
    assert hosts.shared() == shared
    assert changes(before, portrait(hosts.second.world)) == {}


def test_the_first_host_is_not_cleaned_up_below_the_others(hosts: Hosts) -> None:
    assert hosts.second.deploy().code == 0
    shared, first = hosts.shared(), portrait(hosts.first.world)
    done = hosts.first("cleanup", "--yes")
    assert done.code == 3, done.out
    assert "HE-DOMAIN-SHARED" in done.out
    assert f"host1.example.org (2) in {hosts.domain}" in done.out.replace("\n", " ")
    assert changes(first, portrait(hosts.first.world)) == {}
    assert hosts.shared() == shared
    assert hosts.second("cleanup", "--yes").code == 0
    assert hosts.first("cleanup", "--yes").code == 0
    assert list(hosts.storage.iterdir()) == []


def test_the_plan(golden: Golden) -> None:
    from hosted_plugins import COMMANDS, FEATURES  # noqa: PLC0415 - of this test alone
    from hosted_plugins.deploy.work import JOIN as FLOW  # noqa: PLC0415
    from hosted_plugins.deploy.work import plan_of  # noqa: PLC0415
    from hosted_setup.pipeline.flow import render  # noqa: PLC0415
    from hosted_setup.registry import Registry  # noqa: PLC0415

    items = plan_of(Registry((*COMMANDS, *FEATURES), third_parties=False), FLOW)
    golden.check("plan/additional-host.txt", render(items))


def test_a_deploy_recognises_the_engine_and_asks(hosts: Hosts) -> None:
    hosts.answer(**{JOIN: ""})
    hosts.second.attended = True
    hosts.second.stdin = io.StringIO("\n\n\nyes\n\nyes\n" + "\n" * 5)
    done = hosts.second.deploy("--dialect=plain")
    assert done.code == 0, done.out
    assert "The storage holds an engine already. Is this an additional host setup" in done.out
    assert sorted(hosts.slots()) == ["1", "2"]
    assert len(list(hosts.second.world.paths.runs.glob("*/journal.jsonl"))) == 2
    assert hosts.second("get-shared-config", "host_id").out == "[ INFO  ] host_id : 2, type : he_local\n"


def test_without_a_word_nothing_in_the_storage_is_taken_for_ours(hosts: Hosts) -> None:
    hosts.second.answer(OVEHOSTED_STORAGE__storageDomainConnection=f"str:{hosts.storage}")
    before = hosts.shared()
    done = hosts.second.deploy()
    assert done.code == 2
    assert "HE-ANSWERS-MISSING" in done.out
    assert "HOSTED_ENGINE/additionalHost=bool:True" in done.out or "HOSTED_ENGINE/additionalHost=bool:" in done.out
    assert hosts.shared() == before


def test_no_means_another_engine_beside_it(hosts: Hosts) -> None:
    hosts.second.answer(**{"OVEHOSTED_STORAGE__storageDomainConnection": f"str:{hosts.storage}", JOIN: "bool:False"})
    done = hosts.second.deploy()
    assert done.code == 0, done.out
    assert len(list(hosts.storage.iterdir())) == 2
    third = [one.name for one in hosts.storage.iterdir() if one != hosts.domain]
    hosts.answer(OVEHOSTED_STORAGE__sdUUID=f"str:{third[0]}")
    assert hosts.second("cleanup", "--yes").code == 0


def test_one_of_several_engines_is_chosen(hosts: Hosts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = Program(World.make(tmp_path / "third"), hosts.first.inputs, monkeypatch)
    other.answer(**{"OVEHOSTED_STORAGE__storageDomainConnection": f"str:{hosts.storage}", JOIN: "bool:False"})
    assert other.deploy().code == 0
    hosts.answer()
    done = hosts.second.deploy()
    assert done.code == 2
    assert "OVEHOSTED_STORAGE/sdUUID" in done.out
    hosts.answer(OVEHOSTED_STORAGE__sdUUID=f"str:{hosts.domain.name}")
    assert hosts.second.deploy().code == 0
    assert sorted(hosts.slots()) == ["1", "2"]


def test_a_damaged_engine_is_told_and_takes_nothing_of_another(
    hosts: Hosts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damage(domain: Path) -> None:
        conf = domain / "conf/hosted-engine.conf"
        conf.write_text(conf.read_text().replace("fqdn=", "fqdn=x", 1))

    damage(hosts.domain)
    done = hosts.second.deploy()
    told = " ".join(done.out.split())
    assert (done.code, "HE-ENGINE-MISSING" in told) == (2, True), done.out
    assert f"{hosts.domain.name}/conf/hosted-engine.conf: its checksum does not fit what it says" in told
    other = Program(World.make(tmp_path / "third"), hosts.first.inputs, monkeypatch)
    other.answer(**{"OVEHOSTED_STORAGE__storageDomainConnection": f"str:{hosts.storage}", JOIN: ""})
    assert other.deploy().code == 0
    hosts.answer()
    assert hosts.second.deploy().code == 0, "there is one to choose from"
    assert sorted(hosts.slots()) == ["1"]


def test_the_host_id_is_an_answer(hosts: Hosts) -> None:
    hosts.answer(OVEHOSTED_STORAGE__hostID="int:7")
    assert hosts.second.deploy().code == 0
    assert sorted(hosts.slots()) == ["1", "7"]
    assert "\nhost_id=7\n" in (hosts.second.world.paths.etc / "hosted-engine.conf").read_text()


@pytest.mark.parametrize(("number", "code", "told"), [("1", 3, "HE-HOST-ID"), ("2001", 2, "HE-ANSWERS-VALUE")])
def test_a_host_id_that_cannot_be_is_refused(hosts: Hosts, number: str, code: int, told: str) -> None:
    hosts.answer(OVEHOSTED_STORAGE__hostID=f"int:{number}")
    before = hosts.shared(), portrait(hosts.second.world)
    done = hosts.second.deploy()
    assert done.code == code, done.out
    assert told in done.out
    assert (hosts.shared(), changes(before[1], portrait(hosts.second.world))) == (before[0], {})
    assert sorted(hosts.slots()) == ["1"]


def test_an_answer_that_is_not_the_engine_s_is_refused(hosts: Hosts) -> None:
    hosts.answer(OVEHOSTED_NETWORK__fqdn="str:other.example.com")
    done = hosts.second.deploy()
    assert done.code == 2
    assert "the engine in the storage has engine.example.com" in done.out


def test_a_host_that_was_quicker_keeps_the_id(hosts: Hosts) -> None:
    def quicker(when: str, record: Record) -> None:
        if when == "before" and getattr(record, "undo", "") == "host-id.free":
            place = hosts.domain / "hosts/2"
            place.mkdir()
            first = unsealed_object((hosts.domain / "hosts/1/host.json").read_bytes(), HostSlot)
            third = msgspec.structs.replace(first, number=2, name=first.name.replace("host1", "host3"))
            (place / "host.json").write_bytes(sealed_object(third))

    hosts.second.observe = quicker
    done = hosts.second.deploy("--on-failure=abort")
    assert done.code == 1, done.out
    assert "HE-HOST-ID" in done.out
    assert "2 is the host id of host3.example.org" in done.out
    assert sorted(hosts.slots()) == ["1", "2"]
    hosts.second.observe = lambda _when, _record: None
    assert hosts.second.deploy().code == 0
    assert sorted(hosts.slots()) == ["1", "2", "3"]


def test_the_example_joins_over_nfs(tmp_path: Path, program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    export = export_file(program.world.exports, "nas.example.com", "/exports/engine")
    export.mkdir(parents=True)
    program.answer(
        OVEHOSTED_STORAGE__domainType="str:nfs",
        OVEHOSTED_STORAGE__storageDomainConnection="str:nas.example.com:/exports/engine",
    )
    assert program.restore().code == 0
    second = Program(World.make(tmp_path / "second"), program.inputs, monkeypatch)
    second.world.exports = program.world.exports
    done = second("deploy", f"--config-append={EXAMPLE}")
    assert done.code == 0, done.out
    assert len(list(export.glob("*/hosts/2/host.json"))) == 1
    conf = (second.world.paths.etc / "hosted-engine.conf").read_text()
    assert "\nstorage=nas.example.com:/exports/engine\n" in conf
    assert "\nhost_id=2\n" in conf


def test_where_no_engine_lives_there_is_none_to_join(hosts: Hosts, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    hosts.answer(OVEHOSTED_STORAGE__storageDomainConnection=f"str:{empty}")
    done = hosts.second.deploy()
    assert done.code == 2, done.out
    assert "HE-ENGINE-MISSING" in done.out
    assert list(empty.iterdir()) == []


def test_the_precheck_looks_and_reserves_nothing(hosts: Hosts) -> None:
    before = hosts.shared(), portrait(hosts.second.world)
    done = hosts.second.deploy("--precheck")
    assert done.code == 0, done.out
    assert re.search(r"storage-of-the-engine", done.out)
    assert sorted(hosts.slots()) == ["1"]
    assert (hosts.shared(), portrait(hosts.second.world)) == before


def test_killed_at_every_record_it_is_resumed_or_taken_back(hosts: Hosts) -> None:
    """Stop it before and after each record; a resume ends as an undisturbed run, an abort leaves nothing."""
    before, shared = portrait(hosts.second.world), hosts.shared()

    class Killed(BaseException):
        pass

    def run(place: int, when: str) -> bool:
        count = 0

        def strike(now: str, _record: Record) -> None:
            nonlocal count
            if now == when:
                count += 1
                if count == place:
                    raise Killed

        hosts.second.observe = strike
        try:
            hosts.second.deploy()
        except Killed:
            return True
        finally:
            hosts.second.observe = lambda _when, _record: None
        return False

    place = 0
    for when in ("before", "after"):
        place = 1
        while run(place, when):
            code = hosts.second("deploy", "--abort" if place % 2 else "--resume").code
            assert code in {0, 2}, place
            if not place % 2:
                assert hosts.second("cleanup", "--yes").code == 0
            assert sorted(hosts.slots()) == ["1"], (place, when)
            assert hosts.shared() == shared
            assert changes(before, portrait(hosts.second.world)) == {}, (place, when)
            place += 1
        assert hosts.second("cleanup", "--yes").code == 0
    assert place > 25
