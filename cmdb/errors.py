"""The errors that this program raises on purpose, each with the exit code of the command line."""

MOST_CANDIDATES = 10  # CIs that an error lists


class CmdbError(Exception):
    """Root of all expected errors; its text says what was wrong, where, and what to do."""

    exit_code = 1


class UsageError(CmdbError):
    """The request itself makes no sense: bad option, bad settings, bad argument."""

    exit_code = 2


class NotFound(CmdbError):
    """The thing named does not exist."""

    exit_code = 3


class Denied(CmdbError):
    """The caller may not do this."""

    exit_code = 4


class Invalid(CmdbError):
    """Data was understood and refused: validation, ambiguity, contradiction, wrong state."""

    exit_code = 5


class AmbiguousKey(Invalid):
    """A key names several CIs; `candidates` holds (id, class, name) of some of them, of which ten are kept."""

    def __init__(self, key: str, candidates: list[tuple[str, str, str]]) -> None:
        self.key, self.candidates = key, candidates[:MOST_CANDIDATES]
        listed = "; ".join(f"{name} ({ci_class}, {ci})" for ci, ci_class, name in self.candidates)
        count = str(len(candidates))
        if len(candidates) > MOST_CANDIDATES:  # nobody counts on
            count, listed = f"more than {MOST_CANDIDATES}", f"{listed}; and more"
        super().__init__(f"{key!r} names {count} CIs: {listed}. Use the id of the one you mean.")


class Refused(Invalid):
    """A write that can't be done as asked; `code` is one of the API's codes, `field` the input concerned ("": all)."""

    def __init__(self, code: str, field: str, message: str) -> None:
        self.code, self.field = code, field
        self.exit_code = NotFound.exit_code if code == "NOT_FOUND" else Invalid.exit_code
        super().__init__(message)


class Unreachable(CmdbError):
    """Something outside did not answer: the store, a device, a port."""

    exit_code = 7


class LimitExceeded(CmdbError):
    """A stated limit was hit; the message names the limit and its value."""

    exit_code = 5
