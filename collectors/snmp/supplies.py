"""What a printer uses up or fills (prtMarkerSuppliesTable of Printer-MIB, RFC 3805). Pure."""

from __future__ import annotations

from cmdb.observation import Observation
from cmdb.observation import Value as Attribute
from collectors.snmp.inventory_tables import COLORANTS, SUPPLIES
from collectors.snmp.rows import rows
from collectors.snmp.text import integer, known, positive
from collectors.transport.answers import Answers

# PrtMarkerSuppliesTypeTC, and PrtMarkerSuppliesSupplyUnitTC; how full they are is no matter of an inventory.
KINDS = {
    **dict.fromkeys((3, 21, 33), "toner"),
    **dict.fromkeys((5, 6), "ink"),
    **dict.fromkeys((9, 10, 20), "drum"),
    **dict.fromkeys((15, 18, 22), "fuser"),
    **dict.fromkeys((4, 8, 14), "waste"),
    **dict.fromkeys((24, 25, 31), "paper"),
    **dict.fromkeys((32,), "staples"),
}
UNITS = {
    **{3: "ten-thousandths of inches", 4: "micrometres", 7: "impressions", 8: "sheets", 11: "hours"},
    **{
        12: "thousandths of ounces",
        13: "tenths of grams",
        14: "hundredths of fluid ounces",
        15: "tenths of millilitres",
    },
    **{16: "feet", 17: "metres", 18: "items", 19: "percent"},
}


def supplies(answers: Answers, device: str) -> list[Observation]:
    """Supplies inside the printer with this key, by the names that it gives them."""
    colours = {index[-1]: known(row.get("colour")) for index, row in rows(answers, COLORANTS).items()}
    found: dict[str, Observation] = {}
    for index, row in rows(answers, SUPPLIES).items():
        name = known(row.get("descr")) or f"supply {index[-1]}"
        key = name if name not in found else f"{name}#{'.'.join(map(str, index))}"
        attributes: dict[str, Attribute] = {"name": name, "kind": KINDS.get(integer(row.get("type")) or 0, "other")}
        capacity, unit = positive(row.get("capacity")), UNITS.get(integer(row.get("unit")) or 0)
        optional = {
            "colour": colours.get(integer(row.get("colorant")) or 0),
            "capacity": capacity,
            "unit": unit if capacity else None,
        }
        attributes |= {k: v for k, v in optional.items() if v is not None}
        found[key] = Observation("Supply", key, attributes, parent=device)
    return list(found.values())
