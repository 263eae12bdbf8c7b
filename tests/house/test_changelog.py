"""Changelog fragments."""

import re
import tomllib

from tests.house.conftest import ROOT, Run

FOLDER = ROOT / "changelog.d"
TYPES = [
    kind["directory"] for kind in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["towncrier"]["type"]
]


def test_names_and_sentences() -> None:
    for path in FOLDER.iterdir():
        if path.name == "README.md":
            continue
        assert re.fullmatch(rf"(\d+|\+[a-z0-9-]+)\.({'|'.join(TYPES)})(\.\d+)?\.md", path.name), path.name
        assert path.read_text().rstrip().endswith("."), f"{path.name} is not a sentence"


def test_the_readme_lists_the_types() -> None:
    assert re.findall(r"^\| (\w+) \|", (FOLDER / "README.md").read_text(), re.MULTILINE)[1:] == TYPES


def test_towncrier_reads_them(run: Run) -> None:
    notes = run.well("towncrier", "build", "--draft", "--version", "1.2.3")
    fragments = [path for path in FOLDER.iterdir() if path.name != "README.md"]
    assert "## 1.2.3" in notes
    assert all(path.read_text().strip() in notes for path in fragments)
