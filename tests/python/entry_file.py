"""An entry file, read with the COSE and CBOR libraries of PyPI (cwt, cbor2): nothing here shares code with the project.

`read(bytes)` gives an Entry or raises Refused with the reason.
"""

import dataclasses
import hashlib
import re

import cbor2
import cwt
from multiformats import CID, multibase

CONTENT_TYPE = "application/tidings"
HEADER_LIMIT = 8 * 1024
FILE_LIMIT = 1024 * 1024
LAST_TIME = 253_402_300_799_999

# Keys of the payload: name, Python type, whether it must be there.
KEYS = {
    1: ("version", int, True),
    2: ("topic", bytes, True),
    3: ("seq", int, True),
    4: ("prev", bytes, False),
    5: ("time", int, True),
    6: ("kind", str, True),
    7: ("refs", list, False),
    8: ("redacts", list, False),
    9: ("links", list, False),
    10: ("body_hash", bytes, True),
    11: ("body_len", int, True),
    12: ("body_type", str, False),
    13: ("topic_name", str, False),
}


class Refused(Exception):
    """The bytes are not a valid entry file; the text says why."""


@dataclasses.dataclass(frozen=True)
class Entry:
    """What a valid entry file holds. `header` maps the names of KEYS to values."""

    id: bytes
    author: bytes
    header: dict
    body: bytes | None
    file: bytes

    @property
    def id_cid(self):
        return str(CID("base32", 1, "raw", ("sha2-256", self.id)))

    @property
    def file_cid(self):
        return str(CID("base32", 1, "raw", ("sha2-256", hashlib.sha256(self.file).digest())))

    @property
    def did(self):
        return "did:key:" + multibase.encode(b"\xed\x01" + self.author, "base58btc")


def read(file):
    """Checks everything that one entry file can be checked for by itself."""
    require(len(file) <= FILE_LIMIT, "the file is too large")
    outer = one_encoding(file, "the file")
    require(isinstance(outer, list) and len(outer) == 2, "not an array of two")
    envelope, body = outer
    require(isinstance(envelope, cbor2.CBORTag) and envelope.tag == 18, "the header is not a tagged COSE_Sign1")
    require(body is None or isinstance(body, bytes), "the body is neither bytes nor null")
    header_bytes = cbor2.dumps(envelope, canonical=True)
    require(len(header_bytes) <= HEADER_LIMIT, "the header is too large")

    author, payload = check_envelope(envelope)
    header = check_payload(payload)
    if body is not None:
        require(len(body) == header["body_len"], "the body has another length than the header says")
        require(hashlib.sha256(body).digest() == header["body_hash"], "the body has another hash than the header says")
    return Entry(hashlib.sha256(header_bytes).digest(), author, header, body, bytes(file))


def check_envelope(envelope):
    """The COSE object: one shape, and a signature that a COSE library accepts. Gives the author's key and the payload."""
    require(isinstance(envelope.value, list) and len(envelope.value) == 4, "the COSE_Sign1 is not an array of four")
    protected_bytes, unprotected, payload, signature = envelope.value
    require(isinstance(protected_bytes, bytes) and isinstance(payload, bytes), "not bytes where bytes belong")
    require(unprotected == {}, "there are unprotected headers")
    require(isinstance(signature, bytes) and len(signature) == 64, "the signature has not 64 bytes")
    protected = one_encoding(protected_bytes, "the protected header")
    require(isinstance(protected, dict) and set(protected) == {1, 3, 4}, "other protected headers than alg, content type and kid")
    author = protected[4]
    require(protected[1] == -8, "the algorithm is not EdDSA")
    require(protected[3] == CONTENT_TYPE, "another content type")
    require(isinstance(author, bytes) and len(author) == 32, "the key id is not a key of 32 bytes")
    try:
        # OKP (1), Ed25519 (6), EdDSA (-8), for verifying (2).
        key = cwt.COSEKey.new({1: 1, 2: author, 3: -8, 4: [2], -1: 6, -2: author})
        signed = cwt.COSE.new(verify_kid=True).decode(envelope, keys=[key])
    except (cwt.exceptions.CWTError, ValueError) as error:
        raise Refused(f"the signature is not valid: {error}") from error
    require(signed == payload, "the COSE library found another payload")
    return author, payload


def check_payload(payload):
    """The signed map: known keys of the right types within their limits."""
    pairs = one_encoding(payload, "the payload")
    require(isinstance(pairs, dict), "the payload is not a map")
    require(pairs.get(1) == 1, "another version")
    require(set(pairs) <= set(KEYS), "an unknown key")
    header = {}
    for key, (name, kind, needed) in KEYS.items():
        require(key in pairs or not needed, f"{name} is missing")
        if key in pairs:
            require(type(pairs[key]) is kind, f"{name} is not of type {kind.__name__}")
            header[name] = pairs[key]
    for name in ("topic", "prev", "body_hash"):
        require(name not in header or len(header[name]) == 32, f"{name} has not 32 bytes")
    require(("prev" in header) == (header["seq"] > 0), "seq is 0 if and only if there is no prev")
    require(header["time"] <= LAST_TIME, "the time is after the year 9999")
    require(1 <= len(header["kind"].encode()) <= 32, "kind is empty or too long")
    require(header["body_len"] <= FILE_LIMIT - HEADER_LIMIT - 16, "the body is too long")
    for name in ("refs", "redacts"):
        ids = header.get(name)
        require(ids is None or 1 <= len(ids) <= 64, f"{name} is empty or too long")
        require(all(type(one) is bytes and len(one) == 32 for one in ids or []), f"{name} holds something else than ids")
    redacts = header.get("redacts", [])
    require(redacts == sorted(set(redacts)), "redacts are not sorted and distinct")
    check_links(header.get("links"))
    require(header.get("body_type") != "text/plain", "the default media type is written out")
    check_media_type(header.get("body_type", "text/plain"))
    return header


def check_links(links):
    if links is None:
        return
    require(1 <= len(links) <= 16, "links are empty or too many")
    for link in links:
        require([type(part) for part in link] == [str, bytes, int, str], "a link is not [name, CID, size, type]")
        name, cid_bytes, _, media_type = link
        require(1 <= len(name.encode()) <= 160 and name not in (".", ".."), "a link's name is empty, too long or special")
        require(not re.search(r"[/\\\x00-\x1f\x7f-\x9f]", name), "a link's name is not a plain file name")
        cid = CID.decode(cid_bytes)
        require(bytes(cid) == cid_bytes and cid.version == 1 and cid.hashfun.name == "sha2-256", "a link's CID is of another kind")
        check_media_type(media_type)
    names = [link[0].encode() for link in links]
    require(names == sorted(set(names)), "links are not sorted by name and distinct")


def check_media_type(text):
    require(re.fullmatch(r"[ -~]{1,127}", text) and "/" in text, "a media type is too long or malformed")


def one_encoding(data, what):
    """The decoded item, if the bytes are the one deterministic encoding of it."""
    try:
        item = cbor2.loads(data)
        again = cbor2.dumps(item, canonical=True)
    except (cbor2.CBORError, ValueError, TypeError) as error:
        raise Refused(f"{what} is not CBOR: {error}") from error
    require(again == data, f"{what} is not the deterministic encoding")
    return item


def require(holds, otherwise):
    if not holds:
        raise Refused(otherwise)
