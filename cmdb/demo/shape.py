"""The shape of a site file: what may be written where."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from collectors.push.document import Strict
from collectors.push.manual import ManualCI

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Mac = Annotated[str, Field(pattern=r"^[0-9a-f][02468ace](:[0-9a-f]{2}){5}$")]
Vlan = Annotated[int, Field(ge=1, le=4094)]
Listen = Annotated[str, Field(pattern=r"^(tcp|udp)/[0-9a-f.:\[\]]+:[1-9]\d{0,4}$")]
Cable = Annotated[list[str], Field(min_length=2, max_length=2)]


class Question(Strict):
    """What the demo asks: if `seed` fails, what becomes of `service`? The answer is not written down."""

    seed: str
    kind: Literal["DOWN", "MAINTENANCE"]
    service: str
    text: str


class Software(Strict):
    """A running program of programs.yaml. `calls` are those it has sessions with, as `device:program`."""

    listen: Annotated[list[Listen], Field(min_length=1)]
    calls: list[str] = []
    member_of: str | None = None

    @property
    def key(self) -> str:
        """Its key inside the host, as a host shows it: by its lowest TCP port, else its lowest UDP port."""
        protocol, port = min(map(_place, self.listen), key=lambda p: (p[0] != "tcp", p[1]))
        return f"{protocol}-{port}"

    @property
    def port(self) -> int:
        """The TCP port that callers come to; 0 where it has none."""
        return min((port for protocol, port in map(_place, self.listen) if protocol == "tcp"), default=0)


class SiteDevice(Strict):
    """One device as the file says it. A virtual machine has a `uuid`, and the host that it is on in `runs_on`."""

    family: str
    mac: Mac
    snmp: Literal["v2c", "v3"] | None = None
    rack: str = ""
    serial: Annotated[str, Field(min_length=5, max_length=32)] | None = None
    uuid: Annotated[str, Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")] | None = None
    runs_on: str | None = None
    vlan: Vlan = 10
    power: list[str] = []
    root_of: list[str] = []
    addresses: dict[str, list[str]] = {}
    aggregates: dict[str, list[str]] = {}
    software: dict[str, Software] = {}


class Silent(Strict):
    """A thing that answers nothing and tells nothing: only the switch knows that something sends there."""

    mac: Mac
    port: str
    vlan: Vlan = 10
    address: str | None = None


class SiteFile(Strict):
    """The whole file."""

    name: Name
    question: Question
    devices: Annotated[dict[Name, SiteDevice], Field(min_length=1, max_length=5000)]
    vlans: dict[Vlan, Annotated[str, Field(min_length=1, max_length=32)]] = {}
    cables: list[Cable]
    silent: list[Silent] = []
    services: list[ManualCI]


def end(text: str) -> tuple[str, str]:
    """`acc-1:Gi1/0/1` in two parts."""
    device, _, port = text.partition(":")
    return device, port


def _place(listen: str) -> tuple[str, int]:
    protocol, _, rest = listen.partition("/")
    return protocol, int(rest.rpartition(":")[2])
