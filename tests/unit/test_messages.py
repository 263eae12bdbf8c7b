"""A text is looked up, then filled in; what is filled in is taken as it is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo

from hosted_setup.model import messages
from hosted_setup.model.messages import _

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def _anew(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have the catalogue looked for again in each test, and after the last."""
    for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG", messages.LOCALE, messages.TOLD):
        monkeypatch.delenv(name, raising=False)
    messages._lookup.cache_clear()
    yield
    messages._lookup.cache_clear()


@pytest.fixture
def german(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install a catalogue."""
    catalogue = Catalog(locale="de")
    catalogue.add("{free:.1f} GiB free at {at}", "Auf {at} sind {free:.1f} GiB frei")
    catalogue.add("{name} is gone", "{what} ist weg")
    catalogue.add("{name} is late", "{name.first} ist {0} spät")
    catalogue.add("Storage", "Speicher")
    path = tmp_path / "de" / "LC_MESSAGES" / "hosted-engine.mo"
    path.parent.mkdir(parents=True)
    with path.open("wb") as stream:
        write_mo(stream, catalogue)
    monkeypatch.setenv(messages.LOCALE, str(tmp_path))
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")


def test_without_a_catalogue_a_text_is_itself() -> None:
    assert _("{free:.1f} GiB free at {at}", free=1.25, at="/srv") == "1.2 GiB free at /srv"
    assert _("no {fields}") == "no {fields}"


def test_a_value_is_taken_as_it_is() -> None:
    assert _("{name} is gone", name="{free} %s") == "{free} %s is gone"


@pytest.mark.usefixtures("german")
def test_a_text_is_told_in_the_language_of_the_environment() -> None:
    assert _("{free:.1f} GiB free at {at}", free=1.25, at="/srv") == "Auf /srv sind 1.2 GiB frei"
    assert _("Storage") == "Speicher"
    assert _("{name} is gone again", name="Storage") == "Storage is gone again"


@pytest.mark.usefixtures("german")
def test_nothing_is_no_text() -> None:
    assert _("") == ""


@pytest.mark.usefixtures("german")
def test_a_translation_that_wants_other_fields_is_not_used() -> None:
    assert _("{name} is gone", name="x") == "x is gone"
    assert _("{name} is late", name="x") == "x is late"


def test_every_text_is_noted_once_where_that_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noted = tmp_path / "told"
    monkeypatch.setenv(messages.TOLD, str(noted))
    for name in ("a", "b"):
        _("{name}\nis gone", name=name)
    _("Storage")
    assert [json.loads(line) for line in noted.read_text().splitlines()] == ["{name}\nis gone", "Storage"]
