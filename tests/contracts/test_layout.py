"""What must stay true of the files, whatever they hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmdb.errors import CmdbError
from cmdb.store.bolt import BoltStore
from tests.conftest import refuse_traps

STORE = Path(__file__).parents[2] / "cmdb" / "store"


def test_folders_that_hide_a_package_are_refused(tmp_path: Path) -> None:
    (tmp_path / "graphql").mkdir()
    (tmp_path / "tests").mkdir()
    refuse_traps(tmp_path)
    (tmp_path / "graphql" / "__init__.py").touch()
    with pytest.raises(pytest.UsageError, match="graphql-core"):
        refuse_traps(tmp_path)
    (tmp_path / "graphql" / "__init__.py").unlink()
    (tmp_path / "tests" / "graphql").mkdir()

    with pytest.raises(pytest.UsageError, match="graphql-core"):
        refuse_traps(tmp_path)


def test_the_driver_is_given_no_dates_and_no_dynamic_labels() -> None:
    """Both engines lose time zones, or crash the driver; the embedded one takes `:$(x)` and does something else."""
    for file in STORE.glob("*.py"):
        text = file.read_text()

        assert "datetime" not in text, file
        assert ":$(" not in text, file
        assert "IN TRANSACTIONS" not in text, file


def test_transactions_are_begun_in_one_place_only() -> None:
    """An autocommit statement that fails leaves half of its rows behind on the embedded engine."""
    sessions = {f.name for f in STORE.glob("*.py") if ".session(" in f.read_text()}

    assert sessions == {"connection.py", "embedded.py"}
    assert (STORE / "embedded.py").read_text().count("session.run(") == 1
    assert "session.run(" not in (STORE / "connection.py").read_text()


@pytest.mark.neo4j
def test_what_reads_alone_may_not_write(neo4j_store: BoltStore) -> None:
    """Neo4j refuses it, so that no other test can pass there with a writing statement among those that read."""
    with pytest.raises(CmdbError, match=r"(?i)writing in read access mode not allowed"):
        neo4j_store.connection.rows("CREATE (n:Nothing) RETURN n.id")

    assert neo4j_store.connection.rows("MATCH (n:Nothing) RETURN n") == []
