"""The catalogue of texts and the page of problem codes are what the code says."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from babel.messages.pofile import write_po

from tools import catalogue

if TYPE_CHECKING:
    from tests.golden.plugin import Golden


def test_the_catalogue_of_texts(golden: Golden) -> None:
    stream = io.BytesIO()
    write_po(stream, catalogue.catalogue(), omit_header=True, include_lineno=False, width=120)
    golden.check("../../hosted_setup/locale/hosted-engine.pot", stream.getvalue().decode())


def test_the_page_of_problem_codes(golden: Golden) -> None:
    golden.check("../../docs/problems.md", catalogue.page())
