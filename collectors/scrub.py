"""Takes secrets out of texts: those of the session, and what people put where everybody can read it."""

from __future__ import annotations

import re
from collections.abc import Iterable

PRIVATE = "<private>"
SHORTEST = 4  # a secret of one to three characters is part of too many innocent texts
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

# Lines of configurations, where a blank stands between a word and its secret; the word before stays.
_CONFIGURED = re.compile(
    r"(?P<word>\b(?:snmp-server community|snmp-agent community (?:read|write)(?: cipher| simple)?"
    r"|(?:password|secret|passphrase|pre-shared-key|key-string|encrypted-password|authentication-key|auth-password"
    r"|priv-password)(?: (?:cipher|simple|irreversible-cipher|hash|encrypted|sha512|[0-9]))*))"
    r"(?P<gap>[ =:]+)(?P<value>\"[^\"\n]*\"|[^\s;,]+)",
    re.IGNORECASE,
)
_KEY_BLOCK = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)


def blot_out(text: str, secrets: Iterable[bytes]) -> str:
    """Take `secrets` (those of a session) out wherever they are, and private keys."""
    words = {s.decode("utf-8", "replace") for s in secrets if len(s) >= SHORTEST}
    for word in sorted(words, key=len, reverse=True):
        text = text.replace(word, PRIVATE)
    return _KEY_BLOCK.sub(PRIVATE, text)


def scrub_configuration(text: str) -> str:
    """Blot out what stands behind `password` and its like on a network device."""
    return _CONFIGURED.sub(lambda m: f"{m['word']}{m['gap']}{PRIVATE}", text)


def scrub_text(text: str) -> str:
    """Blot out what stands in command lines where a password, token or community stands, line by line."""
    return "\n".join(_scrub_line(line) if _SUSPECT.search(line) else line for line in text.split("\n"))


def _scrub_line(line: str) -> str:
    for pattern, kept in _RULES:
        line = pattern.sub(kept, line)
    return line
