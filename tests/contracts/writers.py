"""A process with many writing threads: python -m tests.contracts.writers NUMBER THREADS ROUNDS."""

from __future__ import annotations

import os
import sys
import threading
from itertools import pairwise
from random import Random
from typing import Any

from cmdb.changes import Change, ChangeSet, EndRelationship, SetCI
from cmdb.model.registry import load_model
from cmdb.observation import Identifier
from cmdb.store.bolt import BoltStore
from cmdb.store.engine import Endpoint
from cmdb.store.protocol import Conflict
from tests.contracts.build import AT, device, interface, relationship, target

DEVICES = 24


def plan(store: BoltStore, rng: Random, new_id: Any) -> tuple[ChangeSet, int]:
    """Three devices made or changed, with links between them; what all writers want overlaps."""
    head = store.head().sequence
    wanted = rng.sample(range(DEVICES), 3)
    found = {key: cis[0][0] for key, cis in store.by_key(f"serial:x:{n}" for n in wanted).items()}
    states = store.targets(f"snmp/{n}" for n in wanted)
    known = store.known(found.values())
    changes: list[Change] = []
    ids = []
    for n in wanted:
        ci = found.get(f"serial:x:{n}")
        if ci is None:
            ci = new_id()
            changes.append(device(ci, f"d{n}", (Identifier(f"serial:x:{n}", True),), f"snmp/{n}"))
            changes += [interface(f"{ci}-{i}", ci, f"ge-{i}", f"snmp/{n}") for i in range(5)]
        elif rng.random() < 0.5:
            before = known[ci]
            value = {"model": f"m{rng.randrange(3)}"}
            changes.append(
                SetCI(ci, before.ci_class, before.status, value, (), {**before.attributes, **value}, before.facets)
            )
        ids.append(ci)
    for one, other in pairwise(ids):
        link = (one, "DEPENDS_ON", other)
        if one not in known or link not in known[one].links:
            changes.append(relationship(*link))
        elif rng.random() < 0.3:
            changes.append(EndRelationship(*link))
    last = {n: states[f"snmp/{n}"].last_seen if f"snmp/{n}" in states else 0 for n in wanted}
    targets = [target(f"snmp/{n}", was, max(was, AT) + 1) for n, was in last.items()]
    return ChangeSet(AT, changes, targets), head


def write(store: BoltStore, seed: str, rounds: int) -> None:
    """Commit `rounds` times, planning again after every conflict."""
    rng, made = Random(seed), 0

    def new_id() -> str:
        nonlocal made
        made += 1
        return f"{seed}-{made:04}"

    done = 0
    while done < rounds:
        change_set, head = plan(store, rng, new_id)
        try:
            store.commit(change_set, head, seed, "race")
        except Conflict:
            continue
        done += 1


def main() -> None:
    """Run the threads and print `done` if none of them failed."""
    number, threads, rounds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    endpoint = Endpoint(os.environ["W_URI"], os.environ["W_DB"], os.environ["W_USER"], os.environ["W_PASSWORD"])
    store = BoltStore(endpoint, load_model())
    failures: list[BaseException] = []

    def run(seed: str) -> None:
        try:
            write(store, seed, rounds)
        except BaseException as error:
            failures.append(error)

    workers = [threading.Thread(target=run, args=(f"p{number}t{n}",)) for n in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    store.close()
    if failures:
        raise failures[0]
    print("done")


if __name__ == "__main__":
    main()
