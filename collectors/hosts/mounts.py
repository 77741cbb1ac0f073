"""Mounted file systems that hold something: those on block devices and in the network."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cmdb.observation import Observation
from cmdb.observation import Value as Attribute
from collectors.hosts.read import MOUNTS, SIZES
from collectors.transport.host_answers import HostAnswers

MOST = 2_000
LONGEST = 1_024
# What is in the network has no device of this host.
_NETWORK = frozenset(
    (
        *("nfs", "nfs4", "cifs", "smb3", "smbfs", "ceph", "glusterfs", "lustre", "gpfs", "beegfs", "afs", "ocfs2"),
        *("gfs2", "fuse.sshfs", "fuse.glusterfs", "9p", "virtiofs", "zfs"),
    )
)
_UNCHANGING = frozenset(("squashfs", "iso9660", "erofs", "cramfs"))  # images: packages, installation media
_ESCAPE = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True)
class Mount:
    """One file system. `size_bytes` is None where the host does not tell it."""

    mount_point: str
    device: str
    type: str
    read_only: bool
    size_bytes: int | None = None


def mounts(answers: HostAnswers) -> list[Mount]:
    """File systems by where they are mounted. One that is mounted at several places is there once, at the shortest."""
    sizes = _sizes(answers)
    found: dict[tuple[str, str], Mount] = {}
    for line in answers.lines(MOUNTS):
        mount = _mount(line, sizes)
        if mount is None:
            continue
        key = (mount.device, mount.type)
        before = found.get(key)
        if before is None or _place(mount) < _place(before):
            found[key] = mount
    # Two devices on one mount point: the later one hides the earlier.
    by_place = {mount.mount_point: mount for mount in found.values()}
    return [by_place[place] for place in sorted(by_place)][:MOST]


def _place(mount: Mount) -> tuple[int, str]:
    return len(mount.mount_point), mount.mount_point


def _mount(line: str, sizes: dict[str, int]) -> Mount | None:
    """A line of /proc/mounts (fstab(5)); None for what is no store of its own."""
    words = line.split()
    if len(words) < 4 or not words[1].startswith("/"):
        return None
    device, place, kind, options = _plain(words[0]), _plain(words[1]), words[2], words[3].split(",")
    if kind in _UNCHANGING or not (device.startswith("/") or kind in _NETWORK) or device.startswith("/dev/loop"):
        return None
    if max(len(place), len(device)) > LONGEST:
        return None
    return Mount(place, device, kind, "ro" in options, sizes.get(place))


def _plain(text: str) -> str:
    """Undo the escapes of blanks: `\\040`."""
    return _ESCAPE.sub(lambda match: chr(int(match[1], 8)), text)


def _sizes(answers: HostAnswers) -> dict[str, int]:
    """Sizes by mount point from `df -Pk`, in bytes; POSIX names its columns."""
    found = {}
    for line in answers.lines(SIZES)[1:]:
        words = line.split(None, 5)
        if len(words) == 6 and words[1].isdigit():
            found[words[5]] = int(words[1]) * 1024
    return found


def observe(found: list[Mount], device: str) -> list[Observation]:
    """File systems inside the device with this key."""
    return [Observation("Filesystem", m.mount_point, _attributes(m), parent=device) for m in found]


def _attributes(mount: Mount) -> dict[str, Attribute]:
    attributes: dict[str, Attribute] = {
        "name": mount.mount_point,
        "mount_point": mount.mount_point,
        "device": mount.device,
        "type": mount.type,
        "read_only": mount.read_only,
    }
    return attributes | ({"size_bytes": mount.size_bytes} if mount.size_bytes else {})
