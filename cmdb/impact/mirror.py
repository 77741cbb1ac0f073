"""Groups and planes as arrays for the kernel, kept current by the journal of the live ones."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cmdb.impact import copying
from cmdb.impact.copying import place_of
from cmdb.impact.engine import Cascade, Cause
from cmdb.impact.kernel import BROKEN, DARK, EPOCH, UNKNOWN, Arrays, Counts, cascade, singles
from cmdb.impact.rows import Rows, widened
from cmdb.impact.tally import Tally
from cmdb.impact.turns import TURN
from cmdb.topology.journal import Journal, Links, Noted
from cmdb.topology.live import Group, Live, ci_of, plane_of
from cmdb.topology.plane import Fabric, Plane
from cmdb.topology.thaw import Groups

LAST_EPOCH = 2**31 - 2**20
FASTER = 32  # than the reference engine, in a turn of the same length
NOBODY = np.zeros(0, np.int32)


class Mirror:
    """A copy of `live` in arrays. Whoever uses it holds the lock of the topology.

    Literals are laid out in bands as wide as there are CIs, with some to spare: first "is up", then connectivity by
    plane. So are edges, by fabric.
    """

    def __init__(self, live: Live) -> None:
        self._live, self._journal = live, Journal()
        live.journal = self._journal
        self._width = 0
        self._serves, self._edges = Rows(np.int32, np.int64), Rows(np.int32)
        self._owner, self._slack = np.zeros(0, np.int32), np.zeros(0, np.int64)
        self._parent = np.zeros(0, np.int32)
        self._fabrics: list[Fabric] = []
        self._known: list[tuple[bool, bool]] = []  # by plane: whether it had a root, and was judged
        self._arrays: Arrays | None = None
        self._rated: tuple[Mapping[int, int], NDArray[np.int8]] = ({}, np.zeros(0, np.int8))

    # ---- questions
    def fail(self, seeds: Iterable[int], pinned: Collection[int] = ()) -> Cascade:
        """What `engine.fail` says."""
        return self._told(*self._cascade(seeds, pinned))

    def fallen(self, seeds: Iterable[int], pinned: Collection[int] = ()) -> list[int]:
        """The trail of it alone."""
        arrays, counts = self._cascade(seeds, pinned)
        return self._literals(arrays.trail[: counts.fallen])

    def hit(self, ci: int, services: Mapping[int, int]) -> list[int]:
        """Which services fail with a CI, itself aside; `services` as given to `singles`."""
        arrays, counts = self._cascade((ci,), ())
        fallen = arrays.trail[1 : counts.fallen]
        fallen = fallen[fallen < self._width]
        found: list[int] = fallen[self._rates(services)[fallen] > 0].tolist()
        return found

    def _rates(self, services: Mapping[int, int]) -> NDArray[np.int8]:
        """The criticality of all CIs, 0 for what is no service; the array for the same services is kept."""
        if self._rated[0] is not services or len(self._rated[1]) != self._width:
            rated = np.zeros(self._width, np.int8)
            rated[list(services)] = list(services.values())
            self._rated = (services, rated)
        return self._rated[1]

    def _cascade(self, seeds: Iterable[int], pinned: Collection[int]) -> tuple[Arrays, Counts]:
        given = np.fromiter(seeds, np.int32)
        arrays = self.arrays(int(given.max(initial=-1)))
        pins = np.array([ci for ci in pinned if ci < self._width], np.int32) if pinned else NOBODY
        return arrays, cascade(arrays, given, pins)

    def singles(
        self, tried: Sequence[int], services: Mapping[int, int], spend: Callable[[int], object], tally: Tally
    ) -> None:
        """Let CIs fail one by one and keep tally. `services` maps CIs to their criticality; `spend` is told of the
        work, and may give the topology away in between.
        """
        cis, tolls = np.array(tried, np.int32), np.zeros((len(tried), 3), np.int64)
        arrays = self.arrays(max(int(cis.max(initial=-1)), max(services, default=-1)), len(cis))
        rated = self._rates(services)
        done = 0
        while done < len(cis):
            begin = done
            done, steps = singles(arrays, cis, done, TURN * FASTER, rated, tolls)
            found = tolls[begin:done]
            tally.scanned = done
            tally.harmful += int(np.count_nonzero(found[:, 2]))
            tally.critical += int(np.count_nonzero(found[:, 0]))
            shown = np.flatnonzero(found[:, 0 if tally.only_services else 2])
            weights, who = found[shown].tolist(), cis[begin + shown].tolist()
            tally.rows.extend(((w[0], w[1], w[2]), ci) for w, ci in zip(weights, who, strict=True))
            spend(steps // FASTER)

    def _told(self, a: Arrays, counts: Counts) -> Cascade:
        """What the kernel left in its arrays, in the words of the reference engine."""
        fallen = a.trail[: counts.fallen]
        trail = self._literals(fallen)
        codes = a.cause[fallen]
        causes: list[Cause] = codes.tolist()
        broken = np.flatnonzero(codes <= BROKEN)
        for place, group in zip(broken.tolist(), self._groups(BROKEN - codes[broken]), strict=True):
            causes[place] = group
        touched = a.touched[: counts.touched]
        loss = dict(zip(self._groups(touched), a.loss[touched].tolist(), strict=True))
        shifted = a.shifted[: counts.shifted]
        moved = dict(zip(self._literals(shifted), a.moved[shifted - a.width].tolist(), strict=True))
        return Cascade(trail, dict(zip(trail, causes, strict=True)), loss, moved, counts.islands)

    def _groups(self, numbers: NDArray[Any]) -> list[Group]:
        numbered = self._live.numbered
        if isinstance(numbered, Groups):
            return numbered.several(numbers.tolist())
        return [numbered[number] for number in numbers.tolist()]

    def _literals(self, places: NDArray[np.int64]) -> list[int]:
        """Literals as the live ones call them, from where they are in the arrays."""
        width = self._width
        bands = places // width
        found: list[int] = np.where(bands == 0, places, ~((places - bands * width) << 16 | bands - 1)).tolist()
        return found

    # ---- the copy
    def arrays(self, highest: int = -1, questions: int = 1) -> Arrays:
        """The arrays, up to date, wide enough for CIs up to a number, with epochs for so many questions."""
        if self._journal.everything:
            self._copy(highest)
        elif highest >= self._width or self._has_changed():
            self._catch_up(highest)
        a = self._arrays
        if a is None:
            a = self._arrays = self._gathered()
        if a.state[EPOCH] + questions > LAST_EPOCH:
            for stamps in (a.group_epoch, a.moved_epoch, a.dead, a.pinned):
                stamps.fill(0)
            a.state[EPOCH] = 0
        return a

    def _copy(self, highest: int) -> None:
        """Read all groups and planes."""
        live, self._arrays = self._live, None
        self._fabrics = []
        for plane in live.planes:
            if self._band(plane) is None:
                self._fabrics.append(plane.fabric)
        self._width = _with_spare(1 + max(highest, copying.highest(live, self._fabrics)))
        self._copy_groups()
        self._copy_planes()
        self._journal.clear()

    def _band(self, plane: Plane) -> int | None:
        """Number of the fabric of a plane."""
        return next((n for n, fabric in enumerate(self._fabrics) if fabric is plane.fabric), None)

    def _copy_groups(self) -> None:
        live = self._live
        rows = copying.served(live, self._width)
        self._serves.fill(self._width * (1 + len(live.planes)), rows.places, rows.counts, *rows.values)
        owners, slacks = copying.weights(live)
        self._owner = np.concatenate((owners, np.zeros(_with_spare(0) + len(owners) // 8, np.int32)))
        self._slack = np.concatenate((slacks, np.zeros(_with_spare(0) + len(owners) // 8, np.int64)))

    def _copy_planes(self) -> None:
        width, live = self._width, self._live
        rows = copying.edges(self._fabrics, width)
        self._edges.fill(width * len(self._fabrics), rows.places, rows.counts, *rows.values)
        for fabric in self._fabrics:
            fabric.links = Links(self._journal)
        self._parent = np.full(width * len(live.planes), DARK, np.int32)
        self._known = [_stance(plane) for plane in live.planes]
        for plane in live.planes:
            plane.parent = Noted(plane.parent)
            self._read_plane(plane, plane.fabric.edges)

    def _read_plane(self, plane: Plane, cis: Collection[int]) -> None:
        """Read where CIs hang in a plane."""
        self._known[plane.number] = _stance(plane)
        if plane.is_judged:
            hangs = [plane.parent.get(ci, DARK) for ci in cis]
        elif plane.roots:
            hangs = [DARK] * len(cis)
        else:
            hangs = [UNKNOWN if ci in plane.watched and ci in plane.fabric.edges else DARK for ci in cis]
        self._parent[plane.number * self._width + np.fromiter(cis, np.int64, len(cis))] = hangs
        _written(plane).clear()

    def _gathered(self) -> Arrays:
        """The copy, and what the kernel writes on."""
        width, planes = self._width, len(self._live.planes)
        literals, groups = width * (1 + planes), len(self._owner)
        serve_group, serve_weight = self._serves.pools
        return Arrays(
            self._serves.start,
            self._serves.count,
            serve_group,
            serve_weight,
            self._owner,
            self._slack,
            loss=np.zeros(groups, np.int64),
            group_epoch=np.zeros(groups, np.int32),
            edge_start=self._edges.start,
            edge_count=self._edges.count,
            edge_far=self._edges.pools[0],
            fabric=np.array([self._band(plane) for plane in self._live.planes], np.int32),
            parent=self._parent,
            moved=np.zeros(width * planes, np.int32),
            moved_epoch=np.zeros(width * planes, np.int32),
            dead=np.zeros(literals, np.int32),
            cause=np.zeros(literals, np.int64),
            pinned=np.zeros(width, np.int32),
            orphan=np.zeros(width, np.int64),
            trail=np.zeros(literals, np.int64),
            touched=np.zeros(groups, np.int32),
            shifted=np.zeros(width * planes, np.int64),
            stack=np.zeros(width, np.int32),
            orphans=np.zeros(width, np.int32),
            kept=np.zeros(width, np.int32),
            seen=np.zeros(planes, np.int32),
            state=np.zeros(2, np.int64),
            width=width,
        )

    # ---- following
    def _has_changed(self) -> bool:
        journal, planes = self._journal, self._live.planes
        if journal.served or journal.weighed or len(planes) > len(self._known):
            return True
        if any(_links(fabric).edits or _links(fabric).cis for fabric in self._fabrics):
            return True
        return any(_written(plane) or _stance(plane) != self._known[plane.number] for plane in planes)

    def _catch_up(self, highest: int) -> None:
        """Apply what the journal tells."""
        live, journal = self._live, self._journal
        highest = max(highest, self._highest_noted())
        if any(self._band(plane) is None for plane in live.planes[len(self._known) :]):
            self._copy(highest)
            return
        if highest >= self._width or len(live.planes) > len(self._known):
            self._widen(highest)
        self._follow_groups()
        self._follow_planes()
        journal.clear()

    def _highest_noted(self) -> int:
        """The highest number of a CI in what changed."""
        numbered, highest = self._live.numbered, -1
        for literal, _, _ in self._journal.served:
            highest = max(highest, ci_of(literal))
        for number in self._journal.weighed:
            highest = max(highest, numbered[number].owner)
        for fabric in self._fabrics:
            links = _links(fabric)
            highest = max(highest, *(max(a, b) for a, b, _ in links.edits), *links.cis, -1)
        return highest

    def _widen(self, highest: int) -> None:
        """Make room for more CIs, or for more planes over fabrics that are known."""
        old, planes = self._width, len(self._known)
        new = self._width = max(old, _with_spare(highest + 1)) if highest >= old else old
        wanted = len(self._live.planes)
        self._serves.widen((1 + planes, old), (1 + wanted, new))
        self._edges.widen((len(self._fabrics), old), (len(self._fabrics), new))
        self._parent = widened(self._parent, (planes, old), (wanted, new), DARK)
        for plane in self._live.planes[planes:]:
            self._known.append(_stance(plane))
            plane.parent = Noted(plane.parent)
            self._read_plane(plane, plane.fabric.edges)
        self._arrays = None

    def _follow_groups(self) -> None:
        serves, numbered = self._serves, self._live.numbered
        pool = serves.pools[0]
        for literal, number, weight in self._journal.served:
            if weight >= 0:
                serves.append(place_of(literal, self._width), number, weight)
            else:
                serves.remove(place_of(literal, self._width), number)
        if pool is not serves.pools[0]:
            self._arrays = None
        if (more := len(numbered) - len(self._owner)) > 0:
            more += len(numbered) // 8
            self._owner = np.concatenate((self._owner, np.zeros(more, np.int32)))
            self._slack = np.concatenate((self._slack, np.zeros(more, np.int64)))
            self._arrays = None
        for number in self._journal.weighed:
            self._owner[number], self._slack[number] = numbered[number].owner, numbered[number].slack

    def _follow_planes(self) -> None:
        pool = self._edges.pools[0]
        changed: list[set[int]] = []
        for number, fabric in enumerate(self._fabrics):
            links = _links(fabric)
            for a, b, is_joined in links.edits:
                change = self._edges.append if is_joined else self._edges.remove
                change(number * self._width + a, b)
                change(number * self._width + b, a)
            changed.append(set(links.cis))
            links.clear()
        if pool is not self._edges.pools[0]:
            self._arrays = None
        noted = [literal for literal, _, _ in self._journal.served if literal < 0]
        for plane in self._live.planes:
            touched = _written(plane) | changed[self._band(plane) or 0]
            if _stance(plane) != self._known[plane.number]:
                touched |= plane.fabric.edges.keys()
            elif not plane.roots:
                touched |= {ci_of(literal) for literal in noted if plane_of(literal) == plane.number}
            self._read_plane(plane, touched)


def warm_up() -> None:
    """Compile all of the kernel, by asking it everything once."""
    live = Live()
    mirror = Mirror(live)
    plane = live.add_plane("lan", Fabric())
    for ci in range(3):
        plane.fabric.add(ci)
    plane.fabric.link(0, 1)
    plane.fabric.link(1, 2)
    plane.set_roots((0,))
    mirror.fail((1,), {0})
    mirror.singles(range(3), {2: 1}, int, Tally(only_services=True))


def _with_spare(count: int) -> int:
    return count + count // 8 + 64


def _stance(plane: Plane) -> tuple[bool, bool]:
    """What says how the whole of a plane is to be read."""
    return bool(plane.roots), plane.is_judged


def _links(fabric: Fabric) -> Links:
    """What was noted of a fabric that was copied."""
    if fabric.links is None:
        raise RuntimeError("a fabric that was copied is not followed")
    return fabric.links


def _written(plane: Plane) -> set[int]:
    """What was noted of a plane that was copied."""
    if not isinstance(plane.parent, Noted):
        raise RuntimeError("a plane that was copied is not followed")
    return plane.parent.written
