"""Who is who, as far as logins tell."""

from __future__ import annotations


def login(person: str) -> str:
    """The login in `login` or `login@host`, case folded."""
    return person.strip().partition("@")[0].casefold()


def same_person(one: str, other: str) -> bool:
    """Whether two names may be one person's: the same login, on whatever machine. A guard errs on this side."""
    return login(one) == login(other)
