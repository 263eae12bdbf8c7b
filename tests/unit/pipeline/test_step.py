"""A step that is written wrongly is found when it is declared."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from hosted_setup.model.question import ask, section
from hosted_setup.pipeline.stage import Stage
from hosted_setup.pipeline.step import StepError, check, step, step_of
from hosted_setup.pipeline.undo import Undo, UndoLog
from hosted_setup.ports.host import Host


@dataclass(frozen=True)
class Need:
    """A need."""


@dataclass(frozen=True)
class Product:
    """A product."""


@dataclass
class Loose:
    """A product that may change."""


@section("Wishes")
class Wishes:
    """A section."""

    one: str = ask("One", key="TEST/one", default="")


def test_a_step_is_read_from_its_annotations() -> None:
    @step(Stage.TRANSACTION, "Make it", version=3, commits=True)
    def make(need: Need, wishes: Wishes, host: Host, undo: UndoLog) -> Product:
        return Product()

    read = step_of(make)
    assert (read.title, read.stage, read.gives, read.version, read.commits) == (
        "Make it",
        Stage.TRANSACTION,
        Product,
        3,
        True,
    )
    assert read.needs == (Need, Wishes, Host, UndoLog)
    assert read.products == (Need, Wishes)
    assert read.name == "tests.unit.pipeline.test_step.make"


def test_a_check_gives_nothing() -> None:
    @check("Look at it")
    def look(need: Need) -> None:
        """Look."""

    assert step_of(look).gives is None
    assert step_of(look).stage is Stage.VALIDATION
    with pytest.raises(StepError, match="a check gives nothing"):

        @check("Give")
        def give(need: Need) -> Product:
            return Product()


def test_a_step_gives_something() -> None:
    with pytest.raises(StepError, match="a step gives a product"):

        @step(Stage.SETUP, "Nothing")
        def nothing(need: Need) -> None:
            """Give nothing."""


@pytest.mark.parametrize("stage", [Stage.SETUP, Stage.CUSTOMIZATION, Stage.VALIDATION])
def test_nothing_is_undone_before_the_transaction(stage: Stage) -> None:
    with pytest.raises(StepError, match="nothing is changed before the transaction"):

        @step(stage, "Too early")
        def early(need: Need, undo: UndoLog) -> Product:
            return Product()


def test_a_check_cannot_have_an_undo_log() -> None:
    with pytest.raises(StepError, match="nothing is changed before the transaction"):

        @check("Sly")
        def sly(need: Need, undo: UndoLog) -> None:
            """Change something."""


def test_a_bare_value_does_not_say_what_it_means() -> None:
    with pytest.raises(StepError, match=r"str.*is not a frozen dataclass"):

        @step(Stage.SETUP, "Bare need")
        def bare(path: str) -> Product:
            return Product()


def test_a_product_must_not_change() -> None:
    with pytest.raises(StepError, match=r"Loose.*is not a frozen dataclass"):

        @step(Stage.SETUP, "Loose product")
        def loose(need: Need) -> Loose:
            return Loose()


def test_a_parameter_without_an_annotation_is_named() -> None:
    def untyped(need) -> Product:  # type: ignore[no-untyped-def]  # noqa: ANN001 - the mistake under test
        return Product()

    with pytest.raises(TypeError, match="no annotation on need"):
        step(Stage.SETUP, "Untyped")(untyped)


def test_a_plain_function_is_no_step() -> None:
    with pytest.raises(StepError, match="is not a step"):
        step_of(test_a_plain_function_is_no_step)


def test_two_undo_actions_cannot_share_a_name() -> None:
    class Mine(Undo, name="test.shared"):
        """One."""

    assert Undo.registry["test.shared"] is Mine
    with pytest.raises(TypeError, match=r"two undo actions are called test\.shared"):

        class Yours(Undo, name="test.shared"):
            """Another."""
