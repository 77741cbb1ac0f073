"""Rows out of printed text, by the TextFSM templates of ntc-templates."""

from __future__ import annotations

import functools
import re
import threading
from importlib import resources

import textfsm

Row = dict[str, str | list[str]]
MAX_CHARACTERS = 4_000_000  # a template takes some microseconds a line; no command of a real device prints more
# Several templates try all ways to divide a run of blanks among three `\s*`: 500 blanks take seconds a line.
MAX_LINE, MAX_BLANKS = 1000, 40
_BLANKS = re.compile(rf"[ \t\r\f\v]{{{MAX_BLANKS + 1},}}")
_LOCK = threading.Lock()  # a parsed template carries the state of its run


@functools.cache
def _template(name: str) -> textfsm.TextFSM:
    file = resources.files("ntc_templates") / "templates" / f"{name}.textfsm"
    with file.open("r", encoding="utf-8") as text:
        return textfsm.TextFSM(text)


def exists(name: str) -> bool:
    """Whether there is such a template."""
    return (resources.files("ntc_templates") / "templates" / f"{name}.textfsm").is_file()


def fields(name: str) -> list[str]:
    """The fields of a template."""
    return [f.lower() for f in _template(name).header]


def parse(name: str, text: str) -> list[Row] | None:
    """Rows by field names in lower case; None where the text is not what the template is made for.

    Called by its name, without the index of commands: there is one template or an error, never the text itself.
    """
    if len(text) > MAX_CHARACTERS:
        return None
    with _LOCK:
        template = _template(name)
        try:
            rows = template.ParseText(tame(text))
        except textfsm.TextFSMError:
            return None
        finally:
            template.Reset()
    names = fields(name)
    return [dict(zip(names, row, strict=True)) for row in rows]


def tame(text: str) -> str:
    """A text without what makes templates slow: blanks at the ends of lines, long runs of them, very long lines."""
    return "\n".join(_BLANKS.sub(" " * MAX_BLANKS, line.rstrip())[:MAX_LINE] for line in text.split("\n"))


def one(row: Row, field: str) -> str:
    """A field as one text: of a list the first; "" where there is none."""
    value = row.get(field, "")
    return (value[0] if value else "") if isinstance(value, list) else value


def several(row: Row, field: str) -> list[str]:
    """A field as a list without empty texts."""
    value = row.get(field, "")
    return [v for v in (value if isinstance(value, list) else [value]) if v]
