"""The recipe's own logic: nothing is built here."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import threading
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from appliance.recipe import boot, bootstrap, cache, host, ova
from tests.appliance.kit import REPOSITORY

OVF = "{http://schemas.dmtf.org/ovf/envelope/1/}"
RASD = "{http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData}"


def test_the_hash_follows_the_recipe(tmp_path: Path) -> None:
    copy = tmp_path / "appliance"
    shutil.copytree(cache.SOURCE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    first = cache.recipe_hash(bootstrap.SUITE, copy)
    assert first == cache.recipe_hash(bootstrap.SUITE)
    (copy / "README.md").write_text("said better")
    (copy / "recipe/__pycache__").mkdir()
    (copy / "recipe/__pycache__/x.pyc").write_text("x")
    assert cache.recipe_hash(bootstrap.SUITE, copy) == first
    seen = {first, cache.recipe_hash("trixie", copy)}
    with (copy / "engine/version.py").open("a") as module:
        module.write("# changed\n")
    seen.add(cache.recipe_hash(bootstrap.SUITE, copy))
    (copy / "rootfs/usr/bin/engine-setup").chmod(0o644)
    seen.add(cache.recipe_hash(bootstrap.SUITE, copy))
    (copy / "rootfs/etc/new").write_text("")
    seen.add(cache.recipe_hash(bootstrap.SUITE, copy))
    assert len(seen) == 5


def test_the_cache_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/h")
    monkeypatch.delenv("HOSTED_ENGINE_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache.cache_root() == Path("/h/.cache/hosted-engine/appliance")
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    assert cache.cache_root() == Path("/x/hosted-engine/appliance")
    monkeypatch.setenv("HOSTED_ENGINE_CACHE", "/c")
    assert cache.cache_root() == Path("/c/appliance")


def test_a_result_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    final = tmp_path / "abc"
    (tmp_path / ".building-abc-1").mkdir()

    def fail() -> None:
        with cache.publishing(final) as result:
            (result / "half").write_text("")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert not list(tmp_path.iterdir())
    with cache.publishing(final) as result:
        (result / "whole").write_text("")
        assert not final.exists()
    assert [path.name for path in tmp_path.rglob("*")] == ["abc", "whole"]


def test_two_builds_do_not_run_at_once(tmp_path: Path) -> None:
    order: list[str] = []

    def second() -> None:
        with cache.locked(tmp_path):
            order.append("second")

    with cache.locked(tmp_path):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.3)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_old_results_go(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
    cache.prune(tmp_path, keep=2)
    assert len(list(tmp_path.iterdir())) == 2


def test_missing_tools_are_named_with_their_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(host, "NEEDED", {"no-such-tool": "its-package", "/no/such/file": "other-package"})
    with pytest.raises(host.BuildError, match="apt-get install its-package other-package"):
        host.check()
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(host.BuildError, match="by root"):
        host.check()


def test_the_command_runs_as_a_file_from_anywhere(tmp_path: Path) -> None:
    command = [sys.executable, str(REPOSITORY / "appliance/build.py"), "--print-directory"]
    done = subprocess.run(
        command, cwd=tmp_path, env={"HOSTED_ENGINE_CACHE": "/c"}, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"/c/appliance/{cache.recipe_hash(bootstrap.SUITE)}\n"


def test_the_ovf_says_what_installers_read() -> None:
    disk = ova.Disk(image="i-1", volume="v-1", gib=6, size=1234)
    root = ET.fromstring(ova.ovf(disk, "4.5.7"))  # noqa: S314 our own text
    (file,) = root.iter("File")
    (described,) = root.iter("Disk")
    assert file.get(f"{OVF}href") == described.get(f"{OVF}fileRef") == "i-1/v-1"
    assert described.get(f"{OVF}size") == "6"
    assert described.get(f"{OVF}volume-format") == "COW"
    items = list(root.iterfind("Content/Section/Item"))
    assert (items[0].findtext(f"{RASD}num_of_sockets"), items[0].findtext(f"{RASD}cpu_per_socket")) == ("1", "2")
    (memory,) = [item for item in items if item.findtext(f"{RASD}AllocationUnits") == "MegaBytes"]
    assert memory.findtext(f"{RASD}VirtualQuantity") == "2048"


@pytest.mark.parametrize("compressed", [False, True])
def test_an_ova_has_the_layout(tmp_path: Path, *, compressed: bool) -> None:
    qcow2 = tmp_path / "disk.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", qcow2, "3G"], check=True)
    disk = ova.describe(qcow2, "seed")
    assert (disk.gib, disk) == (3, ova.describe(qcow2, "seed"))
    target = tmp_path / "x.ova"
    ova.write_ova(qcow2, disk, "4.5.7", target, compressed=compressed)
    assert (target.read_bytes()[:2] == b"\x1f\x8b") is compressed
    with tarfile.open(target) as archive:
        names = archive.getnames()
        content = archive.extractfile(f"images/{disk.image}/{disk.volume}")
        assert content is not None
        assert content.read() == qcow2.read_bytes()
        meta = archive.extractfile(f"images/{disk.image}/{disk.volume}.meta")
        assert meta is not None
        lines = meta.read().decode().splitlines()
    assert len(names) == 3
    assert f"SIZE={3 << 21}" in lines
    assert lines[-1] == "EOF"
    conf = tmp_path / "engine-appliance.conf"
    ova.write_conf(target, "4.5.7", conf, Path("/final"))
    values = dict(line.split("=", 1) for line in conf.read_text().splitlines())
    assert values.keys() == {"description", "version", "path", "sha1sum"}
    assert values["path"] == "/final/x.ova"


def test_the_disk_has_a_place_for_either_firmware(tmp_path: Path) -> None:
    raw = tmp_path / "disk"
    with raw.open("wb") as disk:
        disk.truncate(boot.SIZE)
    host.run(["sfdisk", "--quiet", raw], text_input=boot.LAYOUT)
    shown = host.run(["sfdisk", "--dump", raw])
    types = ["21686148-6449-6E6F-744E-656564454649", "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"]
    assert "label: gpt" in shown
    assert [kind in shown for kind in types] == [True, True]
    assert f"start={boot.ROOT_AT}," in shown.replace(" ", "")


def test_packages_are_installed_once_a_week(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed: list[Path] = []

    def install(root: Path) -> None:
        installed.append(root)
        (root / "etc").mkdir(parents=True)
        (root / "etc/issue").write_text(f"installed {len(installed)}\n")

    def issue(name: str, *, anew: bool = False) -> str:
        root = tmp_path / name / "root"
        root.parent.mkdir()
        bootstrap.bootstrap(root, tmp_path, anew=anew)
        return (root / "etc/issue").read_text()

    monkeypatch.setattr(bootstrap, "install", install)
    assert issue("a") == issue("b") == "installed 1\n"
    assert issue("c", anew=True) == issue("d") == "installed 2\n"
    (packed,) = tmp_path.glob(".packages-*.tar")
    long_ago = packed.stat().st_mtime - bootstrap.STALE_AFTER - 1
    os.utime(packed, (long_ago, long_ago))
    assert issue("e") == "installed 3\n"
