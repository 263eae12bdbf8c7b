"""The package: what setup.cfg lists is what there is; wheel and editable install both work, without a network."""

import configparser
import shutil
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from tests.house.conftest import ROOT, Run

SOURCES = {"hosted_setup": "hosted_setup", "hosted_plugins": "plugins/hosted_plugins", "hosted_templates": "templates"}
CODE = """
import hosted_plugins, hosted_setup, importlib.resources
for package in (hosted_setup, hosted_plugins):
    print(package.__file__)
for entry in importlib.resources.files("hosted_templates").iterdir():
    print(entry)
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a copy of what packaging reads: building leaves folders behind."""
    target = tmp_path_factory.mktemp("source")
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, target)
    for folder in SOURCES.values():
        shutil.copytree(ROOT / folder, target / folder, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    return target


@pytest.fixture(scope="module")
def wheel(copy: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("wheel")
    run = Run(target)
    run.well("python", "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", target, copy)
    (built,) = target.glob("*.whl")
    return built


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """Give a virtual environment without the project, which finds the libraries of the present one."""
    place = tmp_path / "venv"
    venv.create(place, with_pip=False)
    (site,) = place.glob("lib/python*/site-packages")
    # A plain path in a .pth file: the .pth files there, the editable install among them, are not followed.
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return place


def install(run: Run, environment: Path, *what: str | Path) -> None:
    python = environment / "bin" / "python"
    run.well("python", "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--ignore-installed", *what)


def test_every_package_is_listed() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    listed = set(config["options"]["packages"].split())
    there = set()
    for package, folder in SOURCES.items():
        for module in (ROOT / folder).rglob("*.py"):
            inside = module.parent.relative_to(ROOT / folder).parts
            there.add(".".join((package, *inside)))
    assert listed == there, "packages in setup.cfg and folders with modules differ"


def test_every_package_has_an_init(tree: object) -> None:
    del tree
    for folder in SOURCES.values():
        for module in (ROOT / folder).rglob("*.py"):
            assert (module.parent / "__init__.py").exists(), f"{module.parent} lacks __init__.py"


def test_wheel_holds_features_and_templates(wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    for package, folder in SOURCES.items():
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                assert f"{package}/{path.relative_to(ROOT / folder)}" in held


def test_wheel_works_alone(wheel: Path, environment: Path, run: Run) -> None:
    install(run, environment, "--no-index", wheel)
    assert "deploy" in run.well(environment / "bin" / "hosted-engine", "--help", cwd=environment)
    found = run.well(environment / "bin" / "python", "-c", CODE, cwd=environment).splitlines()
    assert found
    assert all(line.startswith(f"{environment}/") for line in found)


def test_editable_install_follows_the_source(copy: Path, environment: Path, run: Run) -> None:
    install(run, environment, "--no-build-isolation", "--editable", copy)
    assert "deploy" in run.well(environment / "bin" / "hosted-engine", "--help", cwd=environment)
    found = run.well(environment / "bin" / "python", "-c", CODE, cwd=environment).splitlines()
    assert found
    assert all(line.startswith(f"{copy}/") for line in found)
