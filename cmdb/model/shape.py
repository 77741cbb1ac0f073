"""Reads YAML files and says where their shape is wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import yaml

from cmdb.model.near import near

MAX_FILE = 1_048_576  # bytes
MAX_DEPTH = 20
_SAFE = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C one is ten times faster, where it was built
Map = dict[str, Any]

_KINDS: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "text": ("text", lambda v: isinstance(v, str) and bool(v.strip())),
    "flag": ("true or false", lambda v: isinstance(v, bool)),
    "whole": ("a whole number", lambda v: isinstance(v, int) and not isinstance(v, bool)),
    "factor": ("a number of 1 to 100", lambda v: type(v) in (int, float) and 1 <= v <= 100),
    "texts": ("a list of texts", lambda v: isinstance(v, list) and bool(v) and all(isinstance(e, str) for e in v)),
    "range": ("two whole numbers, [least, most]", lambda v: _is_range(v)),
    "maps": ("a list of mappings", lambda v: isinstance(v, list) and all(isinstance(e, dict) for e in v)),
    "map": ("a mapping", lambda v: isinstance(v, dict)),
    "any": ("anything", lambda v: True),
}


@dataclass(frozen=True, slots=True)
class Key:
    """A key that a mapping may have, the kind of its value, and the words it may be (empty: any)."""

    kind: str
    required: bool = False
    words: tuple[str, ...] = ()


@dataclass(slots=True)
class Problems:
    """Everything that is wrong, one line each: `file: key: what, what to do`.

    `names` are those of files that stand in the place of the model's own.
    """

    lines: list[str] = field(default_factory=list)
    names: Mapping[str, str] = field(default_factory=dict)

    def add(self, file: str, key: str, text: str) -> None:
        """Note a problem."""
        file = self.names.get(file, file)
        self.lines.append(f"{file}: {key}: {text}" if key else f"{file}: {text}")


def read_mapping(file: Path, name: str, problems: Problems) -> Map:
    """Read a YAML file whose top is a mapping; what is wrong goes to `problems`, and then it is empty."""
    try:
        size = file.stat().st_size
        if size > MAX_FILE:
            problems.add(name, "", f"is {size:,} bytes long, the limit is {MAX_FILE:,}; split it")
            return {}
        text = file.read_text("utf-8")
    except OSError as error:
        problems.add(name, "", f"can't be read: {error.strerror}; put the file there")
        return {}
    except UnicodeDecodeError as error:
        problems.add(name, "", f"is not UTF-8 at byte {error.start}; save it as UTF-8")
        return {}
    return _parse(text, name, problems)


def _parse(text: str, name: str, problems: Problems) -> Map:
    try:
        _check_depth(text)
        content = yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader that refuses repeated keys
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problems.add(name, where, f"is not good YAML: {error.problem or error.context}; correct it there or just above")
    except yaml.YAMLError as error:
        problems.add(name, "", f"is not good YAML: {' '.join(str(error).split())}; correct it")
    else:
        if isinstance(content, dict):
            return content
        problems.add(name, "", "must be a mapping of keys to values; see the files beside it")
    return {}


def _check_depth(text: str) -> None:
    """Refuse deep nesting before anything is built: the C parser would run out of stack and end the program."""
    depth = 0
    for event in yaml.parse(text, Loader=_SAFE):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise yaml.MarkedYAMLError(
                problem=f"it is nested more than {MAX_DEPTH} deep", problem_mark=cast("yaml.Mark", event.start_mark)
            )


def check_keys(found: Map, allowed: Mapping[str, Key], file: str, where: str, problems: Problems) -> Map:
    """The part of a mapping that has the right shape; unknown and missing keys and wrong kinds become problems."""
    good: Map = {}
    for name, value in found.items():
        at = f"{where}.{name}" if where else str(name)
        key = allowed.get(name) if isinstance(name, str) else None
        if key is None:
            problems.add(file, at, f"unknown key; {near(name, allowed)}")
        elif _fits(key, value, file, at, problems):
            good[name] = value
    for name, key in allowed.items():
        if key.required and name not in found:
            problems.add(file, f"{where}.{name}" if where else name, f"is missing; add it ({_KINDS[key.kind][0]})")
    return good


def _fits(key: Key, value: Any, file: str, at: str, problems: Problems) -> bool:
    words, fits = _KINDS[key.kind]
    if not fits(value):
        problems.add(file, at, f"must be {words}, not {_shown(value)}; correct it")
        return False
    given = [value] if isinstance(value, str) else value
    wrong = [word for word in given if word not in key.words] if key.words else []
    for word in wrong:
        problems.add(file, at, f"{word!r} is not allowed; {near(word, key.words)}")
    return not wrong


def _is_range(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(type(e) is int for e in value) and value[0] <= value[1]


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return f"{str(value).lower()} (YAML reads yes, no, on and off so; put text in quotes)"
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list of other things" if value else "an empty list"
    return repr(str(value)[:40])


class _Loader(_SAFE):  # type: ignore[misc,valid-type]  # which of the two is known at run time only
    """Safe loading that refuses a key given twice, of which YAML would silently keep the last."""


def _unique_keys(loader: Any, node: yaml.MappingNode) -> Map:
    seen: set[object] = set()
    for key_node, _ in node.value:
        if isinstance(key_node, yaml.ScalarNode):
            if key_node.value in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"the key {key_node.value!r} stands here twice", problem_mark=key_node.start_mark
                )
            seen.add(key_node.value)
    loader.flatten_mapping(node)
    made: Map = loader.construct_mapping(node, deep=True)
    return made


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _unique_keys)
