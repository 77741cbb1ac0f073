"""Keeps wrong passwords from locking accounts: few tries, and none once a password is known to be bad."""

from __future__ import annotations

import threading
import time
from collections import Counter

IN_A_ROW = 3  # devices that refuse one password, after which no other is asked in this run


class Lockout:
    """Tries of one run. Only passwords count: no directory locks an account because of a key that it does not know.

    Until a password has worked somewhere, no more tries of it are under way than may still fail. Safe to use from
    several threads.
    """

    def __init__(self, in_a_row: int = IN_A_ROW) -> None:
        self._in_a_row = in_a_row
        self._changed = threading.Condition()
        self._asked: set[tuple[str, str]] = set()
        self._refused: Counter[str] = Counter()
        self._under_way: Counter[str] = Counter()
        self._proven: set[str] = set()

    def is_open(self, credential: str) -> bool:
        """Whether the circuit breaker of a credential has opened."""
        return self._refused[credential] >= self._in_a_row

    def begin(self, credential: str, account: str, device: str, wait_s: float) -> str:
        """Ask for leave to try; "" if given, else why not. Every leave is followed by `end`."""
        end = time.monotonic() + wait_s
        with self._changed:
            if (account, device) in self._asked:
                return f"another password of {account} was refused there in this run"
            while not self.is_open(credential) and not self._may(credential):
                if not self._changed.wait(max(0.0, end - time.monotonic())):
                    return "other devices still check this password"
            if self.is_open(credential):
                return f"{self._in_a_row} devices in a row refused this password; it is not tried again in this run"
            self._asked.add((account, device))
            self._under_way[credential] += 1
            return ""

    def end(self, credential: str, account: str, device: str, worked: bool | None) -> None:
        """Tell how a try ended; None if the device did not come to an answer."""
        with self._changed:
            self._under_way[credential] -= 1
            if worked:
                self._proven.add(credential)
                self._asked.discard((account, device))
            if worked is not None and not self.is_open(credential):
                self._refused[credential] = 0 if worked else self._refused[credential] + 1
            self._changed.notify_all()

    def _may(self, credential: str) -> bool:
        return credential in self._proven or self._under_way[credential] + self._refused[credential] < self._in_a_row
