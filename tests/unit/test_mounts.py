"""The kernel's table of mounts, as it is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from hosted_setup import mounts

TABLE = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
23 22 0:20 / /run rw,nosuid - tmpfs tmpfs rw
30 23 0:20 /theirs /run/a\\040folder\\134 rw - tmpfs tmpfs rw
"""
ROOT, RUN, FOLDER = Path("/"), Path("/run"), Path("/run/a folder\\")


@pytest.fixture(autouse=True)
def _table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "table").write_text(TABLE)
    monkeypatch.setattr(mounts, "_TABLE", tmp_path / "table")


@pytest.mark.parametrize(
    ("path", "mount"), [("/", ROOT), ("/runs/a", ROOT), ("/run", RUN), ("/run/a", RUN), (FOLDER / "b/c", FOLDER)]
)
def test_the_mount_of_a_path(path: Path | str, mount: Path) -> None:
    assert mounts.mount_of(Path(path)) == mount


@pytest.mark.parametrize(
    ("path", "known", "refused"),
    [
        (FOLDER / "b", RUN, True),
        (FOLDER, RUN, True),
        (RUN / "b", ROOT, True),
        (FOLDER / "b", FOLDER, False),
        (RUN / "b", RUN, False),
        (RUN / "b", RUN / "b", False),  # it was unmounted since
    ],
)
def test_a_mount_that_came_later(path: Path, known: Path, refused: bool) -> None:  # noqa: FBT001 - a table
    if not refused:
        mounts.refuse_new_mount(path, known)
        return
    with pytest.raises(OSError, match=r"something is mounted on /run.*: it is left alone"):
        mounts.refuse_new_mount(path, known)


def test_a_mount_in_a_folder() -> None:
    for path in (RUN, FOLDER):
        with pytest.raises(OSError, match="it is left alone"):
            mounts.refuse_mounts_in(path)
    for path in (RUN / "a", FOLDER / "b"):
        mounts.refuse_mounts_in(path)
