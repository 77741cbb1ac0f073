"""Run a program under the system calls and address families that a systemd unit leaves it.

    python sandbox.py FILTER… -- FAMILY… -- PROGRAM [ARGUMENT…]

FILTER is a line of SystemCallFilter=, FAMILY a number of socket(2). What is not allowed fails with EPERM. Sets such as
@system-service are those of the systemd that is installed here; libseccomp does the rest, as it does for systemd.
"""

from __future__ import annotations

import ctypes
import errno
import os
import subprocess
import sys

ALLOW, ERRNO = 0x7FFF0000, 0x00050000  # seccomp.h: SCMP_ACT_ALLOW, SCMP_ACT_ERRNO
EQUAL = 4  # SCMP_CMP_EQ


class Comparison(ctypes.Structure):
    """struct scmp_arg_cmp."""

    _fields_ = [("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]


def expand(name: str) -> set[str]:
    """The system calls of a set, sets in it followed."""
    if not name.startswith("@"):
        return {name}
    done = subprocess.run(["systemd-analyze", "syscall-filter", name], capture_output=True, text=True, check=True)
    words = [line.strip() for line in done.stdout.splitlines()[1:]]
    return {call for word in words if word and not word.startswith("#") for call in expand(word)}


def allowed(lines: list[str]) -> set[str]:
    """What is left after all lines, as systemd.exec(5) has it for a list that starts by allowing."""
    calls: set[str] = set()
    for line in lines:
        named = {call for word in line.lstrip("~").split() for call in expand(word)}
        calls = calls - named if line.startswith("~") else calls | named
    return calls


def confine(calls: set[str], families: list[int]) -> None:
    """Let this process and its children make these calls only, and sockets of these families."""
    lib = ctypes.CDLL("libseccomp.so.2", use_errno=True)
    lib.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(lib.seccomp_init(ERRNO | errno.EPERM))
    for call in sorted(calls - {"socket"}):
        number = lib.seccomp_syscall_resolve_name(call.encode())
        if number >= 0:  # others are of another architecture
            must(lib.seccomp_rule_add_array(context, ALLOW, number, 0, None), call)
    socket = lib.seccomp_syscall_resolve_name(b"socket")
    for family in families:
        must(
            lib.seccomp_rule_add_array(context, ALLOW, socket, 1, ctypes.byref(Comparison(0, EQUAL, family, 0))),
            "socket",
        )
    must(lib.seccomp_load(context), "load")


def must(result: int, what: str) -> None:
    """Raise OSError where libseccomp refuses."""
    if result:
        raise OSError(-result, f"{os.strerror(-result)}: {what}")


if __name__ == "__main__":
    first, second = (n for n, word in enumerate(sys.argv) if word == "--")
    confine(allowed(sys.argv[1:first]), [int(n) for n in sys.argv[first + 1 : second]])
    os.execv(sys.argv[second + 1], sys.argv[second + 1 :])  # noqa: S606 - a test's own command
