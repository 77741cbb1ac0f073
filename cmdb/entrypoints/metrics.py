"""Counters of the server, for Prometheus."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_UNITS = (1, 10, 50, 100, 500, 1_000, 2_500, 5_000, 10_000, 20_000)


class Metrics:
    """The counters of one server, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "cmdb_http_requests", "HTTP requests answered.", ("route", "status"), registry=self.registry
        )
        self.seconds = Histogram(
            "cmdb_http_request_seconds", "Time to answer.", ("route",), buckets=_SECONDS, registry=self.registry
        )
        self.cost = Histogram(
            "cmdb_graphql_cost_units", "Actual cost of GraphQL requests.", buckets=_UNITS, registry=self.registry
        )
        self.errors = Counter("cmdb_graphql_errors", "GraphQL errors.", ("code",), registry=self.registry)
        self.items = Counter("cmdb_ingest_items", "Pushed items.", ("adapter", "status"), registry=self.registry)
        self.ledger = Gauge("cmdb_ledger_sequence", "Sequence of the newest commit.", registry=self.registry)
        self.topology = Gauge(
            "cmdb_topology_sequence", "Sequence that the topology has reached.", registry=self.registry
        )
        self.quarantine = Gauge("cmdb_quarantine_items", "Pushed items that wait for a person.", registry=self.registry)
        self.jobs = Gauge("cmdb_ingest_jobs_waiting", "Pushes that wait to be worked off.", registry=self.registry)
        self.up = Gauge("cmdb_store_up", "1 if the store answers.", registry=self.registry)

    def graphql(self, actual: int, codes: Iterable[str]) -> None:
        """Count one GraphQL request."""
        self.cost.observe(actual)
        for code in codes:
            self.errors.labels(code).inc()

    def text(self) -> tuple[bytes, str]:
        """All of them in Prometheus' text format, and its media type."""
        return generate_latest(self.registry), CONTENT_TYPE_LATEST
