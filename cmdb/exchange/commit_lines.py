"""Commits as lines of JSON, with everything that is needed to compute their hashes again."""

from __future__ import annotations

import base64
from typing import Any

import msgspec

from cmdb.changes import FORM, canonical
from cmdb.errors import Invalid
from cmdb.exchange.lines import Line
from cmdb.sealing import Text, as_text
from cmdb.store.protocol import Commit


class CommitLine(msgspec.Struct, tag_field="kind", tag="commit", forbid_unknown_fields=True):
    """One commit. `texts` maps marks to salt (hex) and value (as the JSON text that was marked); the text of the
    reason is among them. In form 1 `reason` is the reason itself and `head` what its hash has in front of the change
    set (hex).
    """

    sequence: int
    form: int
    at: int
    actor: str
    reason: str
    previous: str
    hash: str
    payload: bytes
    texts: dict[str, tuple[str, str]] = {}
    head: str = ""


def commit_line(commit: Commit, texts: bool = True) -> Line:
    """The line of a commit, with or without the texts beside it."""
    kept = {mark: [text.salt.hex(), as_text(text.value)] for mark, text in commit.texts.items()} if texts else {}
    line: Line = {
        "kind": "commit",
        "sequence": commit.sequence,
        "form": commit.form,
        "at": commit.at,
        "actor": commit.actor,
        "reason": commit.reason if commit.form == 1 else commit.reason_mark,
        "previous": commit.previous,
        "hash": commit.hash,
        "payload": base64.b64encode(commit.payload).decode(),
        "texts": kept,
    }
    if commit.form == 1:
        line["head"] = canonical([commit.sequence, commit.at, commit.actor, commit.reason]).hex()
    elif texts and commit.reason_salt:
        kept[commit.reason_mark] = [commit.reason_salt.hex(), as_text(commit.reason)]
    return line


def read_commit_line(line: Line) -> Commit:
    """The commit of a line. Raises Invalid with what is wrong with it; its hash is not checked."""
    try:
        given = msgspec.convert(line, CommitLine)
        texts = {mark: Text(_value(text), bytes.fromhex(salt)) for mark, (salt, text) in given.texts.items()}
    except (msgspec.MsgspecError, ValueError) as error:
        raise Invalid(f"not a commit: {error}") from error
    if given.form not in (1, FORM):
        raise Invalid(f"commit {given.sequence} has form {given.form}, which this program does not know")
    head = given.sequence, given.at, given.actor
    links = given.previous, given.hash, given.payload
    if given.form == 1:
        return Commit(*head, given.reason, *links, texts)
    reason = texts.pop(given.reason, Text(""))
    if not isinstance(reason.value, str):
        raise Invalid(f"the reason of commit {given.sequence} is no text")
    return Commit(*head, reason.value, *links, texts, given.form, given.reason, reason.salt)


def _value(text: str) -> Any:
    value = msgspec.json.decode(text)
    if isinstance(value, dict) or value is None:
        raise ValueError(f"{text[:60]!r} is no value")
    return value
