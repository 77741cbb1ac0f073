"""What the graph knows of a device can be said again."""

from __future__ import annotations

from cmdb.ingest import Ingest
from cmdb.model.registry import Model
from cmdb.observation import Identifier, Observation, Report, path, path_of
from cmdb.recall import recall
from cmdb.store.bolt import BoltStore
from tests.contracts.test_ingest import ids
from tests.reports import SERIAL, device, port, report


def test_devices_are_recalled_with_all_their_parts(any_store: BoltStore, model: Model) -> None:
    ingest = Ingest(any_store, model, lambda: 1_000, ids())
    ports = [port(SERIAL, f"Gi1/0/{n}", mac_address=f"00:1d:e5:84:{n // 256:02x}:{n % 256:02x}") for n in range(450)]
    address = Observation(
        "IPAddress", "192.0.2.1", {"address": "192.0.2.1"}, parent=path(SERIAL, "Interface", "Gi1/0/7")
    )
    software = Observation("SoftwareInstance", "nginx", {"name": "nginx"}, parent="serial:dell:2")
    ingest.run(
        [
            report("core-1", 1, device("core-1", SERIAL, "sysname:core-1"), *ports, address),
            report("web-1", 1, device("web-1", "serial:dell:2", ci_class="Computer"), software, source="ssh"),
            report("shop", 1, device("Shop", "service:shop", ci_class="Service"), source="manual"),
        ],
        "test",
        "load",
    )

    mac = Identifier("mac:00:1d:e5:84:ff:01", strong=False)
    seen = Observation("Endpoint", mac.key, {"name": "x"}, (mac,), role="reported")
    ingest.run([Report("snmp", "core-1", 2, (seen,), complete=False, part="links")], "test", "hearsay")

    found = recall(
        any_store, model, ["sysname:core-1", SERIAL, "serial:dell:2", "service:shop", "serial:no:body", mac.key]
    )

    said = {path_of(o): o for r in found for o in r.observations}
    assert len(found) == 2
    assert {path_of(o) for o in (*ports, address, software)} < said.keys()
    assert len(said) == len(ports) + 4
    assert said[SERIAL].attributes["name"] == "core-1"
    assert said[path_of(ports[3])].attributes["mac_address"] == "00:1d:e5:84:00:03"
