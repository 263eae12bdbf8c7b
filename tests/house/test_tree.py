"""Rules that hold for every file."""

import re
from pathlib import Path

from tests.house.conftest import ROOT, Run, Tree

# Spelt so that this file does not hold what it looks for.
MACHINE_PATHS = re.compile(r"/(?:wor[k]/|far[m]/|home/\w+/|root/\.py[e]nv)")
LONGEST = 300


def test_no_path_of_somebodys_machine(tree: Tree) -> None:
    found = [
        f"{path}:{number}: {line.strip()}"
        for path, text in tree.texts().items()
        for number, line in enumerate(text.splitlines(), 1)
        if MACHINE_PATHS.search(line)
    ]
    assert not found, "\n".join(found)


def test_a_long_module_says_why(tree: Tree) -> None:
    """More than 300 lines: the first line has to say why, with the word "long"."""
    found = [
        f"{path}: {len(lines)} lines"
        for path, text in tree.python().items()
        if len(lines := text.splitlines()) > LONGEST and "long" not in lines[0].lower()
    ]
    assert not found, "\n".join(found)


def test_links_in_documents_lead_somewhere(tree: Tree) -> None:
    found = [
        f"{path}: {target}"
        for path, text in tree.texts().items()
        if path.suffix == ".md"
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text)
        if not re.match(r"\w+:", target) and not (ROOT / path.parent / target).exists()
    ]
    assert not found, "\n".join(found)


def test_every_decision_is_in_the_index() -> None:
    folder = ROOT / "docs" / "decisions"
    index = (folder / "README.md").read_text()
    pages = sorted(page.name for page in folder.glob("[0-9]*.md"))
    assert pages == sorted(set(re.findall(r"\]\((\d+[^)]+)\)", index)))
    numbers = [name[:4] for name in pages]
    assert len(numbers) == len(set(numbers)), "two decisions share a number"


def test_the_licence_is_apache_2() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text


def test_the_gate_can_be_run(run: Run) -> None:
    gate = ROOT / ".ci" / "run"
    assert gate.stat().st_mode & 0o111 == 0o111
    run.well("bash", "-n", gate)
    mode = run.well("git", "-c", "safe.directory=*", "ls-files", "--stage", gate).split()[0]
    assert mode == "100755"


def test_make_help_lists_every_target(run: Run) -> None:
    text = (ROOT / "Makefile").read_text()
    (targets,) = re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE)
    listed = [line.split()[0] for line in run.well("make", "--no-print-directory", "help").splitlines()]
    assert listed == targets.split()


def test_make_runs_every_folder_of_tests(run: Run) -> None:
    command = run.well("make", "--no-print-directory", "--dry-run", "--assume-old=appliance", "test")
    for folder in (ROOT / "tests").iterdir():
        if any(folder.rglob("test_*.py")):
            assert re.search(rf" tests/{folder.name}(\s|$)", command), f"make test leaves out {folder.name}"


def test_the_settings_are_where_they_belong() -> None:
    assert sorted(re.findall(r"^\[+([\w-]+)(?:\.\w+)?", (ROOT / "pyproject.toml").read_text(), re.MULTILINE)) == [
        "build-system",
        *["tool"] * (1 + (ROOT / "pyproject.toml").read_text().count("[[tool.towncrier.type]]")),
    ]
    assert not [name for name in ("mypy.ini", "pytest.ini", ".importlinter", "tox.ini") if Path(ROOT, name).exists()]
