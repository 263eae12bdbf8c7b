"""Executes a plan: asks, checks, changes; journals all of it; goes on from where an earlier process died."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import msgspec

from hosted_setup.model.events import Heading, Info, StepBegun
from hosted_setup.model.problem import ExitCode, Problem, Problems
from hosted_setup.pipeline.codec import decode, encode
from hosted_setup.pipeline.journal import Answered, Begun, Committed, Confirmed, Done, Intent, Past, Reverted
from hosted_setup.pipeline.plan import Ask, Item
from hosted_setup.pipeline.rollback import roll_back
from hosted_setup.pipeline.stage import COMMIT, Stage
from hosted_setup.pipeline.step import Step
from hosted_setup.pipeline.undo import UndoLog
from hosted_setup.ports.host import Host
from hosted_setup.ports.problems import ABORT, RESUME

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hosted_setup.pipeline.journal import Journal
    from hosted_setup.pipeline.undo import Undo


class RunOutdated(Problem):
    """The unfinished run was made by another version of this program."""

    code = "HE-RUN-OUTDATED"
    title = "The unfinished run cannot be resumed by this version"
    exit_code = ExitCode.UNFINISHED


def outdated(past: Past, detail: str, why: str = "") -> RunOutdated:
    """Give the problem with the one way on there is: back, or past the commit point the version that began the run."""
    if past.committed:
        hint = "Its engine is deployed, so the version of hosted-engine that began the run has to end it:"
        return RunOutdated(detail, why=why, hint=hint, command=RESUME)
    return RunOutdated(detail, why=why, hint="Take the run back:", command=ABORT)


class Declined(Exception):  # noqa: N818 - an outcome, not an error
    """The operator did not confirm."""


@runtime_checkable
class HasEffects(Protocol):
    """A product that destroys something says so in the preview."""

    def effects(self) -> tuple[str, ...]:
        """Give a sentence for every destructive effect."""


class Asker(Protocol):
    """What the runner needs of an interview."""

    def ask(self, section: type[Any], have: Mapping[type[Any], Any]) -> object:
        """Give the answered section."""

    def texts(self, section: type[Any]) -> tuple[tuple[str, str], ...]:
        """Give the answers of a section that was asked, as key and text, without secrets."""

    def confirm(self, effects: tuple[str, ...]) -> bool:
        """Show the preview; tell whether the operator goes ahead."""


class _Log:
    """The undo log of one step."""

    def __init__(self, journal: Journal, step: str, past: Past) -> None:
        self._journal = journal
        self._step = step
        self._past = past

    def before(self, undo: Undo) -> None:
        record = Intent(self._past.next_intent, self._step, undo.name, encode(undo))
        self._journal.append(record)
        self._past.take(record)


def recall(past: Past, items: Iterable[Item]) -> dict[type[Any], Any]:
    """Give the products that a journal holds, by type; what cannot be read any more is left out."""
    have: dict[type[Any], Any] = {}
    for item in items:
        if isinstance(item, Step) and item.gives is not None and item.name in past.done:
            with contextlib.suppress(msgspec.ValidationError):
                have[item.gives] = decode(past.done[item.name], item.gives)
    return have


@dataclass
class Runner:
    """Executes one plan once."""

    items: tuple[Item, ...]
    host: Host
    journal: Journal
    asker: Asker
    past: Past

    def run(self, *given: object) -> Mapping[type[Any], Any]:
        """Execute the plan from what is `given`; give every product by type.

        Raises:
            Problem: what stopped it; in the validation stage all problems at once.
            Declined: the operator did not confirm.
        """
        have: dict[type[Any], Any] = {type(one): one for one in given}
        self._take_back_what_is_stale(have)
        for stage in Stage:
            items = tuple(item for item in self.items if item.stage is stage)
            if stage is Stage.TRANSACTION and not self.past.confirmed:
                self._confirm(have)
            for heading in stage.headings if items else ():
                self.host.reporter.emit(Heading(heading))
            if stage is Stage.VALIDATION:
                self._validate(items, have)
            else:
                for item in items:
                    self._item(item, have)
        return have

    def _take_back_what_is_stale(self, have: dict[type[Any], Any]) -> None:
        """On resume: decode what is done, undo the step that was cut and every step that no longer holds."""
        for item in self.items:
            if not isinstance(item, Step) or item.name not in self.past.versions:
                continue
            if self.past.versions[item.name] != item.version:
                raise outdated(self.past, f"step {item.name} has changed")
            if item.name not in self.past.done or not self._holds(item, have):
                self._revert(item.name)
                return

    def _holds(self, step: Step, have: dict[type[Any], Any]) -> bool:
        if step.gives is None:
            return True
        product = self._recall(step)
        have[step.gives] = product
        if step.holds is None or self.past.committed:
            return True
        if step.holds(product, self.host):
            return True
        del have[step.gives]
        self.host.reporter.emit(Info(f"{step.title}: no longer as it was left, doing it again"))
        return False

    def _revert(self, name: str) -> None:
        roll_back(self.journal, self.past, self.host, self.past.steps_from(name))
        self._record(Reverted(name))

    def _recall(self, step: Step) -> object:
        try:
            return decode(self.past.done[step.name], step.gives or object)
        except msgspec.ValidationError as error:
            raise outdated(self.past, f"what step {step.name} left cannot be read", str(error)) from error

    def _confirm(self, have: Mapping[type[Any], Any]) -> None:
        effects = tuple(line for one in have.values() if isinstance(one, HasEffects) for line in one.effects())
        if not self.asker.confirm(effects):
            raise Declined
        self._record(Confirmed())

    def _validate(self, items: tuple[Item, ...], have: dict[type[Any], Any]) -> None:
        """Run every item whose needs are there; collect all problems."""
        problems: list[Problem] = []
        for item in items:
            if all(need in have for need in item.products):
                try:
                    self._item(item, have)
                except Problem as problem:
                    problems.append(problem)
        if len(problems) == 1:
            raise problems[0]
        if problems:
            raise Problems(problems)

    def _item(self, item: Item, have: dict[type[Any], Any]) -> None:
        if isinstance(item, Ask):
            have[item.section] = self.asker.ask(item.section, have)
            answers = self.asker.texts(item.section)
            if any(self.past.answers.get(key) != text for key, text in answers):
                self._record(Answered(item.section.__name__, answers))
        elif item.name not in self.past.done:
            self._step(item, have)
        elif item.commits and not self.past.committed:
            self._record(Committed())  # the process died between the deed and this record

    def _step(self, step: Step, have: dict[type[Any], Any]) -> None:
        if step.stage >= Stage.TRANSACTION:
            self.host.reporter.emit(StepBegun(step.title, self.items.index(step) + 1, len(self.items)))
        if step.commits:
            self.host.reporter.emit(Heading(COMMIT))
        self._record(Begun(step.name, step.version))
        services: dict[type[Any], Any] = {Host: self.host, UndoLog: _Log(self.journal, step.name, self.past)}
        product = step.function(*(services.get(need, have.get(need)) for need in step.needs))
        if step.gives is not None:
            have[step.gives] = product
        self._record(Done(step.name, encode(product)))
        if step.commits:
            self._record(Committed())

    def _record(self, record: Answered | Begun | Committed | Confirmed | Done | Reverted) -> None:
        self.journal.append(record)
        self.past.take(record)
