"""The interview of one section, by values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hosted_setup.interview.loading import Option, load
from hosted_setup.interview.section_interview import Rejected, SectionInterview
from hosted_setup.interview.store import Answers
from hosted_setup.model.answer import Recorded, Source
from hosted_setup.model.question import ask, section
from hosted_setup.model.secret import Secret
from hosted_setup.model.values import Fqdn
from tests.unit.interview.conftest import Files, told
from tests.unit.interview.sections import ALL, MEMORY, PASSWORD, VCPUS, Access, Backup, Engine, Facts, Local, Vm

Products = dict[type[Any], Any]


def begin(kind: type[Any], products: Products, **answers: str) -> SectionInterview:
    given = load(ALL, resumed={key.replace("__", "/"): Recorded(text) for key, text in answers.items()})
    return SectionInterview(kind, products, given)


def replies(interview: SectionInterview, *texts: str) -> None:
    for text in texts:
        assert interview.reply(text) is None


def prompt_of(interview: SectionInterview) -> tuple[str, str | None]:
    assert interview.prompt
    return interview.prompt.question.name, interview.prompt.default


def test_defaults_are_proposed_and_taken(products: Products) -> None:
    interview = begin(Vm, products)
    asked = []
    while interview.prompt:
        asked.append(prompt_of(interview))
        replies(interview, "")
    assert asked == [("memory", "8000"), ("vcpus", "4"), ("access", "yes"), ("static", "")]
    assert interview.instance() == Vm(memory=8000, vcpus=4, access=Access.YES, static=None, renew=False, machine="q35")
    origins = [(one.question.name, one.origin.source) for one in interview.answered()]
    assert origins == [
        ("memory", Source.DETECTED),
        ("vcpus", Source.DEFAULT),
        ("access", Source.DEFAULT),
        ("static", Source.DEFAULT),
        ("machine", Source.DEFAULT),
    ]


def test_what_is_typed_is_parsed(products: Products) -> None:
    interview = begin(Vm, products)
    replies(interview, " 4096 ", "2", "without-password", "10.0.0.2/24")
    assert interview.instance().memory == 4096
    assert interview.instance().access is Access.KEY
    assert {one.origin.source for one in interview.answered()} == {Source.TYPED, Source.DEFAULT}


def test_a_reply_that_was_only_weighed_changes_nothing(products: Products) -> None:
    interview = begin(Vm, products)
    weighed = interview.weigh("4096")
    assert interview.weigh("20000").refused == Rejected("20000 MB is more than the host's 16000")
    assert prompt_of(interview) == ("memory", "8000")
    assert interview.take(weighed) is None
    assert prompt_of(interview) == ("vcpus", "4")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("much", "'much' is not a whole number"),
        ("20000", "20000 MB is more than the host's 16000"),
        ("4\x1b", "control characters are not accepted"),
        ("4\udcff", "control characters are not accepted"),
        ("9" * 5000, "Exceeds the limit"),
    ],
)
def test_a_wrong_reply_is_asked_again(products: Products, text: str, reason: str) -> None:
    interview = begin(Vm, products)
    rejected = interview.reply(text)
    assert isinstance(rejected, Rejected)
    assert reason in rejected.reason
    assert prompt_of(interview) == ("memory", "8000")


def test_a_problem_of_a_check_is_a_rejection(products: Products) -> None:
    interview = begin(Local, products)
    assert interview.reply("/srv/taken") == Rejected("The name is taken: it belongs to somebody")
    replies(interview, "/srv/free")
    assert interview.instance() == Local(path=Path("/srv/free"))


def test_without_a_default_an_answer_is_needed(products: Products) -> None:
    products[Facts] = Facts(memory=0)
    interview = begin(Vm, products, OVEHOSTED_VM__vmVCpus="2")
    assert prompt_of(interview) == ("memory", None)
    assert interview.reply("") == Rejected("an answer is needed")


def test_a_condition_decides(products: Products) -> None:
    products[Backup] = Backup("engine.example.com")
    interview = begin(Vm, products)
    replies(interview, "", "", "", "", "Yes")
    assert interview.instance().renew is True


def test_the_backup_is_named_as_origin(products: Products) -> None:
    products[Backup] = Backup("engine.example.com")
    interview = begin(Engine, products, OVEHOSTED_ENGINE__adminPassword="")
    assert interview.prompt
    assert interview.prompt.origin
    assert interview.prompt.origin.source is Source.BACKUP


def test_a_secret_is_entered_twice(products: Products) -> None:
    interview = begin(Engine, products, OVEHOSTED_NETWORK__fqdn="engine.example.com")
    assert interview.prompt
    assert (interview.prompt.default, interview.prompt.again) == (None, False)
    assert interview.reply("") == Rejected("an answer is needed")
    replies(interview, "x1y2")
    assert interview.prompt.again
    assert interview.reply("x1y3") == Rejected("the two entries differ")
    assert not interview.prompt.again
    replies(interview, " x1y2 ", " x1y2 ")
    assert interview.instance() == Engine(fqdn=Fqdn("engine.example.com"), password=Secret(" x1y2 "))


def test_no_reason_shows_a_secret(products: Products) -> None:
    interview = begin(Engine, products, OVEHOSTED_NETWORK__fqdn="engine.example.com")
    assert interview.reply("z9q") == Rejected("******** is shorter than 4 characters")


def test_back_asks_again_and_keeps_what_was_said(products: Products) -> None:
    interview = begin(Vm, products)
    assert interview.back() == Rejected("this is the first question")
    replies(interview, "5000", "3")
    assert interview.back() is None
    assert prompt_of(interview) == ("vcpus", "3")
    assert interview.back() is None
    replies(interview, "6000", "", "", "")
    assert (interview.instance().memory, interview.instance().vcpus) == (6000, 3)
    assert interview.answered()[1].origin.source is Source.TYPED


def test_back_between_the_two_entries_of_a_secret(products: Products) -> None:
    interview = begin(Engine, products)
    replies(interview, "engine.example.com", "x1y2")
    assert interview.back() is None
    assert interview.prompt
    assert not interview.prompt.again
    assert interview.back() is None
    assert prompt_of(interview) == ("fqdn", "engine.example.com")


def test_given_answers_are_not_asked(products: Products, files: Files) -> None:
    answers = load(ALL, files=[files(f"{MEMORY}=str:4096\n{VCPUS}=int:2")])
    interview = SectionInterview(Vm, products, answers)
    assert prompt_of(interview)[0] == "access"
    replies(interview, "", "")
    assert [str(one.origin).rpartition("/")[2] for one in interview.answered()][:2] == [
        "answers.conf:2",
        "answers.conf:3",
    ]


def test_given_answers_are_checked_like_typed_ones(products: Products, files: Files) -> None:
    body = f"{MEMORY}=str:20000\nOVEHOSTED_STORAGE/storageDomainConnection=str:/srv/taken\n{PASSWORD}=str:z9q"
    answers = load(ALL, files=[files(body)])
    interview = SectionInterview(Vm, products, answers)
    assert told(interview.problems) == [("HE-ANSWERS-VALUE", "answers.conf:2")]
    assert prompt_of(interview) == ("memory", "8000")  # where somebody is there, it is asked
    assert told(answers.problems) == [("HE-ANSWERS-VALUE", "answers.conf:4")]  # what the value alone tells, at once
    assert "z9q" not in repr([vars(one) for one in answers.problems])
    assert told(SectionInterview(Local, products, answers).problems) == [("HE-NAME-TAKEN", "")]


def test_what_a_run_has_recorded_is_not_checked_again(products: Products, files: Files) -> None:
    connection = "OVEHOSTED_STORAGE/storageDomainConnection"
    again = files(f"{connection}=str:/srv/taken")
    for sources in ([], [again]):  # the files named then are read again
        answers = load(ALL, files=sources, resumed={connection: Recorded("/srv/taken")})
        interview = SectionInterview(Local, products, answers)
        assert interview.prompt is None
        assert str(interview.instance().path) == "/srv/taken"
    answers = load(ALL, files=[again], resumed={connection: Recorded("/srv/free")})
    assert SectionInterview(Local, products, answers).problems


def test_bool_false_means_there_is_none(products: Products, files: Files) -> None:
    answers = load(ALL, files=[files("OVEHOSTED_VM/cloudinitVMStaticCIDR=bool:False")])
    interview = SectionInterview(Vm, products, answers)
    interview.accept_defaults()
    assert interview.instance().static is None


def test_what_is_never_asked_needs_an_answer() -> None:
    @section("Hidden")
    class Hidden:
        code: str = ask("Code", key="HOSTED_ENGINE/code", asked=False)

    assert told(SectionInterview(Hidden, {}, Answers()).problems) == [("HE-ANSWERS-MISSING", "")]
    answers = load([Hidden], options=[Option("HOSTED_ENGINE/code", "7", "--code")])
    assert SectionInterview(Hidden, {}, answers).instance() == Hidden(code="7")


def test_an_optional_secret_may_stay_away() -> None:
    @section("Portal")
    class Portal:
        password: Secret | None = ask("Portal password", key="OVEHOSTED_STORAGE/iSCSIPortalPassword")

    interview = SectionInterview(Portal, {}, Answers())
    replies(interview, "")
    assert interview.instance() == Portal(password=None)
    interview = SectionInterview(Portal, {}, Answers())
    replies(interview, "x1y2", "x1y2")
    assert interview.instance() == Portal(password=Secret("x1y2"))


def test_a_secret_key_needs_a_secret_question(files: Files) -> None:
    @section("Wrong")
    class Wrong:
        password: str = ask("Password", key=PASSWORD)

    with pytest.raises(TypeError, match="type of its question is Secret"):
        load([Wrong], files=[files(f"{PASSWORD}=str:x1y2")])
