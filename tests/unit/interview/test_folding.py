"""Lines on a terminal: broken at blanks, never inside what is to be copied."""

from __future__ import annotations

from hosted_setup.interview.frontends.screen import Screen
from hosted_setup.model.events import Failed, Info, Summary, Warn
from hosted_setup.ports.problems import NameTaken
from tests.unit.interview.test_screen import Terminal


def test_on_a_terminal_lines_are_broken_at_blanks_alone() -> None:
    out = Terminal()
    screen = Screen(out, {"TERM": "dumb"})
    path = f"/srv/{'long/' * 20}file"
    fits = f"/srv/{'long/' * 13}file"
    screen.emit(Info(f"Answers: {fits}"))
    screen.emit(Info(f"Log file: {path}"))
    screen.emit(
        Info(f"Go on with it, as all its answers were kept:  hosted-engine deploy --config-append={path}  or not")
    )
    screen.emit(
        Summary(("  see it run, on the console of this host:   virsh -c qemu:///system console HostedEngine1",))
    )
    why = "nothing " * 10 + path
    screen.emit(Failed(NameTaken(path, why=why, hint="Look:", command=f"virsh -c qemu:///system dominfo {path}")))
    screen.emit(Warn(f"HE-X: Title\nElse:  --ignore-check=x silences this warning, {why}"))
    assert out.getvalue().splitlines() == [
        "[ INFO  ] Answers:",
        f"     {fits}",
        "[ INFO  ] Log file:",
        path,
        "[ INFO  ] Go on with it, as all its answers were kept:",
        f"hosted-engine deploy --config-append={path}",
        "          or not",
        "",
        "            see it run, on the console of this host:",
        "              virsh -c qemu:///system console HostedEngine1",
        "[ ERROR ] HE-NAME-TAKEN: The name is taken",
        f"          What:  {path}",
        "          Why:   nothing nothing nothing nothing nothing nothing nothing",
        "                 nothing nothing nothing",
        path,
        "          Next:  Look:",
        f"                 virsh -c qemu:///system dominfo {path}",
        "[WARNING] HE-X: Title",
        "          Else:  --ignore-check=x silences this warning, nothing nothing",
        "                 nothing nothing nothing nothing nothing nothing nothing",
        "                 nothing",
        path,
    ]
