"""An impact answer for people: as tables, and as graphs for Graphviz and Mermaid."""

from __future__ import annotations

from collections.abc import Callable

from cmdb.entrypoints.terminal import cell
from cmdb.exchange.lines import iso
from cmdb.impact.answer import Impact, ImpactNode, ImpactSummary
from cmdb.store.protocol import CIRef
from cmdb.wording import amount

COLOURS = {
    "DOWN": "#d33",
    "DOWN_PLANNED": "#d83",
    "MAINTENANCE": "#88d",
    "ISOLATED": "#a3a",
    "DEGRADED": "#dd3",
    "AT_RISK": "#ec6",
    "TO_RETEST": "#3ad",
}

_MERMAID = str.maketrans({"#": "#35;", '"': "#quot;", "<": "#lt;", ">": "#gt;"})


def headline(s: ImpactSummary) -> str:
    """The counts in one line."""
    counts = {
        "down": s.down,
        "down (planned)": s.down_planned,
        "in maintenance": s.maintenance,
        "isolated": s.isolated,
        "degraded": s.degraded,
        "at risk": s.at_risk,
        "to retest": s.to_retest,
    }
    said = ", ".join(f"{n} {word}" for word, n in counts.items() if n)
    said += f" ({s.possible} of them only possibly)" if s.possible else ""
    return f"{said or 'nothing is impacted'}; {amount(s.service_count, 'service')}; severity {s.severity:g} of 4"


def table(answer: Impact, proof: bool, title: Callable[[CIRef], str]) -> None:
    """Print services, impacted CIs, what is spared, and the proof of the worst (or of all); `title` names CIs."""
    from rich.console import Console
    from rich.table import Table

    console = Console(width=None)
    console.print(f"[bold]{headline(answer.summary)}[/bold]  (sequence {answer.sequence}, {iso(answer.as_of)})")
    nodes = Table(
        "state", "certainty", "class", "name", "n more", "why (step)", box=None, pad_edge=False, header_style="bold"
    )
    texts = {step.number: step.text for step in answer.proof}
    for node in answer.nodes:
        more = "" if node.n_more is None else "3 or more" if node.n_more == 3 else str(node.n_more)
        why = f"{node.order}. {texts.get(node.order, '')}"
        nodes.add_row(node.state, node.certainty.lower(), node.ci.ci_class, cell(title(node.ci)), more, cell(why))
    console.print(nodes)
    if answer.spared:
        spared = Table("spared", "carried by", "can still lose", box=None, pad_edge=False, header_style="bold")
        for item in answer.spared:
            refs = [CIRef(c.id, c.ci_class, c.name) for c in item.carriers[:5]]
            carriers = ", ".join(map(title, refs)) + (" …" if len(item.carriers) > 5 else "")
            spared.add_row(cell(title(item.ci)), cell(carriers), str(item.margin))
        console.print(spared)
    if proof:
        steps = Table("step", "kind", "cites", "text", box=None, pad_edge=False, header_style="bold")
        for step in answer.proof:
            steps.add_row(str(step.number), step.kind, ", ".join(map(str, step.cites)), cell(step.text))
        console.print(steps)
    for finding in answer.findings:
        console.print(cell(f"finding: {finding.kind}: {finding.text}"))
    if answer.truncated:
        console.print("the lists are cut; ask for more with --first, or page with --skip")


def edges(answer: Impact) -> list[tuple[str, str]]:
    """(cause, consequence) by CI id, from what the steps cite."""
    ci = {step.number: step.ci.id for step in answer.proof}
    found = {(ci[c], step.ci.id) for step in answer.proof for c in step.cites if c in ci}
    return sorted((a, b) for a, b in found if a != b)


def chain(answer: Impact, ci: str, origin: str) -> list[CIRef]:
    """How a failure came to a CI, from the last one of class `origin` on its way; empty where the proof has none.

    Of several that a CI lost, the one counts that fell last: before that, it still stood.
    """
    steps = {step.number: step for step in answer.proof}
    at = next((step for step in answer.proof if step.ci.id == ci), None)
    way: list[CIRef] = []
    while at is not None:
        if not way or way[0] != at.ci:
            way.insert(0, at.ci)
        if at.ci.ci_class == origin:
            return way
        at = steps.get(max(at.cites, default=0))
    return []


def dot(answer: Impact) -> str:
    """The causes as a graph for Graphviz."""
    lines = ["digraph impact {", "  rankdir=LR; node [shape=box, style=filled, fontname=sans];"]
    lines += [
        f'  "{n.ci.id}" [label="{_quoted(n.ci.name)}\\n{n.state}", fillcolor="{COLOURS[n.state]}"{_dashed(n)}];'
        for n in answer.nodes
    ]
    known = {n.ci.id for n in answer.nodes}
    lines += [f'  "{a}" -> "{b}";' for a, b in edges(answer) if a in known and b in known]
    return "\n".join([*lines, "}"])


def mermaid(answer: Impact) -> str:
    """The causes as a flowchart for Mermaid."""
    lines = ["flowchart LR"]
    names = {n.ci.id: f"n{i}" for i, n in enumerate(answer.nodes)}
    lines += [f'  {names[n.ci.id]}["{_mermaid_text(n)}"]' for n in answer.nodes]
    for n in answer.nodes:
        dashes = ",stroke-dasharray:5" if n.certainty == "POSSIBLE" else ""
        lines.append(f"  style {names[n.ci.id]} fill:{COLOURS[n.state]}{dashes}")
    lines += [f"  {names[a]} --> {names[b]}" for a, b in edges(answer) if a in names and b in names]
    return "\n".join(lines)


def _dashed(node: ImpactNode) -> str:
    return ', style="filled,dashed"' if node.certainty == "POSSIBLE" else ""


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _mermaid_text(node: ImpactNode) -> str:
    """The name on one line, with what Mermaid would read as its own or as HTML as entities."""
    name = " ".join(node.ci.name.split()).translate(_MERMAID)
    return f"{name}<br/>{node.state}"
