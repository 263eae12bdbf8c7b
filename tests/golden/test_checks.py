"""docs/checks.md is what the code says of its checks."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Final

from hosted_plugins import COMMANDS, FEATURES
from hosted_plugins.deploy.work import plan_of
from hosted_setup.pipeline.plan import checks_of
from hosted_setup.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from hosted_setup.pipeline.step import Step
    from tests.golden.plugin import Golden

HEAD: Final = """\
# Checks

`hosted-engine deploy --precheck` runs all of them and changes nothing; a deploy runs them before its preview. They run
side by side. One that does not end in its time (scaled by `--timeout-factor`) is `HE-CHECK-DEADLINE`, as grave as
itself. `--precheck` gives no check more than 6 seconds, and what its looks at servers have left of 9. A warning stops
nothing; `--ignore-check=NAME`, or the answer `HOSTED_ENGINE/ignoreChecks` with commas between names, silences it. What
a blocking check refuses has to be mended.

| name | | seconds | what it does | when |
|---|---|---|---|---|
"""


def _said(function: Callable[..., object]) -> str:
    return (inspect.getdoc(function) or "").partition("\n")[0]


def _rows(checks: Iterable[Step]) -> Iterator[str]:
    for one in checks:
        kind = "blocking" if one.blocking else "warning"
        when = _said(one.when) if one.when else "always"
        yield f"| `{one.label}` | {kind} | {one.within:g} | {_said(one.function)} | {when} |\n"


def test_the_table_of_checks(golden: Golden) -> None:
    checks = checks_of(plan_of(Registry((*COMMANDS, *FEATURES), third_parties=False)))
    golden.check("../../docs/checks.md", HEAD + "".join(_rows(checks)))
