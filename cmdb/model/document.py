"""Writes the page about the model: `python -m cmdb.model.document` prints it, `--write` and `--check` keep its file."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from cmdb.model.absence import Absence
from cmdb.model.definitions import Attribute, CiClass, IdentifierScheme, ImpactRule, RelationshipType
from cmdb.model.registry import Model, load_model

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "model.md"
_ON_LOSS = {"none": "", "at_risk": ", at risk on loss", "degraded": ", degraded on loss"}
_PASS = {"never": ", never degraded by it", "needed": "", "any": ", degraded as soon as one is"}


def requirement_in_words(type_: RelationshipType) -> str:
    """The default requirement of a relationship type, such as `1 of n, at risk on loss`; "" where it has none.

    Rules for certain classes are parted by `; `; the word `target` says that the target needs the sources.
    """
    return "; ".join(_rule_in_words(rule) for rule in type_.impact)


def _rule_in_words(rule: ImpactRule) -> str:
    when = [f"{word} {end}" for word, side in (("from", "source"), ("to", "target")) if (end := _end(rule, side))]
    subject = "target needs " if rule.owner == "target" else ""
    if rule.group == "none":
        return f"{' '.join(when)}: {subject}nothing"
    plane = f" connected in {rule.connected}" if rule.connected else ""
    text = f"{subject}{_needed(rule)}{plane}{_ON_LOSS[rule.on_loss]}{_PASS[rule.pass_]}"
    return f"{' '.join(when)}: {text}" if when else text


def _end(rule: ImpactRule, side: str) -> str:
    """The classes that a rule wants on one side, with the kinds."""
    classes = " or ".join(rule.when.get(f"{side}_class", ()))
    kinds = " or ".join(rule.when.get("owner_kind" if rule.owner == side else "provider_kind", ()))
    return f"{classes or 'CI'} of kind {kinds}" if kinds else classes


def _needed(rule: ImpactRule) -> str:
    if rule.group == "each":
        return f"{rule.needed} of {rule.needed}" if rule.needed == 1 else f"{rule.needed} of each"
    words = {"all": "all", "all_but_one": "n - 1", "majority": "more than half", "attribute": "`needed` (else n - 1)"}
    needed = words[rule.needed] if isinstance(rule.needed, str) else str(rule.needed)
    if rule.group == "all":
        return f"{needed} of n"
    names = " and ".join(key.partition(".")[2] if key.startswith("relationship.") else key for key in rule.group)
    return f"{needed} of n with equal {names}"


def page(model: Model) -> str:
    """The whole page in Markdown."""
    public = [c for c in model.classes.values() if not c.internal]
    lines = [
        "# The model",
        "",
        "Written by `python -m cmdb.model.document --write` from the YAML files in `cmdb/model/`; edit them instead.",
        "",
        "An attribute that is not known is absent. Besides its own attributes every CI has a `name`. What marks mean:",
        "values of `free_text` and `personal` ones stay out of the hash chain, `volatile` ones change by themselves,",
        "`controlled` ones should change only by a change record, and `expires` ones are watched for their date.",
        "",
        "Identifiers say who a CI is, the strongest first. A strong one decides, a weak one proposes: it decides only",
        "where it is the only match and nothing speaks against it. Of one marked *one only* another value contradicts,",
        "and contradicting things are never one; what can't be decided makes an identity task. Values that many things",
        "have (`cmdb/model/shared.yaml`, `placeholders.yaml`) say nothing. `cmdb identity simulate` shows what other",
        "rules would change.",
        "",
        *_classes_section(model, public),
        *_relationships_section(model),
        *_sources_section(model),
        *_absence_section(model),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _classes_section(model: Model, public: Iterable[CiClass]) -> Iterator[str]:
    yield from ("## Classes", "")
    for c in public:
        yield from (f"### {c.name}", "", c.description, "")
        if c.abstract:
            heirs = sorted(o.name for o in model.classes.values() if o.extends == c.name)
            yield from (f"No CI is a plain {c.name}: what follows holds for {', '.join(heirs)}.", "")
        if c.extends:
            yield from (f"A [{c.extends}](#{c.extends.lower()}), with its attributes.", "")
        if c.rarity != 1:
            yield from (f"It fails by itself as seldom as {c.rarity:g} other CIs fail at once.", "")
        if c.inside:
            whose = " or ".join(c.inside.parents)
            arrow = "parent → part" if c.inside.direction == "from_parent" else "part → parent"
            alone = "may be part" if c.independent else "is part"
            yield from (f"It {alone} of a {whose} ({c.inside.relationship}, {arrow}).", "")
        above = model.classes[c.extends] if c.extends else None
        if c.identifiers and not (above and c.identifiers == above.identifiers):
            yield from _identifiers(c)
        own = {n: a for n, a in c.attributes.items() if not above or n not in above.attributes}
        if own:
            yield from _attributes(own)


def _identifiers(c: CiClass) -> Iterator[str]:
    yield from ("| identifier | strength | a match counts | what it is |", "| --- | --- | --- | --- |")
    for s in c.identifiers:
        yield f"| `{s.scheme}` | {_strength(s)} | {_verification(s)} | {_cell(s.description)} |"
    yield ""


def _strength(s: IdentifierScheme) -> str:
    marks = ["strong" if s.strong else "weak" if s.proposes else "supports only"]
    marks += ["one only"] if s.exclusive else []
    marks += ["may be renewed"] if s.renewable else []
    marks += ["single values may be weak"] if s.judged else []
    return ", ".join(marks)


def _verification(s: IdentifierScheme) -> str:
    """What else must hold for a match of this kind to count."""
    parts = []
    if s.share:
        decides = f", and decides by {s.least} or more" if s.least else ""
        parts.append(f"from {s.share} % of the smaller set{decides}")
    if s.confirmed_by:
        parts.append(f"with {_either(s.confirmed_by)}")
    if s.checked_by:
        parts.append(f"unless something disagrees and none of {_either(s.checked_by)} agrees")
    if s.spelling:
        parts.append({"uuid": "in either byte order", "number": "without case and leading zeros"}.get(s.spelling, ""))
    if s.values_in:
        parts.append(f"values also from {_either(s.values_in)}")
    return "; ".join(part for part in parts if part)


def _either(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _attributes(attributes: Mapping[str, Attribute]) -> Iterator[str]:
    yield from ("| attribute | type | what it is | marks | example |", "| --- | --- | --- | --- | --- |")
    for a in attributes.values():
        marks = ", ".join(sorted(a.flags))
        yield f"| `{a.name}` | {_type(a)} | {_cell(a.description)} | {marks} | {_example(a)} |"
    yield ""


def _type(a: Attribute) -> str:
    if a.values:
        return ", ".join(f"`{v}`" for v in a.values)
    least = f", {a.minimum} to {a.maximum}" if a.minimum is not None else ""
    return f"{a.type}{least}"


def _example(a: Attribute) -> str:
    if a.example is None:
        return ""
    if isinstance(a.example, bool):
        return str(a.example).lower()
    entries = a.example if isinstance(a.example, list) else [a.example]
    return ", ".join(f"`{_cell(str(e))}`" for e in entries)


def _relationships_section(model: Model) -> Iterator[str]:
    yield from ("## Relationship types", "")
    yield "Read source → target. The last column is what the source (or target, where it says so) needs by default:"
    yield "so many of its providers, or it fails; what it becomes when one is lost and enough are left; and when"
    yield from (
        "degraded providers make it degraded (where nothing is said: when the healthy ones are not enough).",
        "",
    )
    yield "| type | from | to | what it means | attributes | default requirement |"
    yield "| --- | --- | --- | --- | --- | --- |"
    public = [t for t in model.relationship_types.values() if not t.internal]
    for t in public:
        ends = (" or ".join("any" if n == "*" else n for n in names) for names in (t.sources, t.targets))
        cells = [f"`{t.name}`", *ends, _cell(t.description) + (" Symmetric." if t.symmetric else "")]
        attributes = ", ".join(f"`{n}`" for n in t.attributes)
        yield f"| {' | '.join(cells)} | {attributes} | {_cell(requirement_in_words(t))} |"
    yield ""
    for t in public:
        if t.attributes:
            yield from (f"### {t.name}", "", *_attributes(t.attributes))


def _sources_section(model: Model) -> Iterator[str]:
    yield from ("## Sources", "")
    yield f"The value of the highest precedence wins. Sources that are not listed have {model.default_precedence}."
    yield "What a source has not confirmed for so many hours is stale and loses to what others confirmed in time. The"
    yield "word of a source says of whether a thing is there: it was seen, it was stated by people, or nothing."
    yield from (
        "",
        "| source | precedence | stale after | presence | what it is | exceptions |",
        "| - | - | - | - | - | - |",
    )
    for s in sorted(model.sources.values(), key=lambda s: (-s.precedence, s.name)):
        rules = []
        for rule in s.rules:
            of = f" of {', '.join(rule.classes)}" if rule.classes else ""
            what = ", ".join(f"`{a}`" for a in rule.attributes) or "everything"
            rules.append(f"{what}{of}: {rule.precedence}. {_cell(rule.description)}")
        rules += [f"stale after {r.after_h} h of {', '.join(r.classes)}." for r in s.stale_rules]
        stale = f"{s.stale_after_h} h" if s.stale_after_h is not None else ""
        yield f"| `{s.name}` | {s.precedence} | {stale} | {s.presence} | {_cell(s.description)} | {' '.join(rules)} |"


def _absence_section(model: Model) -> Iterator[str]:
    said = model.absence
    yield from ("", "## Absence", "")
    yield "A CI is missing once so many complete runs did not see it and so much time has passed since the first"
    yield "of them; what people stated is missing as soon as they no longer do. Missing becomes retired after so many"
    yield "days in which what should have shown it was read completely; where there is no number, people retire."
    yield from ("", "| classes | runs | hours | retired after days | why |", "| --- | --- | --- | --- | --- |")
    for rule in said.rules:
        yield f"| {', '.join(rule.classes)} | {_absence_cells(rule.absence)} | {_cell(rule.description)} |"
    yield f"| all others | {_absence_cells(said.default)} | |"
    yield from (
        "",
        "A relationship is believed as far as the methods are by which it was seen, half for each period since:",
        "",
    )
    yield from ("| method | belief | period |", "| --- | --- | --- |")
    for name, sighting in [*sorted(said.sightings.items()), ("all others", said.sighting)]:
        yield f"| {name} | {sighting.belief:g} | {sighting.period_h} h |"
    yield from (
        "",
        "It is certain while somebody repeats it within the period of the method and it is believed at least "
        f"{said.sure_from:g}; else what hangs on it in an impact answer is possible, not sure.",
    )
    yield from (
        "",
        "Ties end that nobody repeats:",
        "",
        "| types | methods | after | why |",
        "| --- | --- | --- | --- |",
    )
    for e in said.endings:
        types = ", ".join(f"`{t}`" for t in e.types)
        yield f"| {types} | {', '.join(e.methods) or 'any'} | {e.after_h} h | {_cell(e.description)} |"


def _absence_cells(absence: Absence) -> str:
    days = "" if absence.retire_after_days is None else absence.retire_after_days
    return f"{absence.runs} | {absence.hours} | {days}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main(arguments: list[str]) -> int:
    """Print, write or check the page; returns the exit code."""
    text = page(load_model())
    if arguments == ["--write"]:
        PAGE.parent.mkdir(parents=True, exist_ok=True)
        PAGE.write_text(text, "utf-8")
    elif arguments == ["--check"]:
        if not PAGE.exists() or PAGE.read_text("utf-8") != text:
            sys.stderr.write(f"{PAGE} is out of date: run python -m cmdb.model.document --write\n")
            return 1
    elif not arguments:
        sys.stdout.write(text)
    else:
        sys.stderr.write("takes nothing, --write or --check\n")
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
