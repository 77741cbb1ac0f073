"""Why a write was refused, as user errors: what is not the user's to mend goes on as an error of the request."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cmdb.edit import Misfit
from cmdb.errors import AmbiguousKey, Denied, Invalid, LimitExceeded, NotFound, Refused
from cmdb_graphql.common import make
from cmdb_graphql.errors import BadInput
from cmdb_graphql.items import camel
from cmdb_graphql.write_types import UserError

MOST_ERRORS = 100


def tried(write: Callable[[], Any], fields: Mapping[str, Sequence[str]] = {}) -> tuple[Any, list[UserError]]:
    """What a write gives, or why it was refused. `fields` are the inputs that attributes came in, by their name."""
    try:
        return write(), []
    except Misfit as error:
        problems = [(p.field.removeprefix("attributes."), p.message) for p in error.problems[:MOST_ERRORS]]
        return None, [user_error("INVALID", fields.get(name, ()), f"{name}: {text}") for name, text in problems]
    except Refused as error:
        field = [camel(part) for part in error.field.split(".")] if error.field else []
        return None, [user_error(error.code, field, str(error))]
    except BadInput as error:
        return None, [
            user_error("INVALID", re.findall(r"[^.\[\]]+", error.argument.removeprefix("input.")), str(error))
        ]
    except AmbiguousKey as error:
        return None, [user_error("AMBIGUOUS", (), str(error))]
    except Denied as error:
        return None, [user_error("NOT_ALLOWED", (), str(error))]
    except LimitExceeded as error:
        return None, [user_error("TOO_MANY", (), str(error))]
    except NotFound as error:
        return None, [user_error("NOT_FOUND", (), str(error))]
    except Invalid as error:
        return None, [user_error("INVALID", (), str(error))]


def user_error(code: str, field: Sequence[str], message: str) -> UserError:
    """A user error; `field` is the path below `input`, empty for the input as a whole."""
    made: UserError = make(UserError, field_=["input", *field] if field else [], code=code, message=message)
    return made
