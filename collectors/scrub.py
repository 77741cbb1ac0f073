"""Takes secrets out of command lines, which people put there although every user of a host can read them."""

from __future__ import annotations

import re

PRIVATE = "<private>"
_WORD = (
    r"(?:passw(?:or)?d|passphrase|passwd|pwd|pass|secret|token|api[-_]?key|access[-_]?key|private[-_]?key|credentials?)"
)
_VALUE = r"(?:\"[^\"]*\"|'[^']*'|[^\s,;&\"']+)"

_RULES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), r"\g<keep>" + PRIVATE)
    for pattern in (
        rf"(?P<keep>(?<!\w)--?[\w.-]*{_WORD}[\w.-]*(?:=|\s+)){_VALUE}",  # --db-password=x, -requirepass x
        rf"(?P<keep>[\w.-]*{_WORD}[\w.-]*=){_VALUE}",  # PGPASSWORD=x, -Dspring.datasource.password=x
        r"(?P<keep>\b[a-z][a-z0-9+.-]*://[^\s/:@]*:)[^\s/@]+(?=@)",  # amqp://user:x@host
        r"(?P<keep>\bauthorization:\s*(?:bearer|basic)?\s*)[^\s\"']+",
        r"(?P<keep>\b(?:bearer|basic)\s+)[A-Za-z0-9+/=._~-]{8,}",
        r"(?P<keep>\b(?:mysql|mysqldump|mysqladmin|mariadb|mariadb-dump|sshpass|psexec)\b.*?\s-p\s?)[^\s-]\S*",
        r"(?P<keep>\bredis-cli\b.*?\s-a\s+)\S+",
        r"(?P<keep>\b(?:curl|wget)\b.*?\s(?:-u|--user)[\s=]+[^\s:]+:)\S+",
        r"(?P<keep>\bsnmp(?:get|getnext|walk|bulk\w+|set|table|inform|status|trap)\b.*?\s(?-i:-[cAX])\s+)\S+",
        r"(?P<keep>\bldap\w+\b.*?\s-w\s+)\S+",
    )
)


def scrub_text(text: str) -> str:
    """Blot out what stands where a password, token or community stands, line by line."""
    lines = text.split("\n")
    return "\n".join(_scrub_line(line) for line in lines)


def _scrub_line(line: str) -> str:
    for pattern, kept in _RULES:
        line = pattern.sub(kept, line)
    return line
