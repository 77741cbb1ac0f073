"""Which mounts are file systems of a host."""

from __future__ import annotations

import pytest

from collectors.hosts.mounts import Mount, mounts, observe
from collectors.hosts.read import MOUNTS, SIZES
from collectors.transport.host_answers import HostAnswers, Section

SIZED = """\
Filesystem     1024-blocks     Used Available Capacity Mounted on
/dev/sda2        102400000 40000000  62400000      40% /
/dev/sdb1           204800     1000    203800       1% /srv/two words
tmpfs              8000000        0   8000000       0% /run
"""


def read(*lines: str, sizes: str = "") -> list[Mount]:
    text = "\n".join(lines) + "\n"
    sections = {MOUNTS: Section(MOUNTS, "", text, "", 0), SIZES: Section(SIZES, "", sizes, "", 0)}
    return mounts(HostAnswers(sections))


def test_block_devices_with_their_sizes() -> None:
    found = read(
        "proc /proc proc rw,nosuid 0 0",
        "/dev/sda2 / ext4 rw,relatime,errors=remount-ro 0 0",
        "tmpfs /run tmpfs rw,nosuid,size=10% 0 0",
        r"/dev/sdb1 /srv/two\040words xfs ro,relatime 0 0",
        sizes=SIZED,
    )

    assert found == [
        Mount("/", "/dev/sda2", "ext4", False, 104_857_600_000),
        Mount("/srv/two words", "/dev/sdb1", "xfs", True, 209_715_200),
    ]


@pytest.mark.parametrize(
    ("line", "device"),
    [
        ("nas:/export/home /home nfs4 rw,vers=4.2 0 0", "nas:/export/home"),
        ("//nas/share /mnt/share cifs rw 0 0", "//nas/share"),
        ("tank/data /tank/data zfs rw,xattr 0 0", "tank/data"),
        ("10.0.0.1:6789:/ /mnt/ceph ceph rw 0 0", "10.0.0.1:6789:/"),
    ],
)
def test_what_is_in_the_network_or_a_pool(line: str, device: str) -> None:
    assert [mount.device for mount in read(line)] == [device]


@pytest.mark.parametrize(
    "line",
    [
        "overlay / overlay rw,lowerdir=/var/lib 0 0",
        "/dev/loop3 /snap/core/1 squashfs ro,nodev 0 0",
        "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0",
        "/dev/sda1",
        "garbage",
        "/dev/sda1 none swap sw 0 0",
        f"/dev/sda1 /{'x' * 2000} ext4 rw 0 0",
    ],
)
def test_what_is_none(line: str) -> None:
    assert read(line) == []


def test_a_device_that_is_mounted_again_is_there_once() -> None:
    """Containers bind files of their host's disks; the order of the lines says nothing."""
    lines = ["/dev/sda2 /etc/hosts ext4 rw 0 0", "/dev/sda2 / ext4 rw 0 0", "/dev/sda2 /var/lib/x ext4 rw 0 0"]

    assert read(*lines) == read(*reversed(lines)) == [Mount("/", "/dev/sda2", "ext4", False)]


def test_they_stand_inside_their_host() -> None:
    (said,) = observe([Mount("/", "/dev/sda2", "ext4", False, 1024)], "uuid:x")

    assert (said.ci_class, said.key, said.parent) == ("Filesystem", "/", "uuid:x")
    assert said.attributes == {
        "name": "/", "mount_point": "/", "device": "/dev/sda2", "type": "ext4", "read_only": False, "size_bytes": 1024,
    }  # fmt: skip
