"""The adapters by name: how each cuts a document into items, and reads one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from collectors.push import alarm, alertmanager, ansible, lldpctl, native, nmap
from collectors.push.entities import Note
from collectors.push.item import Context, Item

Raw = tuple[Any, Note | None]  # a parsed item, or why it could not be parsed


@dataclass(frozen=True)
class Adapter:
    """One kind of payload. `split` cuts a JSON document, `split_xml` and `split_text` other forms, where it has them.

    `to_keep` gives what of an item may be put aside; `is_open`: anyone may speak through it, as any source.
    """

    name: str
    split: Callable[[object], list[object]]
    read: Callable[[int, object, Context], Item]
    split_xml: Callable[[bytes, int], list[Raw]] | None = None
    split_text: Callable[[str], list[object]] | None = None
    to_keep: Callable[[object], object] = lambda raw: raw
    is_open: bool = False


ADAPTERS = {
    a.name: a
    for a in (
        Adapter("native", native.split, native.read_item, is_open=True),
        Adapter("ansible", ansible.split, ansible.read_item, split_text=ansible.split_text, to_keep=ansible.to_keep),
        Adapter("nmap", nmap.split, nmap.read_item, split_xml=nmap.split_xml),
        Adapter("lldpctl", lldpctl.split, lldpctl.read_item),
        Adapter("alarm", alarm.split, alarm.read_item, is_open=True),
        Adapter("alertmanager", alertmanager.split, alertmanager.read_item),
    )
}
