"""Reading request bodies within limits, compressed ones too: nothing is unpacked further than it may grow."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable

from starlette.requests import ClientDisconnect, Request

from cmdb.entrypoints.problems import Refusal

if sys.version_info >= (3, 14):
    from compression.zstd import ZstdDecompressor, ZstdError
else:
    from backports.zstd import ZstdDecompressor, ZstdError

_SLACK = 64 * 1024  # the ratio is judged from here on: small bodies may be very regular


async def read_body(request: Request, most: int, name: str = "body") -> bytes:
    """The body as sent, refused with 413 as soon as it is larger than `most` bytes."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > most:
        raise _too_large(name, most)
    out = bytearray()
    try:
        async for chunk in request.stream():
            out += chunk
            if len(out) > most:
                raise _too_large(name, most)
    except ClientDisconnect:
        raise Refusal(400, "Incomplete body", "The connection ended before the body did; send it again.") from None
    return bytes(out)


def _too_large(name: str, most: int) -> Refusal:
    return Refusal(413, "Too large", f"{name}: at most {most:,} bytes; send less at once.", limit=name, maximum=most)


def unpack(body: bytes, encoding: str, most: int, ratio: int) -> bytes:
    """Undo a Content-Encoding; refused with 415 (unknown), 400 (broken) or 413 (over `most` bytes or `ratio`)."""
    steps = [s.strip().lower() for s in encoding.split(",") if s.strip()]
    steps = [s for s in steps if s != "identity"]
    if len(steps) > 1:
        raise Refusal(415, "Unsupported encoding", "Content-Encoding: one of gzip, deflate and zstd, once.")
    if not steps:
        if len(body) > most:
            raise _too_large("decompressedBytes", most)
        return body
    decompressor = _DECOMPRESSORS.get(steps[0])
    if decompressor is None:
        raise Refusal(415, "Unsupported encoding", f"Content-Encoding {steps[0][:40]!r}: use gzip, deflate or zstd.")
    allowed = min(most, max(_SLACK, ratio * len(body)))
    try:
        out = decompressor(body, allowed + 1)
    except (zlib.error, ZstdError, EOFError, ValueError) as error:
        raise Refusal(400, "Broken body", f"The body is not valid {steps[0]}: {error}") from None
    if len(out) > allowed:
        if allowed == most:
            raise _too_large("decompressedBytes", most)
        raise Refusal(
            413, "Too large", f"ratio: a body may grow {ratio} times when unpacked.", limit="ratio", maximum=ratio
        )
    return out


def _zlib(wbits: int) -> Callable[[bytes, int], bytes]:
    def run(body: bytes, most: int) -> bytes:
        out, rest = bytearray(), body
        while rest and len(out) < most:
            stream = zlib.decompressobj(wbits)
            out += stream.decompress(rest, most - len(out))
            if not stream.eof and len(out) < most:
                raise EOFError("it ends too early")
            rest = stream.unused_data
        return bytes(out)

    return run


def _deflate(body: bytes, most: int) -> bytes:
    """RFC 9110 says zlib format; some senders leave its frame out."""
    try:
        return _zlib(zlib.MAX_WBITS)(body, most)
    except zlib.error:
        return _zlib(-zlib.MAX_WBITS)(body, most)


def _zstd(body: bytes, most: int) -> bytes:
    out, rest = bytearray(), body
    while rest and len(out) < most:
        stream = ZstdDecompressor()
        out += stream.decompress(rest, max_length=most - len(out))
        while not stream.eof and not stream.needs_input and len(out) < most:
            out += stream.decompress(b"", max_length=most - len(out))
        if not stream.eof and len(out) < most:
            raise EOFError("it ends too early")
        rest = stream.unused_data if stream.eof else b""
    return bytes(out)


_DECOMPRESSORS: dict[str, Callable[[bytes, int], bytes]] = {
    "gzip": _zlib(zlib.MAX_WBITS | 16),
    "x-gzip": _zlib(zlib.MAX_WBITS | 16),
    "deflate": _deflate,
    "zstd": _zstd,
}
