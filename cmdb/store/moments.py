"""Turn a time into the commit that was the latest then, and a sequence into its time."""

from __future__ import annotations

from collections.abc import Callable

from cmdb.errors import Invalid
from cmdb.store import cypher
from cmdb.store.connection import Connection
from cmdb.store.protocol import Head, Moment

# Sequences looked at in one query. Commit times only grow, so 100 of them narrow a chain a hundredfold: four queries
# find one commit in a hundred million. An index on the time would do on Neo4j; the embedded engine scans.
_PROBES = 100


class Moments:
    """The moments of a ledger."""

    def __init__(self, connection: Connection, clock_ms: Callable[[], int]) -> None:
        self._connection, self._clock_ms = connection, clock_ms

    def find(self, sequence: int | None, at: int | None) -> Moment:
        """The moment of a sequence or of a time (epoch ms); see `GraphStore.moment`."""
        if (sequence is None) == (at is None):
            raise Invalid("a moment is named by a sequence or by a time: give exactly one of them")
        found = self._connection.rows(cypher.HEAD)
        head = Head(*found[0]) if found else Head(0, "", 0)
        if sequence is not None:
            return self._by_sequence(sequence, head)
        return self._by_time(at or 0, head)

    def _by_sequence(self, sequence: int, head: Head) -> Moment:
        if not 0 <= sequence <= head.sequence:
            raise Invalid(f"there is no sequence {sequence} yet: the ledger is at {head.sequence}")
        return Moment(sequence, self._times([sequence]).get(sequence, 0))

    def _by_time(self, at: int, head: Head) -> Moment:
        if at >= head.at:
            if at > max(head.at, self._clock_ms()):
                raise Invalid(
                    f"the time asked for is in the future: the ledger is at sequence {head.sequence} and now is the"
                    " latest time that can be asked for"
                )
            return Moment(head.sequence, head.at)
        low, low_at, high = 0, 0, head.sequence  # the commit looked for is low or above, and below high
        while high - low > 1:
            step = max(1, (high - low) // _PROBES)
            times = self._times(list(range(low + step, high, step)))
            before = [(s, time) for s, time in times.items() if time <= at]
            low, low_at = max(before, default=(low, low_at))
            high = min(high, low + step)
        return Moment(low, low_at)

    def _times(self, sequences: list[int]) -> dict[int, int]:
        return dict(self._connection.rows(cypher.COMMIT_TIMES, seqs=sequences))
