"""Takes secrets out of command lines, which people put there although every user of a host can read them."""

from __future__ import annotations

import re

PRIVATE = "<private>"
_WORD = (
    r"(?:passw(?:or)?d|passphrase|passwd|pwd|pass|secret|token|api[-_]?key|access[-_]?key|private[-_]?key|credentials?)"
)
_VALUE = r"(?:\"[^\"]*\"|'[^']*'|[^\s,;&\"']+)"
_START = r"(?<![\w.-])"  # patterns begin where words begin: elsewhere they would look at long words again and again
_PART = r"[\w.-]{0,60}"  # bounded, as all that follows: a command line may be 100 KB of anything
_NEAR = r".{0,400}?"

_RULES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), r"\g<keep>" + PRIVATE)
    for pattern in (
        rf"(?P<keep>{_START}--?{_PART}{_WORD}{_PART}(?:=|\s+)){_VALUE}",  # --db-password=x, -requirepass x
        rf"(?P<keep>{_START}{_PART}{_WORD}{_PART}=){_VALUE}",  # PGPASSWORD=x, -Dspring.datasource.password=x
        r"(?P<keep>\b[a-z][a-z0-9+.-]{0,20}://[^\s/:@]{0,200}:)[^\s/@]{1,500}(?=@)",  # amqp://user:x@host
        r"(?P<keep>\bauthorization:\s*(?:bearer|basic)?\s*)[^\s\"']+",
        r"(?P<keep>\b(?:bearer|basic)\s+)[A-Za-z0-9+/=._~-]{8,}",
        rf"(?P<keep>\b(?:mysql|mysqldump|mysqladmin|mariadb|mariadb-dump|sshpass|psexec)\b{_NEAR}\s-p\s?)[^\s-]\S*",
        rf"(?P<keep>\bredis-cli\b{_NEAR}\s-a\s+)\S+",
        rf"(?P<keep>\b(?:curl|wget)\b{_NEAR}\s(?:-u|--user)[\s=]+[^\s:]+:)\S+",
        rf"(?P<keep>\bsnmp(?:get|getnext|walk|bulk\w+|set|table|inform|status|trap)\b{_NEAR}\s(?-i:-[cAX])\s+)\S+",
        rf"(?P<keep>\bldap\w+\b{_NEAR}\s-w\s+)\S+",
    )
)
_SUSPECT = re.compile(
    "pass|pwd|secret|token|key|credential|://|authoriz|bearer|basic|mysql|mariadb|psexec|redis-cli|curl|wget|snmp|ldap",
    re.IGNORECASE,
)


def scrub_text(text: str) -> str:
    """Blot out what stands where a password, token or community stands, line by line."""
    return "\n".join(_scrub_line(line) if _SUSPECT.search(line) else line for line in text.split("\n"))


def _scrub_line(line: str) -> str:
    for pattern, kept in _RULES:
        line = pattern.sub(kept, line)
    return line
