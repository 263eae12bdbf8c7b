"""A bootable disk from a file tree, without loop devices, nbd or a helper VM.

GPT with a BIOS boot partition and an EFI system partition, so that the same disk starts under either
firmware. GRUB is put in place by its documented on-disk format instead of by grub-install, which wants to
see a real device.
"""

from __future__ import annotations

import shutil
import struct
import uuid
from pathlib import Path

from appliance.recipe.host import run

SIZE = 6 << 30
SECTOR = 512
BIOS_AT, BIOS_SECTORS = 2048, 2048
ESP_AT, ESP_SECTORS = 4096, 40 * 2048
ROOT_AT = ESP_AT + ESP_SECTORS
GPT_TAIL = 2048  # kept free at the end for the second copy of the partition table

LAYOUT = f"""label: gpt
start={BIOS_AT}, size={BIOS_SECTORS}, type=21686148-6449-6E6F-744E-656564454649, name=bios
start={ESP_AT}, size={ESP_SECTORS}, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B, name=esp
start={ROOT_AT}, size={SIZE // SECTOR - ROOT_AT - GPT_TAIL}, type=4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709, name=root
"""

KERNEL_ARGUMENTS = "rw quiet console=ttyS0,115200n8 net.ifnames=0 systemd.show_status=0"

# The root file system's driver is built into the kernel, virtio is not; the order is that of their needs.
INITRD_MODULES = (
    *("virtio_ring", "virtio", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_pci", "virtio_blk"),
)

INITRD_INIT = f"""#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox mount -t proc proc /proc
exec </dev/console >/dev/console 2>&1
for module in {" ".join(INITRD_MODULES)}; do /bin/busybox insmod /lib/$module.ko; done
for word in $(/bin/busybox cat /proc/cmdline); do
  case $word in root=*) root=${{word#root=}};; esac
done
echo "initrd: looking for the root file system $root"
tries=0
until device=$(/bin/busybox findfs "$root" 2>/dev/null) && [ -b "$device" ]; do
  tries=$((tries + 1))
  [ $tries -gt 400 ] && {{ echo "initrd: no disk with $root"; exec /bin/busybox sh; }}
  /bin/busybox usleep 50000
done
/bin/busybox mount -t ext4 -o rw,noatime "$device" /newroot || exec /bin/busybox sh
/bin/busybox umount /proc
/bin/busybox mount -o move /dev /newroot/dev
exec /bin/busybox switch_root /newroot /sbin/init
"""


def make_disk(root: Path, kernel: str, seed: str, work: Path, target: Path) -> None:
    """Write the tree as a bootable qcow2; ``seed`` makes the file system's UUID the recipe's own."""
    fs_uuid = str(uuid.uuid5(uuid.NAMESPACE_URL, f"appliance:{seed}"))
    _initrd(root, kernel, work / "initrd")
    (root / "etc/fstab").write_text(f"UUID={fs_uuid} / ext4 defaults,noatime,x-systemd.growfs 0 0\n")
    grub = root / "boot/grub"
    grub.mkdir(parents=True, exist_ok=True)
    (grub / "grub.cfg").write_text(
        f"linux /boot/vmlinuz-{kernel} root=UUID={fs_uuid} {KERNEL_ARGUMENTS}\ninitrd /boot/initrd\nboot\n"
    )
    raw = work / "disk.raw"
    with raw.open("wb") as disk:
        disk.truncate(SIZE)
    run(["sfdisk", "--quiet", raw], text_input=LAYOUT)
    _root_file_system(root, fs_uuid, raw)
    early = work / "early.cfg"
    early.write_text(f"search.fs_uuid {fs_uuid} root\nset prefix=($root)/boot/grub\n")
    _bios_boot(raw, early, work)
    _efi_boot(raw, early, work)
    run(["qemu-img", "convert", "-c", "-W", "-m", "2", "-O", "qcow2", "-o", "compression_type=zstd", raw, target])
    raw.unlink()


def _initrd(root: Path, kernel: str, folder: Path) -> None:
    for name in ("bin", "lib", "proc", "sys", "dev", "newroot"):
        (folder / name).mkdir(parents=True)
    shutil.copy(root / "bin/busybox", folder / "bin/busybox")
    for name in INITRD_MODULES:
        shutil.copy(next((root / "lib/modules" / kernel).rglob(f"{name}.ko")), folder / "lib")
    init = folder / "init"
    init.write_text(INITRD_INIT)
    init.chmod(0o755)
    names = "".join(f"{path.relative_to(folder)}\n" for path in sorted(folder.rglob("*")))
    # Not compressed: unpacking costs more under emulation than reading.
    run(["cpio", "--quiet", "-o", "-H", "newc", "-R", "0:0", "-O", root / "boot/initrd"], text_input=names, cwd=folder)


def _root_file_system(root: Path, fs_uuid: str, raw: Path) -> None:
    kib = (SIZE - ROOT_AT * SECTOR - GPT_TAIL * SECTOR) // 1024
    run(
        [
            *("mke2fs", "-q", "-F", "-t", "ext4", "-U", fs_uuid, "-L", "root", "-m", "0", "-J", "size=32"),
            *("-E", f"offset={ROOT_AT * SECTOR},lazy_itable_init=1,lazy_journal_init=1,root_owner=0:0"),
            *("-d", root, raw, f"{kib}k"),
        ]
    )


def _bios_boot(raw: Path, early: Path, work: Path) -> None:
    core = work / "core.img"
    modules = ("biosdisk", "part_gpt", "ext2", "linux", "normal", "search_fs_uuid")
    run(["grub-mkimage", "-O", "i386-pc", "-o", core, "-p", "/boot/grub", "-c", early, *modules])
    boot = bytearray(Path("/usr/lib/grub/i386-pc/boot.img").read_bytes()[:440])
    struct.pack_into("<Q", boot, 0x5C, BIOS_AT)  # where boot.img finds the first sector of core.img
    image = bytearray(core.read_bytes())
    struct.pack_into("<Q", image, 0x1F4, BIOS_AT + 1)  # where that sector finds the rest
    if len(image) > BIOS_SECTORS * SECTOR:
        message = "GRUB's core image outgrew the BIOS boot partition"
        raise ValueError(message)
    with raw.open("r+b") as disk:
        disk.write(boot)
        disk.seek(BIOS_AT * SECTOR)
        disk.write(image)


def _efi_boot(raw: Path, early: Path, work: Path) -> None:
    loader = work / "BOOTX64.EFI"
    modules = ("part_gpt", "fat", "ext2", "linux", "normal", "search_fs_uuid", "efi_gop")
    run(["grub-mkimage", "-O", "x86_64-efi", "-o", loader, "-p", "/boot/grub", "-c", early, *modules])
    partition = f"{raw}@@{ESP_AT * SECTOR}"
    run(
        ["mformat", "-i", partition, "-F", "-c", "1", "-T", str(ESP_SECTORS), "-h", "64", "-s", "32", "-v", "ESP", "::"]
    )
    run(["mmd", "-i", partition, "::/EFI", "::/EFI/BOOT"])
    run(["mcopy", "-i", partition, loader, "::/EFI/BOOT/BOOTX64.EFI"])
