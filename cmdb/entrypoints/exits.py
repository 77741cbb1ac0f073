"""Exit codes of commands that ended as they should; those of errors stand with the errors."""

from __future__ import annotations

DONE = 0
PARTIAL = 6  # some of it was done, the rest was refused, failed or waits
NOTHING_ANSWERED = 7
FOUND = 10  # what was looked for is there: differences, findings, something overdue, impact above a limit
INTERRUPTED = 130
