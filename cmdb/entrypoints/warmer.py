"""Making the kernel of the impact engine ready while a server starts."""

from __future__ import annotations

import threading

import structlog

from cmdb.impact.fixpoint import has_kernel, mirror_of, use_kernel
from cmdb.topology import Topology

log = structlog.get_logger()


class Warmer:
    """Compiles the kernel and fills its arrays in a thread of its own.

    Until that is done, and where the extra `fast` is not installed, the reference engine answers. So nobody's question
    ever waits for a compiler.
    """

    def __init__(self, topology: Topology) -> None:
        self._topology = topology
        self._thread = threading.Thread(target=self.once, name="kernel-warmer", daemon=True)

    def start(self) -> None:
        """Begin in the background, where there is a kernel."""
        if has_kernel():
            self._thread.start()

    def stop(self) -> None:
        """Return when it is done: the compiler can't be interrupted."""
        if self._thread.is_alive():
            self._thread.join()

    def once(self) -> None:
        """Make the kernel ready; without it the reference engine goes on."""
        try:
            use_kernel()
        except (ImportError, OSError) as error:  # the extra is there and does not fit this Python or processor
            log.warning("the kernel of the impact engine can't be used, the slower engine answers", error=str(error))
            return
        with self._topology.lock:
            if (mirror := mirror_of(self._topology.live)) is not None:
                mirror.arrays()
        log.info("the kernel of the impact engine is ready")
