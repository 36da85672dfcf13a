"""The Xet side of the Hub: what huggingface_hub with hf_xet asks when it uploads large files.

A client gets a short-lived access token from the Hub, sends the content as xorbs (compressed chunks, packed together)
to the content-addressed store, then a shard, which says of which chunks each file consists.
Formats: https://huggingface.co/docs/xet (auth, api, xorb, shard). Left out, because the clients go on without it: global
deduplication, downloads through Xet, upload grants, and the check that a xorb has the hash it is called by.
"""

import hashlib
import secrets
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import lz4.frame
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

WITH_VERIFICATION, WITH_METADATA = 1 << 31, 1 << 30  # flags of a file in a shard
RECORD = 48  # bytes; a shard is made of such records
LIFETIME = 3600  # seconds that an access token is valid


class Xet:
    """The store. ``tokens`` maps an access token to what it allows (``"read"`` or ``"write"``) and when it expires."""

    def __init__(self, folder: Path):
        self.xorbs, self.files = folder / "xorbs", folder / "lfs"
        self.xorbs.mkdir(parents=True)
        self.tokens: dict[str, tuple[str, float]] = {}
        self.generation = 0

    def token(self, endpoint: str, scope: str) -> Response:
        """A new access token, in the headers for huggingface_hub and in the body for hf_xet."""
        url = f"{endpoint}/xet/{self.generation}"
        token, expires = f"xet_{secrets.token_hex(16)}", int(time.time()) + LIFETIME
        self.tokens[token] = scope, expires
        headers = {"X-Xet-Cas-Url": url, "X-Xet-Access-Token": token, "X-Xet-Token-Expiration": str(expires)}
        return JSONResponse({"casUrl": url, "accessToken": token, "exp": expires}, headers=headers)

    def answer(self, request: Request, parts: list[str], body: bytes) -> Response:
        """``parts``: the path after the store's URL."""
        scope, expires = self.tokens.get(request.headers.get("authorization", "").removeprefix("Bearer "), ("", 0))
        if expires < time.time():
            return JSONResponse({"error": "Invalid access token"}, 401)
        try:
            match request.method, parts:
                case "POST", _ if scope != "write":
                    return JSONResponse({"error": "The access token does not allow to write"}, 403)
                case "POST", ["v1", "xorbs", "default", name]:
                    return self.add_xorb(name, body)
                case "POST", ["v1" | "v2", "shards"]:
                    self.add_shard(body)
                    return JSONResponse({"result": 1, "type": "result"})  # as v1 and as v2 say that all is well
        except ValueError as error:
            return JSONResponse({"error": str(error)}, 400)
        return JSONResponse({"error": "not here"}, 404)

    def add_xorb(self, name: str, body: bytes) -> Response:
        list(chunks(body))  # raises where they cannot be read
        known = (self.xorbs / name).exists()
        (self.xorbs / name).write_bytes(body)
        return JSONResponse({"was_inserted": not known})

    def add_shard(self, shard: bytes) -> None:
        """Put the shard's files together and store each by its SHA-256, as if it had come through LFS."""
        for terms, said in files(shard):
            parts, whole = self.files / f"part-{secrets.token_hex(8)}", hashlib.sha256()
            try:
                with parts.open("wb") as out:
                    for xorb, size, first, end in terms:
                        segment = self.segment(xorb, first, end)
                        if len(segment) != size:
                            raise ValueError(f"{len(segment)} bytes where the shard says {size}")
                        whole.update(segment)
                        out.write(segment)
                if said not in (None, whole.hexdigest()):
                    raise ValueError("the content does not have the SHA-256 that the shard says")
                parts.replace(self.files / whole.hexdigest())
            finally:
                parts.unlink(missing_ok=True)

    def segment(self, xorb: str, first: int, end: int) -> bytes:
        if not (self.xorbs / xorb).exists():
            raise ValueError(f"no xorb {xorb}")
        return b"".join(chunks((self.xorbs / xorb).read_bytes(), first, end))

    def forget(self) -> None:
        """Empty the store, and move it: hf_xet remembers for each store's URL what it has uploaded there."""
        self.generation += 1
        for xorb in self.xorbs.iterdir():
            xorb.unlink()


def chunks(xorb: bytes, first: int = 0, end: int | None = None) -> Iterator[bytes]:
    """The chunks ``first`` to ``end`` of a xorb: each a header of 8 bytes, then the content."""
    at, number = 0, 0
    while at < len(xorb) and xorb[at] == 0 and (end is None or number < end):  # else the xorb's footer begins here
        packed, size = int.from_bytes(xorb[at + 1 : at + 4], "little"), int.from_bytes(xorb[at + 5 : at + 8], "little")
        if number >= first:
            yield unpack(xorb[at + 8 : at + 8 + packed], xorb[at + 4], size)
        at, number = at + 8 + packed, number + 1


def unpack(packed: bytes, scheme: int, size: int) -> bytes:
    """A chunk as it was; 0: as it is, 1: LZ4, 2: LZ4 of each first byte of four, then each second, and so on."""
    if scheme not in (0, 1, 2):
        raise ValueError(f"unknown compression {scheme}")
    try:
        content = lz4.frame.decompress(packed) if scheme else packed
    except RuntimeError as error:
        raise ValueError(str(error)) from error
    if len(content) != size:
        raise ValueError(f"a chunk of {len(content)} bytes where its header says {size}")
    if scheme < 2:
        return content
    grouped, at = bytearray(size), 0
    for byte in range(4):
        count = len(range(byte, size, 4))
        grouped[byte::4] = content[at : at + count]
        at += count
    return bytes(grouped)


def files(shard: bytes) -> Iterator[tuple[list[tuple[str, int, int, int]], str | None]]:
    """A shard's files: the terms (xorb, bytes, first chunk, end) of each, and its SHA-256 where the shard says it."""
    records = [shard[at : at + RECORD] for at in range(0, len(shard), RECORD)]
    at = 1  # after the header
    while at < len(records) and records[at][:32] != b"\xff" * 32:  # the mark that the files end
        flags, count = struct.unpack_from("<II", records[at], 32)
        terms = [(text(record), *struct.unpack_from("<III", record, 36)) for record in records[at + 1 : at + 1 + count]]
        at += 1 + (2 * count if flags & WITH_VERIFICATION else count)
        said = text(records[at]) if flags & WITH_METADATA else None
        at += bool(flags & WITH_METADATA)
        yield terms, said


def text(record: bytes) -> str:
    """A hash as the API writes it: four little-endian numbers."""
    return "".join(f"{number:016x}" for number in struct.unpack_from("<4Q", record))
