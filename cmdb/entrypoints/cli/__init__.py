"""The command line: nouns and verbs, data to standard output, exit codes that scripts can rely on."""

from __future__ import annotations

import sys

from cmdb.entrypoints.cli.outputs import NobodyReads, open_outputs
from cmdb.entrypoints.exits import INTERRUPTED
from cmdb.entrypoints.terminal import plain
from cmdb.errors import CmdbError, UsageError


def main() -> None:
    """Run the command line; expected errors become one line on standard error and their exit code."""
    open_outputs()
    try:
        from cmdb.entrypoints.cli.app import app  # here, since Ctrl-C may come while it is still being read

        app()
    except CmdbError as error:
        _end(str(error), error.exit_code)
    except KeyboardInterrupt:
        _end("interrupted; what was committed stays", INTERRUPTED)
    except NobodyReads:
        sys.exit(0)
    except UnicodeEncodeError as error:
        # An argument that is not UTF-8 comes with surrogates, which no store and no protocol takes.
        _end(f"{error.object!r} is not valid text in UTF-8", UsageError.exit_code)


def _end(message: str, code: int) -> None:
    print(f"cmdb: {plain(message)}", file=sys.stderr)
    sys.exit(code)
