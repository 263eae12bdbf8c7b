"""The kernel tier itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lab.kernel_tier import KernelTierError, run_in_kernel


def test_a_program_runs_under_the_other_kernel_and_leaves_nothing_here(tmp_path: Path) -> None:
    script = f"uname -r; pwd; ls -d /sys/class/net/bonding_masters; echo x > {tmp_path}/x; exit 7"
    done = run_in_kernel(["sh", "-c", script], ["bonding"])
    assert done.code == 7
    release, folder, bonds = done.output.splitlines()
    assert release.endswith("-cloud-amd64")
    assert folder == str(Path.cwd())
    assert bonds == "/sys/class/net/bonding_masters"
    assert list(tmp_path.iterdir()) == []


def test_a_program_that_does_not_end_is_an_error() -> None:
    with pytest.raises(KernelTierError, match="did not end"):
        run_in_kernel(["sleep", "600"], within=2)
