"""The original's keys."""

from __future__ import annotations

import pytest

from hosted_setup.interview import keys
from hosted_setup.interview.keys import Standing


def test_all_of_the_original_s_keys_are_known() -> None:
    assert len(keys.ORIGINAL) == 144
    assert not keys.ORIGINAL & keys.RETIRED
    assert keys.SECRET <= keys.ORIGINAL


@pytest.mark.parametrize(
    ("key", "standing"),
    [
        ("OVEHOSTED_VM/vmVCpus", Standing.USED),
        ("OVEHOSTED_VM/cdromUUID", Standing.WITHOUT_EFFECT),
        ("OVEHOSTED_VM/vmBoot", Standing.RETIRED),
        ("OVEHOSTED_UPGRADE/restoreDwh", Standing.RETIRED),
        ("QUESTION/1/CI_DNS", Standing.WITHOUT_EFFECT),
        ("QUESTION/x/CI_DNS", Standing.UNKNOWN),
        ("DIALOG/autoAcceptDefault", Standing.WITHOUT_EFFECT),
        ("OVEHOSTED_VM/vmvcpus", Standing.UNKNOWN),
    ],
)
def test_standing(key: str, standing: Standing) -> None:
    assert keys.standing(key, ["OVEHOSTED_VM/vmVCpus"]) is standing


@pytest.mark.parametrize(
    ("key", "like"),
    [
        ("OVEHOSTED_VM/vmVcpu", "OVEHOSTED_VM/vmVCpus"),
        ("OVEHOSTED_NETWORK/hostname", "OVEHOSTED_NETWORK/host_name"),
        ("HOSTED_ENGINE/networkmode", "HOSTED_ENGINE/networkMode"),
        ("XYZ/q", ""),
    ],
)
def test_suggestions(key: str, like: str) -> None:
    assert keys.suggest(key, ["HOSTED_ENGINE/networkMode"]) == like
