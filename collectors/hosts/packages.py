"""Lists of installed packages as software products."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote

from cmdb.observation import Identifier, Link, Observation
from cmdb.observation import Value as Attribute
from collectors.hosts.read import APK, DPKG, RPM
from collectors.transport.host_answers import HostAnswers

# Keys that came with imported signatures stand among the packages of rpm.
_NO_PACKAGE = frozenset({"gpg-pubkey"})
_NAMESPACES = {"rhel": "redhat", "opensuse-leap": "opensuse", "opensuse-tumbleweed": "opensuse", "sles": "suse"}
_PLAIN = re.compile(r"[A-Za-z0-9._:~+-]*")
_REPACKED = re.compile(r"[+~.](?:dfsg|ds|repack|deb|ubuntu|really).*$")


@dataclass(frozen=True)
class Package:
    """An installed package; `kind` is its type in package URLs (deb, rpm, apk)."""

    kind: str
    name: str
    version: str
    arch: str = ""
    epoch: str = ""
    maker: str = ""

    def purl(self, distribution: str) -> str:
        """Its package URL (purl-spec); `distribution` is ID of os-release."""
        namespace = _NAMESPACES.get(distribution, distribution) or "unknown"
        qualifiers = [f"{k}={_quoted(v)}" for k, v in (("arch", self.arch), ("epoch", self.epoch)) if v]
        name, version = _quoted(self.name), _quoted(self.version)
        return f"pkg:{self.kind}/{namespace}/{name}@{version}" + (f"?{'&'.join(qualifiers)}" if qualifiers else "")

    @property
    def upstream(self) -> str:
        """The version as the makers of the software count: without epoch, revision and marks of repacking."""
        if self.kind == "apk":
            return re.sub(r"-r\d+$", "", self.version)
        bare = self.version.partition(":")[2] or self.version
        bare = bare.rpartition("-")[0] or bare
        return _REPACKED.sub("", bare)


def _quoted(text: str) -> str:
    """Percent-encoded as purl-spec wants it: a colon stays. Almost all that ever needs it is the plus sign."""
    encoded = text.replace("+", "%2B")
    return encoded if _PLAIN.fullmatch(text) else quote(text, safe=":~")


def packages(answers: HostAnswers) -> list[Package]:
    """Everything installed, in order of kind, name and version. Removed packages whose settings stayed are left out."""
    found = {*_dpkg(answers.lines(DPKG)), *_rpm(answers.lines(RPM)), *_apk(answers.lines(APK))}
    return sorted(found, key=lambda p: (p.kind, p.name, p.version, p.arch, p.epoch, p.maker))


def _dpkg(lines: list[str]) -> list[Package]:
    """`status name version architecture`; the second letter of the status says whether it is installed."""
    rows = (line.split("\t") for line in lines)
    return [Package("deb", r[1], r[2], r[3]) for r in rows if len(r) >= 4 and r[0][1:2] == "i" and r[1] and r[2]]


def _rpm(lines: list[str]) -> list[Package]:
    out = []
    for row in (line.split("\t") for line in lines):
        if len(row) >= 4 and row[0] not in _NO_PACKAGE and row[2] != "-":
            maker = row[4].strip() if len(row) > 4 else ""
            out.append(Package("rpm", row[0], row[2], *(_said(v) for v in (row[3], row[1], maker))))
    return out


def _said(value: str) -> str:
    return "" if value in ("(none)", "0") else value


def _apk(lines: list[str]) -> list[Package]:
    """Records of the installed database; only their lines `P:` (name), `V:` (version) and `A:` (architecture)."""
    out: list[Package] = []
    record: dict[str, str] = {}
    for line in [*lines, "P:"]:
        letter, _, value = line.partition(":")
        if letter in record or (letter == "P" and not value):
            if record.get("P") and record.get("V"):
                out.append(Package("apk", record["P"], record["V"], record.get("A", "")))
            record = {}
        record[letter] = value
    return out


def observe(found: list[Package], distribution: str, device: str) -> list[Observation]:
    """Packages as products that are installed on the device with this key."""
    out = {}
    for package in found:
        purl = package.purl(distribution)
        attributes: dict[str, Attribute] = {"name": package.name, "version": package.version, "purl": purl}
        if package.maker:
            attributes["vendor"] = package.maker
        out[purl] = Observation(
            "SoftwareProduct",
            f"purl:{purl}",
            attributes,
            identifiers=(Identifier(f"purl:{purl}"),),
            links=(Link("INSTALLED_ON", device, method="package"),),
        )
    return list(out.values())
