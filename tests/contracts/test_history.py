"""History as it is read back, on both engines."""

from __future__ import annotations

import copy
from collections.abc import Callable

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from cmdb.history import FactChange
from cmdb.model.registry import Model
from cmdb.store.bolt import BoltStore
from cmdb.timeline import HistoryPage, ci_history, commit_history, estate_history
from tests.conftest import emptied
from tests.contracts.past import Story, differences, stored, undo


def for_many(check: Callable[[int], None], examples: int = 4) -> None:
    """Run a check on as many random stories; a failing one is told by its seed."""
    without_shrinking = settings(max_examples=examples, deadline=None, phases=[Phase.explicit, Phase.generate])
    given(st.integers(0, 2**32))(without_shrinking(check))()


def told(store: BoltStore, seed: int, commits: int = 12) -> Story:
    story = Story(seed)
    story.tell(emptied(store), commits)
    assert stored(store) == story.after[-1]
    return story


def whole(page: HistoryPage, more: object) -> list[FactChange]:
    facts = list(page.changes)
    while page.cursor is not None:
        page = more(page.cursor)  # type: ignore[operator]
        facts += page.changes
    return facts


def test_history_undone_step_by_step_gives_what_was(any_store: BoltStore, model: Model) -> None:
    def check(seed: int) -> None:
        story = told(any_store, seed)
        page = estate_history(any_store, model, 7)
        facts = whole(page, lambda cursor: estate_history(any_store, model, 7, cursor))
        now = copy.deepcopy(story.after[-1])
        for sequence in range(len(story.after) - 1, 0, -1):
            for fact in reversed([f for f in facts if f.sequence == sequence]):
                undo(now, fact)

            assert differences(now, story.after[sequence - 1]) == []
        assert [f.sequence for f in facts] == sorted((f.sequence for f in facts), reverse=True)

    for_many(check)


def test_the_history_of_each_ci_is_its_part_of_the_whole(any_store: BoltStore, model: Model) -> None:
    def check(seed: int) -> None:
        story = told(any_store, seed)
        every = whole(estate_history(any_store, model, 50), lambda c: estate_history(any_store, model, 50, c))
        for ci in sorted(story.now.cis):
            about = set(any_store.lineage([ci]))
            facts = whole(
                ci_history(any_store, model, [ci], 3), lambda c, ci=ci: ci_history(any_store, model, [ci], 3, c)
            )

            assert facts == [f for f in every if f.subject in about or (f.attribute != "parent" and f.other in about)]

    for_many(check)


def test_each_commit_tells_its_part_of_the_whole(any_store: BoltStore, model: Model) -> None:
    def check(seed: int) -> None:
        told(any_store, seed, 6)
        every = whole(estate_history(any_store, model, 50), lambda c: estate_history(any_store, model, 50, c))
        for commit in any_store.commits(0):
            facts = whole(
                commit_history(any_store, model, commit, 2),
                lambda c, commit=commit: commit_history(any_store, model, commit, 2, c),
            )

            assert facts == [f for f in every if f.sequence == commit.sequence]

    for_many(check)
