"""`hosted-engine --help`: complete, and quick because it loads nothing that only a run needs."""

import json
import sys

from hosted_plugins import COMMANDS
from hosted_setup.registry import Registry
from tests.house.conftest import Run

HEAVY = (
    "libvirt", "paramiko", "prompt_toolkit", "jinja2", "pycdlib", "urllib3", "cryptography", "asyncio", "yaml",
    "jsonschema",
)  # fmt: skip
CODE = """
import json, sys
from hosted_setup.cli import main
sys.argv = ["hosted-engine", "--help"]
try:
    main()
except SystemExit as end:
    assert not end.code
print(json.dumps(sorted(sys.modules)))
"""


def test_it_names_every_command_with_a_word_on_it(run: Run) -> None:
    text = run.well("hosted-engine", "--help")
    for command in Registry(COMMANDS, third_parties=False).commands():
        assert f"  {command.name} " in text
        assert command.help.split()[0] in text


def test_it_loads_no_heavy_library(run: Run) -> None:
    loaded = json.loads(run.well(sys.executable, "-c", CODE).splitlines()[-1])
    assert "hosted_setup.cli" in loaded
    assert not set(HEAVY) & set(loaded)
    features = {name for name in loaded if name.startswith("hosted_plugins.")}
    assert not {name for name in features if name.endswith((".steps", ".work")) or name == "hosted_plugins.vm"}


def test_each_command_has_its_help_in_both_forms(run: Run) -> None:
    for command in Registry(COMMANDS, third_parties=False).commands():
        plain = run.well("hosted-engine", command.name, "--help")
        assert run.well("hosted-engine", f"--{command.name}", "--help") == plain
        assert "--root" in plain


def test_an_unknown_command_is_a_usage_error(run: Run) -> None:
    done = run("hosted-engine", "deplpoy")
    assert done.returncode == 2
    assert "deplpoy" in done.stderr
    assert "Traceback" not in done.stderr
