"""Read a YAML or JSON document that people write, so that each mistake is named with its file and key."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar, TypeVar, cast

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from cmdb.errors import Invalid, LimitExceeded, NotFound, UsageError

MAX_BYTES = 16 << 20
_MAX_DEPTH = 50
_MAX_LISTED = 50

_FAST = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Strict(BaseModel):
    """Part of a document: unknown keys are refused, types are not converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=False)


Document = TypeVar("Document", bound=BaseModel)


def read_document(path: Path, shape: type[Document]) -> Document:
    """Read and validate a file of at most 16 MiB; JSON is read as the YAML that it is.

    Raises NotFound, UsageError (not readable), LimitExceeded or Invalid (each mistake as `file: key: what`).
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise NotFound(f"{path}: no such file") from error
    except OSError as error:
        raise UsageError(f"{path}: can't be read: {error.strerror}") from error
    return parse_document(raw, str(path), shape)


def parse_document(raw: bytes, name: str, shape: type[Document]) -> Document:
    """As `read_document`, for bytes that are there already; `name` stands for the file in messages."""
    if len(raw) > MAX_BYTES:
        raise LimitExceeded(f"{name}: larger than {MAX_BYTES >> 20} MiB; split it into several files")
    content = _load(raw, name)
    if not isinstance(content, dict):
        raise Invalid(f"{name}: a mapping of keys to values is expected, found {_kind(content)}")
    try:
        return shape.model_validate(content)
    except ValidationError as error:
        raise Invalid(_listed(name, ((_key(e["loc"]), _reason(dict(e))) for e in error.errors()))) from error


def refuse(name: str, mistakes: Iterable[tuple[str, str]]) -> None:
    """Raise Invalid with all (key, what) mistakes, if there are any."""
    found = list(mistakes)
    if found:
        raise Invalid(_listed(name, found))


def _listed(name: str, mistakes: Iterable[tuple[str, str]]) -> str:
    lines = [f"{name}: {key}: {what}" for key, what in mistakes]
    hidden = len(lines) - _MAX_LISTED
    return "\n".join([*lines[:_MAX_LISTED], *([f"{name}: … {hidden} more mistakes"] if hidden > 0 else [])])


def _load(raw: bytes, name: str) -> Any:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid(f"{name}: byte {error.start} is not UTF-8; save the file as UTF-8") from error
    try:
        _check_events(text)
        return yaml.load(text, Loader=_Loader)  # noqa: S506 # a safe loader that also refuses keys that stand twice
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise Invalid(f"{name}: {where}{error.problem or error.context}") from error
    except yaml.YAMLError as error:
        raise Invalid(f"{name}: not YAML: {error}") from error


def _check_events(text: str) -> None:
    """Refuse aliases (a few lines of them stand for gigabytes), tags, deep nesting and further documents."""
    depth = documents = 0
    for event in yaml.parse(text, Loader=_FAST):
        if isinstance(event, yaml.AliasEvent):
            raise _marked("aliases (*name) are not supported; write it out", event)
        if getattr(event, "tag", None) is not None:
            raise _marked("tags (!name) are not supported; write the value in quotes", event)
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise _marked("a second document begins; one is allowed", event)
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _MAX_DEPTH:
                raise _marked(f"nested deeper than {_MAX_DEPTH}", event)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _marked(problem: str, event: yaml.Event) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=cast(yaml.Mark, event.start_mark))


class _Loader(_FAST):  # type: ignore[misc,valid-type]  # chosen at run time: C where it was built
    """A safe loader that refuses a key that stands twice, and takes for numbers only what looks like one to everybody.

    To YAML 1.1 the MAC address 10:11:22:33:44:55 is a number to base 60, 0123 is octal, `no` is false, and a date is no
    text; here all of these stay the text that was written.
    """

    yaml_implicit_resolvers: ClassVar[dict[str, list[tuple[str, re.Pattern[str]]]]] = {}

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(None, None, "a key is a text, not a list or mapping", key.start_mark)
            if key.value in seen:
                raise yaml.MarkedYAMLError(None, None, f"key {key.value!r} stands here a second time", key.start_mark)
            seen.add(key.value)
        found: dict[Any, Any] = super().construct_mapping(node, deep)
        return found


for _tag, _pattern, _first in (
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("int", r"^[-+]?(?:0|[1-9][0-9]{0,18})$", "-+0123456789"),
    ("float", r"^[-+]?(?:0|[1-9][0-9]{0,18})\.[0-9]+(?:[eE][-+][0-9]{1,3})?$", "-+0123456789"),
    ("null", r"^(?:null|Null|NULL|~|)$", ["n", "N", "~", ""]),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), list(_first))


def _key(steps: Iterable[int | str]) -> str:
    """`cis[3].links[0].to` for the steps that lead to a value."""
    text = ""
    for step in steps:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text or "(top level)"


def _reason(error: dict[str, Any]) -> str:
    """What is wrong with a value; the value itself is shown only where it can't be a secret: as its kind."""
    if error["type"] == "extra_forbidden":
        return "unknown key; check the spelling"
    if error["type"] == "missing":
        return "is missing"
    message = str(error["msg"])
    message = message[:1].lower() + message[1:]
    given = _kind(error.get("input"))
    return f"{message}, found {given}" if error["type"].endswith("_type") or "type" in error["type"] else message


def _kind(value: Any) -> str:
    names = {dict: "a mapping", list: "a list", str: "a text", bool: "true or false", type(None): "nothing"}
    return names.get(type(value), "a number")
