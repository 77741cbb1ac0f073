"""What nothing of the demo site can tell by itself, as manual observations: power, clusters, services, roots."""

from __future__ import annotations

from typing import Any, NamedTuple

from cmdb.demo.device import Device
from cmdb.demo.site import Site
from cmdb.model import vendor_slug
from cmdb.model.registry import Model, load_model
from cmdb.observation import Report
from collectors.push.manual import ManualFile
from collectors.push.manual import manual_report as report_of


class Asked(NamedTuple):
    """The question of the demo. The answer is for the engine to find."""

    text: str
    kind: str
    seed: str
    seed_key: str
    service: str
    service_key: str


def manual_report(site: Site, at: int, model: Model | None = None) -> Report:
    """The report of source `manual` for a site; `at` in epoch milliseconds. Raises Invalid with file and key.

    `model` is the built-in one unless given.
    """
    devices = list(site.devices)

    def label(index: int) -> str:
        return f"devices.{devices[index]}" if index < len(devices) else f"services[{index - len(devices)}]"

    return report_of(manual_file(site), at, model or load_model(), site.file, label)


def manual_file(site: Site) -> ManualFile:
    """The same as a file of manual observations: devices as the site orders them, then what stands under `services`."""
    devices = [_device(device) for device in site.devices.values()]
    services = [ci.model_dump(by_alias=True, exclude_none=True) for ci in site.content.services]
    return ManualFile.model_validate({"format": 1, "name": site.content.name, "cis": [*devices, *services]})


def describe(site: Site) -> Asked:
    """The question that the site asks, with the identifiers of seed and service."""
    question = site.content.question
    service = next(ci for ci in site.content.services if ci.ci_class == "Service" and ci.name == question.service)
    seed_key = identifier(site.devices[question.seed])
    return Asked(question.text, question.kind, question.seed, seed_key, question.service, service.identifiers[0])


def identifier(device: Device) -> str:
    """How a person would name the device: by its serial number, else by its UUID, else by its engine id."""
    slug = vendor_slug(device.family.vendor) if device.family.vendor else None
    if slug and device.said.serial:
        return f"serial:{slug}:{device.said.serial}"
    return f"uuid:{device.said.uuid}" if device.said.uuid else f"engine-id:{device.engine_id.hex()}"


def _device(device: Device) -> dict[str, Any]:
    said = device.said
    members = [
        {"class": "SoftwareInstance", "key": one.key, "links": [{"type": "MEMBER_OF", "to": one.member_of}]}
        for one in said.software.values()
        if one.member_of
    ]
    return {
        "class": device.family.ci_class,
        "key": device.name,
        "name": device.name,
        "identifiers": [identifier(device)],
        "attributes": {"root_of": said.root_of} if said.root_of else {},
        "links": [{"type": "POWERED_BY", "to": feed} for feed in said.power],
        "parts": members,
    }
