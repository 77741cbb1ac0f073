"""The graph in memory, kept current by the change feed."""

from cmdb.topology.graph import Gap, Topology
from cmdb.topology.view import Finding, PlaneView, Provider, Requirement

__all__ = ["Finding", "Gap", "PlaneView", "Provider", "Requirement", "Topology"]
