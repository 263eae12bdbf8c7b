"""What an answer does: each question that is asked changes something that a run leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hosted_setup.testing.portrait import portrait

if TYPE_CHECKING:
    from tests.flow.program import Done, Program

DONE, USAGE = 0, 2


def picture(program: Program) -> dict[str, str]:
    return portrait(program.world, {program.inputs.folder: "<inputs>"})


def deployed(program: Program, **answers: str) -> Done:
    program.answer(**answers)
    done = program.deploy()
    assert done.code == DONE, done.out
    return done


def shared(program: Program, name: str) -> str:
    """Give a file of the shared configuration."""
    (found,) = (text for path, text in picture(program).items() if path.endswith(f"/conf/{name}"))
    return found


def test_notifications(program: Program) -> None:
    deployed(
        program, OVEHOSTED_NOTIF__smtpServer="str:mail.example.com", OVEHOSTED_NOTIF__smtpPort="str:587",
        OVEHOSTED_NOTIF__sourceEmail="str:he@example.com", OVEHOSTED_NOTIF__destEmail="str:a@example.com, b@e.org",
    )  # fmt: skip
    lines = shared(program, "broker.conf").splitlines()
    assert {
        "smtp-server=mail.example.com", "smtp-port=587", "source-email=he@example.com",
        "destination-emails=a@example.com,b@e.org",
    } <= set(lines)  # fmt: skip


def test_an_address_that_is_none(program: Program) -> None:
    program.answer(OVEHOSTED_NOTIF__destEmail="str:root@localhost;admin@localhost")
    done = program.deploy()
    assert (done.code, "HE-ANSWERS-VALUE" in done.out) == (USAGE, True), done.out
