"""Working off pushes that were taken on: one after the other, in the order they came, also after a restart."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable

import orjson
import structlog

from cmdb.entrypoints.problems import Refusal
from cmdb.entrypoints.push import Push, Sender
from cmdb.entrypoints.results import Result
from cmdb.entrypoints.spool import Job, Spool
from cmdb.errors import CmdbError, Unreachable
from cmdb.store.protocol import Conflict

log = structlog.get_logger(__name__)
RETRY_S = 2.0


class Jobs:
    """Runs the jobs of a spool in one thread, which is there only while there is something to do.

    A job that was cut off is run again from its start: what it had written is then found unchanged.
    """

    def __init__(self, push: Push, spool: Spool, count: Callable[[str, Result], None]) -> None:
        """`count` is told the adapter and the answer of each job."""
        self.push, self.spool, self.count = push, spool, count
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._thread: threading.Thread | None = None

    def wake(self) -> None:
        """See to it that waiting jobs are worked off."""
        with self._lock:
            if self._thread is None and not self._stop.is_set() and self.spool.waiting():
                self._thread = threading.Thread(target=self._run, name="push-jobs", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """Let the running job end, and start none after it; those that wait are there at the next start."""
        self._stop.set()
        thread = self._thread
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with self._lock:
                    found = self.spool.next()
                    if found is None:
                        self._thread = None
                        return
                self._work(*found)
            except (Refusal, Unreachable, Conflict) as error:
                log.warning("a push waits", error=str(error))
                self._stop.wait(RETRY_S)

    def _work(self, job: Job, body: bytes) -> None:
        try:
            sender = Sender.of(job.adapter, job.source, job.actor, job.host, job.dry_run)
            answer = self.push.take(self.push.split(body, job.media_type, sender), sender, job.received)
        except (Unreachable, Conflict):
            raise
        except (CmdbError, Refusal) as error:
            self.spool.finish(job.id, "failed", b"", str(error))
        except Exception as error:  # one bad job must not hold up those behind it
            log.error("job failed", job=job.id, trace="".join(traceback.format_exception(error)))
            self.spool.finish(job.id, "failed", b"", "The server made a mistake; its log has the details.")
        else:
            self.count(job.adapter, answer)
            self.spool.finish(job.id, "done", orjson.dumps(answer))
