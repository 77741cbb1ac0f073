"""Files with other rules of identity."""

from __future__ import annotations

from pathlib import Path

from cmdb.errors import Invalid
from cmdb.model.registry import Model
from cmdb.model.shape import Problems, read_mapping


def read_rules(file: Path, model: Model) -> Model:
    """The model with the rules of a file in place of its own; raises Invalid that lists all that is wrong."""
    problems = Problems()
    found = read_mapping(file, file.name, problems)
    if problems.lines:
        raise Invalid("the rules can't be used:\n" + "\n".join(problems.lines))
    return model.with_rules(found, file.name)
