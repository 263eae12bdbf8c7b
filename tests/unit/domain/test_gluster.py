"""What servers say of their volumes is read strictly."""

from __future__ import annotations

import pytest

from hosted_setup.domain.gluster import LONGEST, GlusterRefused, done, volumes
from hosted_setup.model.exports import GlusterExport

UUID = "b2088929-248b-4fed-9f91-5fb89fd14ee3"
VOLUME = f"""<volume><name>engine</name><id>{UUID}</id><status>1</status><replicaCount>3</replicaCount>
<typeStr>Replicate</typeStr><bricks><brick uuid="x">a:/b<name>a:/b</name></brick></bricks>
<options><option><name>storage.owner-uid</name><value>36</value></option></options></volume>"""


def answer(body: str, ret: str = "0", words: str = "") -> str:
    return f"<cliOutput><opRet>{ret}</opRet><opErrno>0</opErrno><opErrstr>{words}</opErrstr>{body}</cliOutput>"


def info(*found: str) -> str:
    return answer(f"<volInfo><volumes>{''.join(found)}<count>{len(found)}</count></volumes></volInfo>")


def test_a_volume_is_read() -> None:
    (one,) = volumes(info(VOLUME))
    assert (one.name, one.uuid, one.started, one.replica) == ("engine", UUID, True, 3)
    assert one.bricks == ("a:/b",)
    assert one.options == {"storage.owner-uid": "36"}


def test_a_dispersed_volume_keeps_no_copies() -> None:
    assert volumes(info(VOLUME.replace("Replicate", "Disperse")))[0].replica == 0


def test_a_refusal_is_the_servers_own_words() -> None:
    with pytest.raises(GlusterRefused, match="Volume nothere does not exist"):
        done(answer("", "-1", "Volume nothere does not exist"))
    with pytest.raises(GlusterRefused, match="no reason given"):
        done(answer("", "-1"))
    done(answer(""))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Connection failed.",
        answer(""),
        info(VOLUME.replace(UUID, "no-uuid")),
        info(VOLUME.replace("<replicaCount>3", "<replicaCount>many")),
        info(VOLUME.replace("<name>engine</name>", "")),
        f'<!DOCTYPE x [<!ENTITY a "b">]>{info(VOLUME)}',
        " " * (LONGEST + 1),
    ],
)
def test_what_is_no_answer_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"answer|UUID|int|badly"):
        volumes(text)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("gluster1.example.com:/engine", "gluster1.example.com:/engine"),
        ("192.0.2.5:engine", "192.0.2.5:/engine"),
        ("[2001:db8::5]:/engine-1", "[2001:db8::5]:/engine-1"),
    ],
)
def test_a_volume_is_written_as_server_and_name(text: str, written: str) -> None:
    assert str(GlusterExport.parse(text)) == written


@pytest.mark.parametrize("text", ["engine", "host:/a/b", "host:/", "host:/a b", ":/engine"])
def test_what_is_no_volume_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"server:/volume|name|address"):
        GlusterExport.parse(text)
