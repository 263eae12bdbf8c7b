"""Long, since every way through a plan is here: asks, checks, changes; journals it; goes on where a process died."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import msgspec

from hosted_setup.interview.frontend import Confirm, Decline
from hosted_setup.model.events import Failed, Heading, Info, StepBegun
from hosted_setup.model.lookup import call_with
from hosted_setup.model.messages import _
from hosted_setup.model.problem import ExitCode, Problem, together
from hosted_setup.pipeline.checking import Result, look, nothing, refusal, run_checks, warnings
from hosted_setup.pipeline.codec import decode, encode
from hosted_setup.pipeline.journal import Answered, Begun, Committed, Confirmed, Done, Intent, Past, Reverted
from hosted_setup.pipeline.plan import Ask, Item, Select, checks_of
from hosted_setup.pipeline.rollback import roll_back
from hosted_setup.pipeline.stage import COMMIT, Stage
from hosted_setup.pipeline.step import Step
from hosted_setup.pipeline.undo import UndoLog
from hosted_setup.ports.host import Host
from hosted_setup.ports.problems import ABORT, RESUME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from hosted_setup.pipeline.asker import Asker
    from hosted_setup.pipeline.checking import Ignored
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
        hint = _("Its engine is deployed, so the version of hosted-engine that began the run has to end it:")
        return RunOutdated(detail, why=why, hint=hint, command=RESUME)
    return RunOutdated(detail, why=why, hint=_("Take the run back:"), command=ABORT)


class Declined(Exception):  # noqa: N818 - an outcome, not an error
    """The operator did not confirm."""


@runtime_checkable
class HasEffects(Protocol):
    """A product that destroys something says so in the preview."""

    def effects(self) -> tuple[str, ...]:
        """Give a sentence for every destructive effect."""


class Intents:
    """The undo log of one step."""

    def __init__(self, journal: Journal, step: str, past: Past) -> None:
        """Write into `journal`, whose records add up to `past`."""
        self._journal = journal
        self._step = step
        self._past = past

    def before(self, undo: Undo) -> None:
        """Record it."""
        record = Intent(self._past.next_intent, self._step, undo.name, encode(undo))
        self._journal.append(record)
        self._past.take(record)


def recall(past: Past, items: Iterable[Item]) -> dict[type[Any], Any]:
    """Give the products that a journal holds, by type; what cannot be read any more is left out."""
    have: dict[type[Any], Any] = {}
    for item in items:
        if isinstance(item, Step) and item.kept and item.gives is not None and item.name in past.done:
            with contextlib.suppress(msgspec.ValidationError):
                have[item.gives] = decode(past.done[item.name], item.gives)
    return have


def _anew(step: Step) -> bool:
    """Tell whether a step is done anew where a run goes on: what only one way needs, what the journal does not keep.

    A check that has passed has passed.
    """
    return step.gives is not None and (step.only is not None or not step.kept)


@dataclass
class Runner:
    """Executes one plan once."""

    items: tuple[Item, ...]
    host: Host
    journal: Journal
    asker: Asker
    past: Past
    ignored: Ignored = nothing
    """Told what is answered, gives the checks whose warnings the operator knows of."""
    settled: Callable[[], None] = lambda: None
    """Called when nothing is left to ask or to check, before the first change."""
    _looked: dict[str, tuple[Any, ...]] = field(default_factory=dict, init=False)
    """What each step before the transaction has looked at when it gave its product."""

    def run(self, *given: object) -> Mapping[type[Any], Any]:
        """Execute the plan from what is `given`; give every product by type.

        Raises:
            Problem: what stopped it; in the validation stage all problems at once.
            Declined: the operator did not confirm.
        """
        have: dict[type[Any], Any] = {type(one): one for one in given}
        if self.past.confirmed:
            self._take_back_what_is_stale(have)
        for item in self._begin(Stage.SETUP):
            self._step(item, have)
        self._consult(have)
        self.settled()
        for stage in (Stage.TRANSACTION, Stage.CLOSING):
            for item in self._begin(stage):
                self._step(item, have)
        return have

    def _begin(self, stage: Stage) -> tuple[Item, ...]:
        items = tuple(item for item in self.items if item.stage is stage)
        for heading in stage.headings if items else ():
            self.host.reporter.emit(Heading(_(heading)))
        return items

    def _consult(self, have: dict[type[Any], Any]) -> None:
        """Ask and check until no check has anything to say and the operator goes ahead."""
        questions = self._begin(Stage.CUSTOMIZATION)
        while True:
            self._ask(questions, have)
            problem = self._validate(self._begin(Stage.VALIDATION), have)
            if self.past.confirmed:
                if problem is not None:
                    raise problem
                return
            plan = tuple(_(item.title) for item in self._work(have) if item.stage is Stage.TRANSACTION)
            review = self.asker.review(plan, _effects(have), problem)
            if isinstance(review, Decline):
                raise Declined
            if isinstance(review, Confirm):
                self._record(Confirmed())
                return

    def _ask(self, items: tuple[Item, ...], have: dict[type[Any], Any]) -> None:
        """Walk through questions and what looks at their answers: forward, and back where the operator wants it."""
        at, way = 0, 1
        while at < len(items):
            item = items[at]
            if item.only is not None and not item.only.due(have):
                self._leave_out(item, have)
            elif isinstance(item, Ask):
                way = 1 if self._question(item, have, returning=way < 0) else -1
            elif way > 0:
                try:
                    self._step(item, have)
                except Problem as problem:
                    at = self._asked_before(item, items[:at], problem) - 1
            at += way

    def _leave_out(self, item: Step | Ask, have: dict[type[Any], Any]) -> None:
        if item.gives is not None:
            have.pop(item.gives, None)
        if isinstance(item, Ask):
            self.asker.leave_out(item.section)

    def _question(self, item: Ask, have: dict[type[Any], Any], *, returning: bool) -> bool:
        """Ask a section and record its answers; False when the operator goes back."""

        def record() -> None:
            name = item.section.__name__
            for typed in (False, True):
                texts = self.asker.texts(item.section, typed=typed)
                news = tuple((key, text) for key, text in texts if not self._knows(key, text, name))
                if news:
                    self._record(Answered(name, news, typed))

        answers = self.asker.ask(item.section, {**have, Host: self.host}, record, returning=returning)
        record()
        if answers is None:
            return False
        have[item.section] = answers
        return True

    def _knows(self, key: str, text: str, section: str) -> bool:
        before = self.past.answers.get(key)
        return before is not None and (before.text, before.section) == (text, section)

    def _asked_before(self, step: Item, items: tuple[Item, ...], problem: Problem) -> int:
        """Have the last section asked anew whose answers `step` has found wrong; give its place.

        Raises:
            Problem: `problem`, where no answer can mend it.
        """
        places = [at for at, item in enumerate(items) if isinstance(item, Ask) and item.section in step.products]
        section = items[places[-1]].gives if places else None
        if section is None or self.past.confirmed or not self.asker.reopen(section):
            raise problem
        self.host.reporter.emit(Failed(problem))
        return places[-1]

    def _take_back_what_is_stale(self, have: dict[type[Any], Any]) -> None:
        """On resume: decode what is done, undo the step that was cut and every step that no longer holds."""
        for item in self.items:
            if not isinstance(item, Step) or _anew(item) or item.name not in self.past.versions:
                continue
            if self.past.versions[item.name] != item.version:
                raise outdated(self.past, _("step {name} has changed", name=item.name))
            if item.name not in self.past.done or not self._holds(item, have):
                self._revert(item.name)
                return

    def _holds(self, step: Step, have: dict[type[Any], Any]) -> bool:
        if step.gives is None:
            return True
        product = self._recall(step)
        have[step.gives] = product
        if step.holds is None or self.past.committed or step.holds(product, self.host):
            return True
        del have[step.gives]
        self.host.reporter.emit(Info(_("{title}: no longer as it was left, doing it again", title=_(step.title))))
        return False

    def _revert(self, name: str) -> None:
        roll_back(self.journal, self.past, self.host, self.past.steps_from(name))
        self._record(Reverted(name))

    def _recall(self, step: Step) -> object:
        try:
            return decode(self.past.done[step.name], step.gives or object)
        except msgspec.ValidationError as error:
            raise outdated(self.past, _("what step {name} left cannot be read", name=step.name), str(error)) from error

    def _validate(self, items: tuple[Item, ...], have: dict[type[Any], Any]) -> Problem | None:
        """Run every item whose needs are there, the checks last; tell the warnings, give all problems."""
        problems: list[Problem] = []
        for item in items:
            if item.gives is not None and any(need not in have for need in item.products):
                have.pop(item.gives, None)  # of an earlier round
            elif item.gives is not None:
                try:
                    self._step(item, have)
                except Problem as found:
                    problems.append(found)
        refused = self._check(checks_of(items), have)
        return together([*problems, refused] if refused else problems)

    def _check(self, checks: Sequence[Step], have: dict[type[Any], Any]) -> Problem | None:
        done = self.past.done if self.past.confirmed else {}
        checked = run_checks([one for one in checks if one.name not in done], have, self.host, self.ignored(have))
        for one in checked:
            if one.result not in (Result.REFUSED, Result.UNCHECKED):
                self._record(Begun(one.check.name, one.check.version))
                self._record(Done(one.check.name, encode(None)))
        for warning in warnings(checked):
            self.host.reporter.emit(warning)
        return refusal(checked)

    def _step(self, item: Item, have: dict[type[Any], Any]) -> None:
        """Do a step, unless its product is there already; one that only looks is done anew for other inputs."""
        if isinstance(item, Select):
            have[item.gives] = item.make(have)
        if not isinstance(item, Step):
            return
        if self.past.confirmed and not _anew(item):
            if item.name not in self.past.done:
                self._do(item, have)
            elif item.commits and not self.past.committed:
                self._record(Committed())  # the process died between the deed and this record
            return
        inputs = tuple(have[need] for need in item.products)
        if item.gives is None or self._looked.get(item.name) != inputs or item.gives not in have:
            if item.gives is not None:
                have.pop(item.gives, None)
            self._do(item, have)
            self._looked[item.name] = inputs

    def _do(self, step: Step, have: dict[type[Any], Any]) -> None:
        if step.stage >= Stage.TRANSACTION:
            work = self._work(have)
            if step in work:
                self.host.reporter.emit(StepBegun(_(step.title), work.index(step) + 1, len(work)))
        if step.commits:
            self.host.reporter.emit(Heading(_(COMMIT)))
        self._record(Begun(step.name, step.version))
        services: dict[type[Any], Any] = {Host: self.host, UndoLog: Intents(self.journal, step.name, self.past)}
        arguments = [services.get(need, have.get(need)) for need in step.needs]
        product = look(step, lambda: step.function(*arguments), self.host)
        if step.gives is not None:
            have[step.gives] = product
        self._record(Done(step.name, encode(product if step.kept else None)))
        if step.commits:
            self._record(Committed())

    def _work(self, have: Mapping[type[Any], Any]) -> list[Step]:
        """Give the steps that follow the confirmation, as far as they apply."""
        steps = [item for item in self.items if isinstance(item, Step) and item.stage >= Stage.TRANSACTION]
        return [one for one in steps if one.when is None or call_with(one.when, have)]

    def _record(self, record: Answered | Begun | Committed | Confirmed | Done | Reverted) -> None:
        self.journal.append(record)
        self.past.take(record)


def _effects(have: Mapping[type[Any], Any]) -> tuple[str, ...]:
    return tuple(line for one in have.values() if isinstance(one, HasEffects) for line in one.effects())
