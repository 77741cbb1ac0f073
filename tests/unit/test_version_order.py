"""Versions: which is later, and which texts mean the same one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmdb.service.version_order import fits_version, same_version, version_order


@pytest.mark.parametrize(
    "versions",
    [
        ("15.2(4)E", "15.2(7)E", "15.2(7)E3", "15.2(7)E10", "15.2(8)E", "16.3.1"),
        ("3.0.2", "3.0.9", "3.0.15", "3.1-beta2", "3.1rc1", "3.1", "3.1.1"),
        ("12.3R8-S1", "12.3R12", "20.4R3-S2.6", "20.4R3-S10"),
        ("9.3(5)", "9.3(10)", "10.1(1)"),
        ("1.1.1k", "1.1.1w", "1.1.2"),
        ("7.9", "7.10.4", "7.10.4-build2463"),
    ],
)
def test_the_later_one_is_the_larger_one(versions: tuple[str, ...]) -> None:
    assert sorted(reversed(versions), key=version_order) == list(versions)


@pytest.mark.parametrize(
    ("one", "other"),
    [("v3.0.15", "3.0.15"), ("15.2(07)E3", "15.2(7)e3"), ("3.0", "3.0.0"), ("Version 16.9", "16.9"), ("-", "-")],
)
def test_two_ways_to_write_one_version(one: str, other: str) -> None:
    assert same_version(one, other)


@pytest.mark.parametrize(
    ("one", "other"), [("1.10", "1.1"), ("15.0(2)", "15.2"), ("2.0", "2.0a"), ("-", "?"), ("", "0")]
)
def test_two_versions(one: str, other: str) -> None:
    assert not same_version(one, other)


@pytest.mark.parametrize(
    ("wanted", "version", "fits"),
    [
        (">=15.2(4)E", "15.2(7)E3", True),
        ("<15.2(7)E10", "15.2(7)E3", True),
        ("> 3.0.9", "3.0.9", False),
        ("<=3.0.9", "3.0.15", False),
        ("=3.0", "3.0.0", True),
        ("3.0.15", "3.0.9", False),
    ],
)
def test_what_is_wanted_may_be_one_side(wanted: str, version: str, fits: bool) -> None:
    assert fits_version(wanted, version) is fits


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_two_texts_have_an_order(one: str, other: str) -> None:
    assert same_version(one, other) == same_version(other, one)
    assert (version_order(one) < version_order(other)) + (version_order(other) < version_order(one)) <= 1
