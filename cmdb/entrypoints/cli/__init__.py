"""The command line: nouns and verbs, data to standard output, exit codes that scripts can rely on."""

from __future__ import annotations

import sys

from cmdb.entrypoints.cli.app import app
from cmdb.errors import CmdbError

INTERRUPTED = 130


def main() -> None:
    """Run the command line; expected errors become one line on standard error and their exit code."""
    try:
        app()
    except CmdbError as error:
        print(f"cmdb: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print("cmdb: interrupted; what was committed stays", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        sys.stdout = None  # nobody reads any more: do not flush at exit
        sys.exit(0)
