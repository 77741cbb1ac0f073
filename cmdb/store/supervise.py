"""Run one program, start it again when it crashes, and end it when the process that asked for it is gone.

Standard library only, and started by path: it must cost little and import nothing of ours.

    python -I supervise.py PID_FILE LOCK_FD PROGRAM [ARGUMENT…]

Standard input is the leash: while the parent lives its end is open; end of file means stop. The line `ready` on it
means that the program has been seen working; only from then on is it started again after a crash.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

STOP_TIMEOUT_S = 30.0  # the first stop writes a class cache and takes up to 5 s
MAX_RESTARTS = 60  # an engine that dies at every start is given up after two minutes
RESTART_WINDOW_S = 600.0
PR_SET_PDEATHSIG = 1  # linux/prctl.h


def _die_with_parent() -> None:
    """In the child, on Linux: have the kernel end it should this process be killed."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _start(pid_file: Path, lock: int, command: list[str]) -> subprocess.Popen[bytes]:
    child = subprocess.Popen(  # noqa: S603 - the command is the launcher's own
        command,
        stdin=subprocess.DEVNULL,
        pass_fds=(lock,),
        preexec_fn=_die_with_parent if sys.platform == "linux" else None,
    )
    pid_file.write_text(str(child.pid))
    return child


def _stop(child: subprocess.Popen[bytes]) -> int:
    child.terminate()
    try:
        return child.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        child.kill()
        return child.wait()


def _wait_for_signals() -> int:
    """Turn signals into bytes on a pipe, and return its reading end."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGTERM, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's business: it closes the leash
    return reading


def main(arguments: list[str]) -> int:
    """Supervise until the leash is cut or the program ends for good; return the program's exit status."""
    pid_file, lock, command = Path(arguments[0]), int(arguments[1]), arguments[2:]
    parent = os.getppid()
    signals = _wait_for_signals()
    ready, restarts = False, list[float]()
    child = _start(pid_file, lock, command)
    while True:
        # The time limit is for a parent whose pipe a forked child of it still holds open.
        readable, _, _ = select.select([0, signals], [], [], 1.0)
        if 0 in readable:
            told = os.read(0, 64)
            ready = ready or b"ready" in told
            if not told:
                return _stop(child)
        if os.getppid() != parent or (signals in readable and signal.SIGTERM in os.read(signals, 64)):
            return _stop(child)
        if (status := child.poll()) is None:
            continue
        now = time.monotonic()
        restarts = [t for t in restarts if now - t < RESTART_WINDOW_S]
        if not ready or len(restarts) >= MAX_RESTARTS:
            return status
        restarts.append(now)
        child = _start(pid_file, lock, command)


if __name__ == "__main__":
    sys.exit(abs(main(sys.argv[1:])))
