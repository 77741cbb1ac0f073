"""Keys, digests and ciphers of the user-based security model (RFC 3414, RFC 3826, RFC 7860)."""

from __future__ import annotations

import hashlib
import hmac
from functools import lru_cache
from typing import Literal

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

Auth = Literal["MD5", "SHA-1", "SHA-224", "SHA-256", "SHA-384", "SHA-512"]
Priv = Literal["DES", "3DES", "AES-128", "AES-192", "AES-256", "AES-192-C", "AES-256-C"]  # -C: keys as Cisco makes them

DIGEST_BYTES: dict[str, int] = {"MD5": 12, "SHA-1": 12, "SHA-224": 16, "SHA-256": 24, "SHA-384": 32, "SHA-512": 48}
_KEY_BYTES: dict[str, int] = {"DES": 16, "3DES": 32, "AES-128": 16, "AES-192": 24, "AES-256": 32}
_CHAINED = {"3DES", "AES-192-C", "AES-256-C"}
_BLOCKS = {"DES", "3DES"}  # ciphers of whole blocks; the others are streams
_MEBIBYTE = 1 << 20
_BLOCK = 8  # DES


@lru_cache(maxsize=4096)  # a key costs milliseconds, an engine asks for the same ones at each message
def auth_key(auth: Auth, secret: bytes, engine_id: bytes) -> bytes:
    """Turn a pass phrase into the key that is localised to one engine (RFC 3414 §A.2)."""
    return _localise(auth, _stretch(auth, secret), engine_id)


@lru_cache(maxsize=4096)
def priv_key(priv: Priv, auth: Auth, secret: bytes, engine_id: bytes) -> bytes:
    """Turn a pass phrase into the localised key of a cipher, made longer where the digest is too short for it."""
    key = auth_key(auth, secret, engine_id)
    size = _KEY_BYTES[priv.removesuffix("-C")]
    while len(key) < size:
        if priv in _CHAINED:  # draft-reeder-snmpv3-usm-3desede §2.1
            key += _localise(auth, _stretch(auth, key), engine_id)
        else:  # draft-blumenthal-aes-usm §3.1.2.1
            key += _hash(auth, key)
    return key[:size]


def digest(auth: Auth, key: bytes, message: bytes) -> bytes:
    """Authenticate a whole message in which the place of the digest holds zeros."""
    return hmac.digest(key, message, _algorithm(auth))[: DIGEST_BYTES[auth]]


def encrypt(priv: Priv, key: bytes, boots: int, time: int, salt: bytes, plain: bytes) -> bytes:
    """Encrypt a scoped PDU; the salt has 8 bytes and must not repeat."""
    if priv in _BLOCKS:
        plain += bytes(-len(plain) % _BLOCK)
    worker = _cipher(priv, key, boots, time, salt).encryptor()
    return worker.update(plain) + worker.finalize()


def decrypt(priv: Priv, key: bytes, boots: int, time: int, salt: bytes, secret: bytes) -> bytes | None:
    """Undo `encrypt`; None where salt or length can't be right. A wrong key gives nonsense, not None."""
    if len(salt) != 8 or (priv in _BLOCKS and (len(secret) % _BLOCK or not secret)):
        return None
    worker = _cipher(priv, key, boots, time, salt).decryptor()
    return worker.update(secret) + worker.finalize()


def _cipher(priv: Priv, key: bytes, boots: int, time: int, salt: bytes) -> Cipher[CBC] | Cipher[CFB]:
    if priv == "DES":  # three equal keys make triple DES the single one that the RFC asks for
        start = bytes(a ^ b for a, b in zip(key[8:16], salt, strict=True))
        return Cipher(TripleDES(key[:8] * 3), CBC(start))
    if priv == "3DES":  # draft-reeder-snmpv3-usm-3desede §5.1.1
        start = bytes(a ^ b for a, b in zip(key[24:32], salt, strict=True))
        return Cipher(TripleDES(key[:24]), CBC(start))
    return Cipher(AES(key), CFB(boots.to_bytes(4, "big") + time.to_bytes(4, "big") + salt))


def _algorithm(auth: Auth) -> str:
    return auth.replace("-", "").lower()


def _hash(auth: Auth, data: bytes) -> bytes:
    return hashlib.new(_algorithm(auth), data, usedforsecurity=True).digest()


@lru_cache(maxsize=256)
def _stretch(auth: Auth, secret: bytes) -> bytes:
    """Hash a mebibyte of the repeated pass phrase (RFC 3414 §A.2.1)."""
    return _hash(auth, (secret * (_MEBIBYTE // len(secret) + 1))[:_MEBIBYTE])


def _localise(auth: Auth, key: bytes, engine_id: bytes) -> bytes:
    return _hash(auth, key + engine_id + key)
