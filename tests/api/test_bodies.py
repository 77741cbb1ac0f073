"""Bodies are unpacked within limits, and what is broken says so."""

from __future__ import annotations

import gzip
import sys
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cmdb.entrypoints.bodies import unpack
from cmdb.entrypoints.problems import Refusal

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MOST = 100 * 2**20


def raw_deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(data) + compressor.flush()


PACKERS = {"gzip": gzip.compress, "deflate": zlib.compress, "zstd": zstd.compress}


def refusal(body: bytes, encoding: str, most: int = MOST) -> Refusal:
    with pytest.raises(Refusal) as caught:
        unpack(body, encoding, most, 100)
    return caught.value


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=20_000), st.sampled_from(sorted(PACKERS)))
def test_what_was_packed_comes_back(data: bytes, encoding: str) -> None:
    assert unpack(PACKERS[encoding](data), encoding.upper(), MOST, 100) == data


def test_several_members_are_one_body() -> None:
    assert unpack(gzip.compress(b"a") + gzip.compress(b"b"), "gzip", MOST, 100) == b"ab"
    assert unpack(zstd.compress(b"a") + zstd.compress(b"b"), "zstd", MOST, 100) == b"ab"


def test_deflate_without_its_frame_is_understood() -> None:
    assert unpack(raw_deflate(b"hello"), "deflate", MOST, 100) == b"hello"


def test_no_encoding_is_the_body_itself() -> None:
    assert unpack(b"x", "", MOST, 100) == unpack(b"x", "identity", MOST, 100) == b"x"


@pytest.mark.parametrize("encoding", sorted(PACKERS))
def test_a_bomb_is_refused_by_its_ratio(encoding: str) -> None:
    error = refusal(PACKERS[encoding](bytes(50 * 2**20)), encoding)

    assert (error.status, error.members) == (413, {"limit": "ratio", "maximum": 100})


@pytest.mark.parametrize("encoding", sorted(PACKERS))
def test_a_body_that_grows_too_large_is_refused(encoding: str) -> None:
    error = refusal(PACKERS[encoding](bytes(range(256)) * 40), encoding, most=5_000)

    assert (error.status, error.members["limit"]) == (413, "decompressedBytes")


@pytest.mark.parametrize("encoding", sorted(PACKERS))
@pytest.mark.parametrize("cut", [1, 5, -1])
def test_a_broken_body_is_refused(encoding: str, cut: int) -> None:
    assert refusal(PACKERS[encoding](b"hello world" * 50)[:cut], encoding).status == 400
    assert refusal(b"not packed at all", encoding).status == 400


@pytest.mark.parametrize("encoding", ["br", "gzip, zstd", "gzip,gzip", "x" * 500])
def test_unknown_encodings_are_refused(encoding: str) -> None:
    assert refusal(b"x", encoding).status == 415
