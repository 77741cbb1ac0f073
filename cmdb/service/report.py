"""The report of an audit: everything that an auditor signs, as plain values and as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cmdb.exchange.lines import iso
from cmdb.service.due import is_overdue
from cmdb.service.findings import differences_of
from cmdb.service.lifecycle import UNSEEN_ACCEPTED, number_of
from cmdb.service.probe import Probed
from cmdb.service.scope import scope_of
from cmdb.service.verdicts import Judgement
from cmdb.store.protocol import StoredRecord
from cmdb.wording import amount, noun

CRITERION = "ISO/IEC 20000-1:2011, 9.1"
ITEM_WORDS = {
    "description": "description",
    "relationships": "relationships to other CIs",
    "services": "relationships to service components",
    "status": "status",
    "version": "version",
    "location": "location",
    "changes": "requests for change",
    "problems": "problems and known errors",
}


def report(
    audit: StoredRecord, plan: StoredRecord, findings: Sequence[StoredRecord], now: int, probed: Probed | None = None
) -> dict[str, Any]:
    """An audit as plain values; for a running one with what it has found by now. `now` in epoch ms."""
    body = {**audit.body, **(probed.body if probed is not None else {})}
    out: dict[str, Any] = {
        "number": number_of(audit),
        "id": audit.id,
        "title": audit.title,
        "state": audit.state,
        "criterion": CRITERION,
        "final": audit.state in ("reported", "closed"),
        "plan": _plan(plan),
        "steps": [{**step, "at": iso(step["at"])} for step in body["steps"]],
        "findings": [_finding(f, now) for f in findings],
    }
    if "expected" in body:
        expected = body["expected"]
        out["auditor"], out["owner"] = body["auditor"], body["owner"]
        out["started"] = iso(body["started"])
        out["expected"] = {**expected, "at": iso(expected["at"])}
        out["sample"] = {"seed": body["seed"], "population": body["population"], "cis": body["sample"]}
        out["guards"] = body["guards"]
    if "results" in body:
        for name in ("judged", "results", "unseen", "completeness"):
            out[name] = body[name]
    if UNSEEN_ACCEPTED in audit.texts:
        out[UNSEEN_ACCEPTED] = audit.texts[UNSEEN_ACCEPTED]
    if probed is not None:
        out["deviations"] = [_deviation(j) for j in probed.deviations]
    return out


def _plan(plan: StoredRecord) -> dict[str, Any]:
    body = plan.body
    named = {name: body[name] for name in ("scope", "size", "period_days", "auditor", "owner")}
    return {"number": number_of(plan), "name": plan.title, **named}


def _finding(finding: StoredRecord, now: int) -> dict[str, Any]:
    body = finding.body
    out: dict[str, Any] = {
        "number": number_of(finding),
        "ci": finding.about[0],
        "title": finding.title,
        "type": body["type"],
        "grade": body["grade"],
        "state": finding.state,
        "owner": body["owner"],
        "due": iso(body["due"]),
        "overdue": is_overdue(finding, now),
        "differences": [{"what": w, "expected": e, "found": f} for w, e, f in differences_of(finding)],
    }
    out |= {name: finding.texts[name] for name in ("cause", "evidence") if name in finding.texts}
    if "closed" in body:
        out |= {"closed_by": body["closed_by"], "closed": iso(body["closed"])}
    return out


def _deviation(judged: Judgement) -> dict[str, Any]:
    differences = [{"what": d.what, "expected": d.expected, "found": d.found} for d in judged.differences]
    named = {"ci": judged.ci, "class": judged.ci_class, "name": judged.name}
    return {**named, "verdict": judged.verdict, "grade": judged.grade, "differences": differences}


def markdown(made: dict[str, Any]) -> str:
    """The report for people."""
    lines = [f"# Audit {made['number']}: {_cell(made['title'])}", ""]
    if not made["final"]:
        lines += [f"**Not final: the audit is {made['state']}.**", ""]
    plan = made["plan"]
    period = amount(plan["period_days"], "day")
    size = f"a sample of {plan['size']:,}" if plan["size"] else "all of it"
    lines += [
        f"Criterion: {made['criterion']}.",
        f"Plan: {plan['number']}, {_cell(scope_of(plan['scope']).words())}, {size}, every {period}.",
        f"Auditor: {_cell(made.get('auditor', plan['auditor']))}. Owner: {_cell(made.get('owner', plan['owner']))}.",
    ]
    if "expected" in made:
        lines += _draw(made)
    if "results" in made:
        lines += _results(made)
    if made.get("deviations"):
        lines += ["", "## Deviations by now", "", *_deviations(made["deviations"])]
    lines += _findings(made["findings"])
    lines += ["", "## Steps", ""]
    lines += [f"- {step['at']}: {step['to']}, by {_cell(step['by'])}" for step in made["steps"]]
    return "\n".join(lines) + "\n"


def _draw(made: dict[str, Any]) -> list[str]:
    expected, sample = made["expected"], made["sample"]
    drawn = sample["cis"]
    lines = ["", "## What was expected", ""]
    lines += [
        f"The ledger at sequence {expected['sequence']}, committed {expected['at']}, hash `{expected['hash']}`.",
        f"The scope held {sample['population']:,} {noun(sample['population'], 'CI')} then.",
    ]
    if drawn is None:
        lines.append("All of them were audited.")
    else:
        lines += [
            f"Of these {len(drawn):,} were drawn with the seed {_code(sample['seed'])}:"
            " those with the smallest SHA-256 of `seed:id`.",
            "",
            *(f"- `{ci}`" for ci in drawn),
        ]
    lines += ["", "## Guards", ""]
    return lines + [f"- {g['name']}: {'holds' if g['holds'] else 'fails'}; {_cell(g['text'])}" for g in made["guards"]]


def _results(made: dict[str, Any]) -> list[str]:
    results, judged, complete = made["results"], made["judged"], made["completeness"]
    accuracy = "nothing could be judged" if results["accuracy"] is None else f"{results['accuracy']:.1%}"
    deviations = results["different"] + results["missing"] + results["extra"]
    lines = ["", "## Results", ""]
    lines += [
        f"Held against what complete visits since {made['started']} said, at sequence {judged['sequence']}, ledger head"
        f" `{judged['hash']}`.",
        "",
        "| verdict | CIs | meaning |",
        "| --- | ---: | --- |",
        f"| right | {results['right']} | seen, and as recorded |",
        f"| different | {results['different']} | seen, and not as recorded |",
        f"| missing | {results['missing']} | a complete visit did not see it any more |",
        f"| unseen | {results['unseen']} | no complete visit since the start: not judged |",
        f"| extra | {results['extra']} | seen, and not expected |",
        "",
        f"Accuracy: {accuracy} (right of right, different and missing).",
    ]
    if deviations > results["listed"]:
        lines.append(f"**{deviations:,} deviations were counted; only the first {results['listed']:,} are listed.**")
    if made["unseen"]:
        lines += ["", "Not judged: " + ", ".join(_cell(u["name"]) for u in made["unseen"][:50])]
    if UNSEEN_ACCEPTED in made:
        lines += ["", f"Closed although not all was judged: {_cell(made[UNSEEN_ACCEPTED])}"]
    score = (
        "no CI"
        if complete["score"] is None
        else f"{complete['score']:.1%} of {complete['cis']:,} {noun(complete['cis'], 'CI')}"
    )
    lines += ["", "## Completeness", "", f"Mean score: {score}."]
    return lines + [f"- {ITEM_WORDS[item]}: missing for {n:,}" for item, n in complete["missing"].items()]


def _deviations(deviations: Sequence[dict[str, Any]]) -> list[str]:
    return [
        f"- {_cell(d['name'])} ({d['class']}): {d['verdict']}, {d['grade']}{_differences(d['differences'])}"
        for d in deviations
    ]


def _findings(findings: Sequence[dict[str, Any]]) -> list[str]:
    lines = ["", "## Findings", ""]
    if not findings:
        return [*lines, "None."]
    for f in findings:
        late = ", overdue" if f["overdue"] else ""
        head = f"- **{f['number']}** {_cell(f['title'])}: {f['type']}, {f['grade']}, {f['state']}{late}"
        lines.append(f"{head}; {_cell(f['owner'])} until {f['due']}{_differences(f['differences'])}")
        lines += [f"  - {name}: {_cell(f[name])}" for name in ("cause", "evidence") if name in f]
        if "closed_by" in f:
            lines.append(f"  - closed {f['closed']} by {_cell(f['closed_by'])}")
    return lines


def _differences(differences: Sequence[dict[str, Any]]) -> str:
    shown = [f"{d['what']} {_value(d['found'])}, recorded {_value(d['expected'])}" for d in differences[:10]]
    more = [f"{len(differences) - 10} more"] if len(differences) > 10 else []
    return "; " + "; ".join(shown + more) if shown else ""


def _value(value: Any) -> str:
    if value is None:
        return "nothing"
    return _code(", ".join(map(str, value)) if isinstance(value, list | tuple) else value)


def _code(value: object) -> str:
    return f"`{' '.join(str(value).split()).replace('`', chr(39))}`"


def _cell(value: object) -> str:
    """Text that others wrote, on one line, that nothing in it can be read as Markdown."""
    text = " ".join(str(value).split())
    return "".join(f"\\{c}" if c in "\\`*_[]<>|#" else c for c in text)
