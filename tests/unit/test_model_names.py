"""Makers have one short name, and words that stand for nothing are known."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmdb.errors import Invalid
from cmdb.model import is_placeholder, vendor_slug
from cmdb.model.names import read_names


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("Cisco Systems, Inc.", "cisco"),
        ("cisco", "cisco"),
        ("CISCO SYSTEMS INC", "cisco"),
        ("Huawei Technologies Co., Ltd.", "huawei"),
        ("HP", "hp"),
        ("Hewlett-Packard", "hp"),
        ("Hewlett-Packard Company", "hp"),
        ("Hewlett Packard Enterprise", "hpe"),
        ("HPE Aruba", "aruba"),
        ("Dell Inc.", "dell"),
        ("Dell EMC", "dell"),
        ("D-Link Corporation", "d-link"),
        ("dlink", "d-link"),
        ("American Power Conversion Corp.", "apc"),
        ("Schneider Electric", "schneider"),
        ("Super Micro Computer, Inc.", "supermicro"),
        ("New H3C Technologies Co., Ltd.", "h3c"),
        ("Juniper Networks, Inc.", "juniper"),
        ("ZyXEL Communications Corp.", "zyxel"),
        ("TP-LINK TECHNOLOGIES CO.,LTD.", "tp-link"),
        ("LENOVO", "lenovo"),
        ("Konica Minolta Business Technologies, Inc.", "konica-minolta"),
        ("Fortinet, Inc", "fortinet"),
        ("Palo Alto Networks", "palo-alto"),
        ("VMware, Inc.", "vmware"),
        ("ASUSTeK COMPUTER INC.", "asus"),
        ("F5 Networks", "f5"),
        ("3Com", "3com"),
        ("Riello UPS", "riello"),
        ("Cis", None),
        ("Some Cisco reseller", None),
        ("Inc.", None),
        ("Networks", None),
        ("", None),
        ("???", None),
        ("cisco" * 1000, None),
    ],
)
def test_vendor_slug(text: str, slug: str | None) -> None:
    assert vendor_slug(text) == slug


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "0",
        "x",
        "00000000",
        "-----",
        "N/A",
        "n.a.",
        "None",
        "NULL",
        "BUILTIN",
        "Built-In",
        "To be filled by O.E.M.",
        "To Be Filled By OEM",
        "Default string",
        "System Serial Number",
        "Chassis Serial Number",
        "Not Specified",
        "not available",
        "0123456789",
        "1234567890",
        "XXXXXXXXXX",
        "<private>",
        "<none>",
        "(null)",
        "localhost",
        "localhost.localdomain",
        "Switch",
        "00:00:00:00:00:00",
        "FF:FF:FF:FF:FF:FF",
        "00000000-0000-0000-0000-000000000000",
        "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
        "03000200-0400-0500-0006-000700080009",
        "unknown",
        "\x00\x00",
    ],
)
def test_placeholders(text: str) -> None:
    assert is_placeholder(text)
    assert is_placeholder(f"  {text.upper()} ")


@pytest.mark.parametrize(
    "text",
    [
        "FOC1234X0AB",
        "JAE26480T1K",
        "0123456780",
        "12345",
        "10",
        "C9500-24Y4C",
        "core-1",
        "switch-1",
        "localhost-2",
        "00:1d:e5:84:98:c0",
        "4a8b2c9e-1f0d-4d57-9f0b-6c1f3f6a7e21",
        "NA1234567",
        "NONE-SUCH",
        "核心交换机",
        "printer",
        "X1",
    ],
)
def test_values_that_say_something(text: str) -> None:
    assert not is_placeholder(text)


@given(st.text(max_size=50))
def test_any_text_is_judged_alike_in_either_case(text: str) -> None:
    assert is_placeholder(text) == is_placeholder(f" {text}\t")
    assert vendor_slug(text) == vendor_slug(f"{text}, Inc.") or not text.strip()


LEGAL = "legal_words: [inc]\nmakers: "


@pytest.mark.parametrize(
    ("vendors", "placeholders", "expected"),
    [
        (LEGAL + "{Cisco: []}", "words: [x]", "vendors.yaml: makers.Cisco: must be lower-case letters"),
        (LEGAL + "{3: []}", "words: [x]", "vendors.yaml: makers.3: must be lower-case letters"),
        (LEGAL + "{cisco: ciscosystems}", "words: [x]", "vendors.yaml: makers.cisco: must be a list of texts"),
        (LEGAL + "{hp: [x], hpe: [x]}", "words: [x]", "vendors.yaml: makers.hpe: 'x' is hp already"),
        ("makers: {}", "words: [x]", "vendors.yaml: legal_words: is missing; add it (a list of texts)"),
        (LEGAL + "{}", "words: [no]", "placeholders.yaml: words: must be a list of texts"),
        (LEGAL + "{}", "word: [x]", "placeholders.yaml: word: unknown key; did you mean words?"),
        (LEGAL + "{}", "words: [x]\npatterns: ['(']", "placeholders.yaml: patterns[0]: is not a regular expression"),
        (
            LEGAL + "{a: [], a: []}",
            "words: [x]",
            "vendors.yaml: line 2, column 17: is not good YAML: the key 'a' stands",
        ),
    ],
)
def test_mistakes_in_the_tables_are_named(tmp_path: Path, vendors: str, placeholders: str, expected: str) -> None:
    (tmp_path / "vendors.yaml").write_text(vendors, "utf-8")
    (tmp_path / "placeholders.yaml").write_text(placeholders, "utf-8")

    with pytest.raises(Invalid) as raised:
        read_names(tmp_path)

    assert any(line.startswith(expected) for line in str(raised.value).splitlines())
