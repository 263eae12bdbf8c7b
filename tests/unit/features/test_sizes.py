"""What has to fit where."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hosted_plugins.backup.steps import ArchiveTooLarge, size
from hosted_setup.model.values import GIB
from tests.golden import products


def test_a_backup_that_fits(capsys: pytest.CaptureFixture[str]) -> None:
    size(products.BACKUP, products.vm_answers(disk_gib=1))


def test_a_backup_larger_than_the_disk() -> None:
    facts = replace(products.ARCHIVE, expanded=3 * GIB + 1)
    with pytest.raises(ArchiveTooLarge) as caught:
        size(replace(products.BACKUP, facts=facts), products.vm_answers(disk_gib=3))
    assert caught.value.code == "HE-ARCHIVE-LARGE"
    assert "imgSizeGB" in caught.value.hint
    assert caught.value.command == "tar -tvf /backup/engine.tar.gz"
