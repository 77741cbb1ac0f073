"""An impact answer as a drawing that every browser opens: causes on the left, consequences to the right."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape

from cmdb.entrypoints.pictures import COLOURS, edges, headline
from cmdb.exchange.lines import iso
from cmdb.impact.answer import Impact, ImpactNode

LONGEST = 28  # letters of a name that fit into a box; the whole name is shown when one points at it
WIDTH, HEIGHT, ACROSS, DOWN, MARGIN, TOP = 220, 40, 90, 16, 20, 60
_STYLE = (
    "text{font:13px sans-serif;fill:#111} .state{font-size:10px} path{fill:none;stroke:#667;stroke-width:1.2}"
    " rect{stroke:#333} .possible{stroke-dasharray:5 3}"
)
_ARROW = (
    '<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    '<path d="M0,0L8,4L0,8z" style="fill:#667;stroke:none"/></marker></defs>'
)
_UNPRINTABLE = {code: "�" for code in (*range(32), 127, 0xFFFE, 0xFFFF, *range(0xD800, 0xE000))}
Place = tuple[int, int]


def svg(answer: Impact) -> str:
    """The causes of an answer as an SVG document. What is possible only has a dashed border."""
    shown = {node.ci.id: node for node in answer.nodes}
    drawn = [(a, b) for a, b in edges(answer) if a in shown and b in shown]
    places = _places(answer, drawn)
    right = max((x for x, _ in places.values()), default=0) + WIDTH + MARGIN
    bottom = max((y for _, y in places.values()), default=TOP) + HEIGHT + MARGIN
    title = f"{headline(answer.summary)} (sequence {answer.sequence}, {iso(answer.as_of)})"
    right = max(right, MARGIN * 2 + 8 * len(title))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {right} {bottom}" width="{right}" height="{bottom}">',
        f"<style>{_STYLE}</style>{_ARROW}",
        f'<text x="{MARGIN}" y="28">{_text(title)}</text>',
        *(f'<path d="{_curve(places[a], places[b])}" marker-end="url(#arrow)"/>' for a, b in drawn),
        *_boxes(answer, places),
        *(["<text x='20' y='46' class='state'>The lists are cut: not everything is shown.</text>"] * answer.truncated),
        "</svg>",
    ]
    return "\n".join(parts)


def _places(answer: Impact, drawn: list[tuple[str, str]]) -> dict[str, Place]:
    """Where each box stands: a column behind its first causes, there as near to their height as others allow."""
    columns = _columns(answer)
    causes: dict[str, list[str]] = {}
    for a, b in drawn:
        causes.setdefault(b, []).append(a)
    rows: dict[int, list[str]] = {}
    for node in answer.nodes:
        rows.setdefault(columns.get(node.ci.id, 0), []).append(node.ci.id)
    found: dict[str, Place] = {}
    for column in sorted(rows):
        heights = {
            ci: _middle([found[cause][1] for cause in causes.get(ci, ()) if cause in found]) for ci in rows[column]
        }
        for row, ci in enumerate(sorted(rows[column], key=lambda ci: heights[ci])):
            found[ci] = (MARGIN + column * (WIDTH + ACROSS), TOP + row * (HEIGHT + DOWN))
    return found


def _columns(answer: Impact) -> dict[str, int]:
    """How many steps of the proof stand between each CI and what was given."""
    columns: dict[str, int] = {}
    of_step: dict[int, str] = {}
    for step in answer.proof:
        of_step[step.number] = ci = step.ci.id
        before = [columns[of_step[n]] + 1 for n in step.cites if n in of_step and of_step[n] != ci]
        columns.setdefault(ci, max(before, default=0))
    return columns


def _middle(heights: list[int]) -> float:
    return sum(heights) / len(heights) if heights else 0.0


def _curve(near: Place, far: Place) -> str:
    """A way from the right of one box to the left of another."""
    x, y, to_x, to_y = near[0] + WIDTH, near[1] + HEIGHT // 2, far[0], far[1] + HEIGHT // 2
    bend = max(ACROSS, abs(to_x - x)) // 2
    return f"M{x},{y}C{x + bend},{y} {to_x - bend},{to_y} {to_x},{to_y}"


def _boxes(answer: Impact, places: Mapping[str, Place]) -> Iterator[str]:
    why = {step.number: step.text for step in answer.proof}
    for node in answer.nodes:
        x, y = places[node.ci.id]
        css = ' class="possible"' if node.certainty == "POSSIBLE" else ""
        name = node.ci.name if len(node.ci.name) <= LONGEST else f"{node.ci.name[: LONGEST - 1]}…"
        about = f"{node.ci.ci_class} {node.ci.name}: {node.order}. {why.get(node.order, '')}"
        yield (
            f"<g><title>{_text(about)}</title>"
            f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="4" fill="{COLOURS[node.state]}"{css}/>'
            f'<text x="{x + 8}" y="{y + 17}">{_text(name)}</text>'
            f'<text x="{x + 8}" y="{y + 32}" class="state">{_text(_state(node))}</text></g>'
        )


def _state(node: ImpactNode) -> str:
    more = {None: "", 3: ", 3 or more"}.get(node.n_more, f", {node.n_more} more")
    return f"{node.state}{more}{' (possible)' if node.certainty == 'POSSIBLE' else ''}"


def _text(text: str) -> str:
    """Text that XML may hold, whatever a device called itself."""
    return escape(text.translate(_UNPRINTABLE), quote=True)
