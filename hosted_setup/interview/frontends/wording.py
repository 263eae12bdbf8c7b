"""What questions are in words, for those who draw them line by line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hosted_setup.interview.frontend import Confirm, Decline, Reopen
from hosted_setup.model.answer import Source
from hosted_setup.model.messages import N_, _
from hosted_setup.model.question import parse_as

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hosted_setup.interview.frontend import Preview, Review
    from hosted_setup.interview.section_interview import Prompt, SectionInterview
    from hosted_setup.model.question import Choice

TO_CHANGE: Final = (N_("To change an answer, reply with its number."), "")
_REVIEW: Final = N_("Please confirm installation settings")
_MEND: Final = N_("Number of the answer to change, or No to end the run")


def review_line(preview: Preview) -> str:
    """Give the words before the reply to a preview."""
    return _(_MEND) if preview.refused else yes_or_no(_(_REVIEW), default=True)


def yes_or_no(prompt: str, *, default: bool) -> str:
    """Give the words before a yes or no."""
    return f"{prompt} (Yes, No)[{'Yes' if default else 'No'}]"


def heading_of(interview: SectionInterview) -> str:
    """Give the heading of a section, and which it is of how many; nothing where it reads as one with that before."""
    number, total = interview.place
    return f"{interview.heading} ({number}/{total})" if interview.heading else ""


def line_of(prompt: Prompt) -> str:
    """Give the words before a reply: the question, what is accepted, the default in brackets."""
    text = prompt.text
    if prompt.question.secret and not prompt.warning:
        return _("{text} (empty keeps it)", text=text) if _is_found(prompt) else text
    if prompt.words == ("yes", "no"):
        default = f"[{prompt.default.capitalize()}]" if prompt.default else ""
        return f"{text} (Yes, No){default}"
    if prompt.words:
        text = f"{text} ({', '.join(prompt.words)})"
    return text if prompt.default is None else f"{text} [{prompt.default}]"


def pick_list(choices: Sequence[Choice]) -> Iterator[str]:
    """Give the lines of a pick list, numbered."""
    for number, choice in enumerate(choices, 1):
        unfit = _("  (not to be chosen: {unfit})", unfit=choice.unfit) if choice.unfit else ""
        yield f"{number:>3}) {choice.text}{choice.description and '  '}{choice.description}{unfit}"


def review_of(text: str, preview: Preview) -> Review:
    """Give what a reply to the preview means; empty means yes.

    Raises:
        ValueError: with a sentence for the operator.
    """
    if text.isdecimal():
        if not 1 <= int(text) <= len(preview.answers):
            message = _("there is no answer {text}", text=text)
            raise ValueError(message)
        return Reopen(int(text))
    if preview.refused and not text:
        message = _("an answer is needed")
        raise ValueError(message)
    sure = not text or bool(parse_as(bool, text))
    if sure and preview.refused:
        message = _("the problems above are still there")
        raise ValueError(message)
    return Confirm() if sure else Decline()


def about(prompt: Prompt) -> Iterator[str]:
    """Give what is good to know beside a question: its help, and where its default comes from, unless it is fixed."""
    yield from prompt.question.help.splitlines()
    if _is_found(prompt):
        yield _("Origin of the default: {origin}", origin=prompt.origin)


def help_of(prompt: Prompt) -> Iterator[str]:
    """Give the lines of the help of a question."""
    question = prompt.question
    yield from question.help.splitlines() or [_("There is no further help for this question.")]
    yield from pick_list(prompt.choices)
    if _is_found(prompt):
        yield _("An empty reply takes the default, which is from: {origin}.", origin=prompt.origin)
    elif prompt.origin is not None:
        yield _("An empty reply takes the default.")
    yield _("In an answer file its key is {key}. back returns to the question before, Ctrl-D leaves.", key=question.key)


def _is_found(prompt: Prompt) -> bool:
    """Tell whether there is a default that comes from somewhere, and is not the fixed one."""
    return prompt.origin is not None and prompt.origin.source is not Source.DEFAULT
