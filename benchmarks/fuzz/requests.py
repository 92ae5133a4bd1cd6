"""Requests as bytes: with damaged pictures, with damaged bodies, and such as HTTP does not allow.

`whole` says whether an answer is owed: a client that announces more than it sends gets none.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple
from urllib.parse import quote
from uuid import UUID

from benchmarks.fuzz.mutations import EDGES, damaged

PATHS = ("/api/detect", "/api/recognise", "/api/register", "/api/verify")
LOOK = ("/api/detect", "/api/detect", "/api/recognise", "/api/recognise", "/api/register")
NOBODY = "00000000-0000-4000-8000-000000000000"
BOUNDARY = "----boundary"
FORM = "application/x-www-form-urlencoded"
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"
# What a field of text, a parameter or an id may be instead.
TEXTS = (
    *(
        "",
        " ",
        "\0",
        "a\0b",
        "Anna\r\nSet-Cookie: a=b",
        "\ud800",
        "\udfff\ud800",
        "\u202e",
        "\ufdfa",
    ),
    *("'; DROP TABLE subjects; --", "%", "%00", "%zz", "{{7*7}}", "<script>", "../../etc/passwd"),
    *(
        "file:///etc/passwd",
        "http://127.0.0.1:1/",
        "data:image/png;base64,",
        "data:,",
        "=",
        "a" * 9999,
    ),
    *("nan", "inf", "-inf", "1e999", "-1", "0", "1" * 5000, "0x10", "\u0663", "1,1", "0.5,0.5,0.5"),
    *("e\u0301" * 150, "\U0001f600" * 200, "\u200d" * 50, NOBODY, "true", "null", "[]", "{}"),
)
KINDS = (
    *("application/json", FORM, MULTIPART, "multipart/form-data", "text/plain", "image/jpeg", ""),
    *("multipart/form-data; boundary=", "multipart/form-data; boundary=other", "application/xml"),
    *("application/json; charset=utf-7", "application/json; charset=nothing", "a/b/c; ;=\xff"),
    *(f"multipart/form-data; boundary={'b' * 300}", "application/problem+json", "multipart/mixed"),
)
QUERIES = ("limit", "cursor", "q", "sort", "side", "forever", "collection")
READS = (
    *("/api/subjects", "/api/changes", "/api/promise", "/api/lookalikes", "/people", "/changes"),
    *("/api/subjects/{}", "/api/subjects/{}/samples", "/api/samples/{}", "/api/samples/{}.jpg"),
)
WRITES = (
    *(("PATCH", "/api/subjects/{}"), ("POST", "/api/subjects/{}/merge"), ("PUT", "/api/promise")),
    *(("PATCH", "/api/samples/{}"), ("DELETE", "/api/samples/{}"), ("DELETE", "/api/changes/{}")),
    *(("POST", "/api/changes/{}/undo"), ("DELETE", "/api/subjects/{}")),
)
FIELDS = ("image", "name", "near", "origin", "allow_duplicate", "allow_no_face", "into", "fpir")


class Request(NamedTuple):
    kind: str
    sent: bytes
    whole: bool = True


Maker = Callable[[bytes, bytes, Random], Request]


def request(number: int, files: Sequence[bytes], seed: int) -> Request:
    """The request of this number, the same each time. Seven of ten have a damaged picture."""
    chance = Random(f"{seed}:{number}")
    data, other = files[number % len(files)], chance.choice(files)
    maker = picture if number % 10 < 7 else chance.choice(OTHERS)
    return maker(data, other, chance)


def picture(data: bytes, other: bytes, chance: Random) -> Request:
    """A damaged picture in a whole request."""
    spoilt, path = damaged(data, other, chance), chance.choice(LOOK)
    how = chance.choice((_multipart, _multipart, _form, _json))
    return Request("picture", _http("POST", path, *how({"image": spoilt, "name": "Somebody"})))


def body(data: bytes, other: bytes, chance: Random) -> Request:
    """A whole picture in a body that is damaged itself."""
    how = chance.choice((_multipart, _form, _json))
    sent, kind = how({"image": data, "name": "Somebody", "image_a": data[:2000]})
    return Request(
        "damaged body", _http("POST", chance.choice(PATHS), damaged(sent, other, chance), kind)
    )


def kind(data: bytes, _: bytes, chance: Random) -> Request:
    """A body under another content type than its own."""
    sent, _kind = chance.choice((_multipart, _form, _json))({"image": data[:5000], "name": "Anna"})
    return Request("content type", _http("POST", chance.choice(PATHS), sent, chance.choice(KINDS)))


def base_64(data: bytes, _: bytes, chance: Random) -> Request:
    """Base64 that is none, or nearly."""
    text = base64.b64encode(data[:20_000]).decode()
    place = chance.randrange(len(text) + 1)
    bad = chance.choice(
        ("=", "====", "%", "%2", "%2B", "-_", "\n", "\0", "\u00e9", "data:;,", "\ud800")
    )
    value = text[:place] + bad + text[place:]
    value = chance.choice(("", "data:image/jpeg;base64,", "data:,,,")) + value
    fields = {"image": value, "name": "Anna", "image_a": value, "image_b": value}
    return Request(
        "base64", _http("POST", chance.choice(PATHS), *chance.choice((_form, _json))(fields))
    )


def json_value(_: bytes, __: bytes, chance: Random) -> Request:
    """JSON of other kinds, depths and sizes."""
    path, deep = chance.choice(PATHS), chance.choice((10, 1000, 100_000))
    more = chance.choice(("", "e400", ".5", "0" * 5000))
    values = (
        *(
            f"{chance.choice((1, -1)) * chance.choice(EDGES)}{more}",
            json.dumps(chance.choice(TEXTS)),
        ),
        *("null", "true", "NaN", "-Infinity", "{}", "[1]", '"\\ud800"', '"\\u0000"', '"\ufeff"'),
        *("[" * deep + "]" * deep, '{"a":' * deep + "1" + "}" * deep, "[" * deep),
    )
    value = chance.choice(values)
    field = chance.choice(FIELDS)
    whole = f'{{"name": "Anna", "{field}": {value}, "{field}": {value}}}'
    sent = chance.choice((whole, whole, value)).encode("utf-8", "surrogatepass")
    encoding = chance.choice(("", "", "", "\ufeff")).encode("utf-8")
    return Request("JSON", _http("POST", path, encoding + sent, "application/json"))


def fields(data: bytes, _: bytes, chance: Random) -> Request:
    """Forms with fields too many, twice, empty, or named strangely."""
    how = chance.choice((_multipart, _form, _json))
    image = chance.choice((data[:3000], "", chance.choice(TEXTS)))
    values: dict[str, str | bytes] = {"image": image, "image_a": image, "image_b": image}
    values |= {name: chance.choice(TEXTS) for name in chance.sample(FIELDS[1:], 3)}
    values |= {chance.choice(TEXTS): "x" for _ in range(chance.choice((0, 1, 30, 2000)))}
    sent, kind = how(values)
    return Request(
        "fields", _http("POST", chance.choice(PATHS), sent * chance.choice((1, 1, 2)), kind)
    )


def read(_: bytes, __: bytes, chance: Random) -> Request:
    """Lists and pages with ids and parameters that are none."""
    path = _addressed(chance.choice(READS), chance)
    query = "&".join(f"{name}={_escaped(chance)}" for name in chance.sample(QUERIES, 3))
    return Request("read", _http("GET", f"{path}?{query}"))


def write(_: bytes, __: bytes, chance: Random) -> Request:
    """Changes of nobody, with fields that are none."""
    method, path = chance.choice(WRITES)
    how = chance.choice((_form, _json))
    names = ("name", "into", "fpir", "subject_id")
    sent, kind = how({name: chance.choice(TEXTS) for name in names})
    return Request("write", _http(method, _addressed(path, chance), sent, kind))


def length(data: bytes, _: bytes, chance: Random) -> Request:
    """A length that is a lie, or no number."""
    sent, kind = _multipart({"image": data[:5000], "name": "Anna"})
    true = len(sent)
    lie = chance.choice(
        (true + 1, true * 2, true - 1, 1, 0, -1, 10**9, 10**30, "x", "", f"{true},{true}", "+5")
    )
    head = _head("POST", "/api/detect", kind) + f"Content-Length: {lie}\r\n".encode()
    return Request("false length", head + b"\r\n" + sent, whole=False)


def chunked(data: bytes, other: bytes, chance: Random) -> Request:
    """A chunked body whose chunks are damaged."""
    sent, kind = _multipart({"image": data[:5000], "name": "Anna"})
    chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (len(sent), sent)
    head = _head("POST", "/api/detect", kind) + b"Transfer-Encoding: chunked\r\n\r\n"
    return Request("chunks", head + damaged(chunks, other, chance), whole=False)


def headers(data: bytes, other: bytes, chance: Random) -> Request:
    """A damaged head of a request."""
    head = _head("POST", "/api/detect", MULTIPART) + b"Priority: u=1\r\nAccept: */*\r\n\r\n"
    return Request("headers", damaged(head, other[:300], chance), whole=False)


OTHERS: tuple[Maker, ...] = (
    *(body, body, kind, base_64, json_value, json_value, fields, fields),
    *(read, read, write, write, length, chunked, headers),
)


def _addressed(path: str, chance: Random) -> str:
    known = str(UUID(int=chance.getrandbits(128)))
    return path.format(chance.choice((NOBODY, known, known.upper(), _escaped(chance))))


def _escaped(chance: Random) -> str:
    return quote(chance.choice(TEXTS).encode("utf-8", "surrogatepass")[:2000], safe="")


def _multipart(fields: dict[str, str | bytes]) -> tuple[bytes, str]:
    out = b""
    for name, value in fields.items():
        file = b'; filename="photo"' if isinstance(value, bytes) else b""
        said = _bytes(name).replace(b"\r\n", b" ")
        out += b'--%b\r\nContent-Disposition: form-data; name="%b"%b\r\n\r\n%b\r\n' % (
            *(BOUNDARY.encode(), said, file, _bytes(value)),
        )
    return out + f"--{BOUNDARY}--\r\n".encode(), MULTIPART


def _form(fields: dict[str, str | bytes]) -> tuple[bytes, str]:
    pairs = [
        f"{quote(_bytes(name))}={quote(_bytes(_text(value)))}" for name, value in fields.items()
    ]
    return "&".join(pairs).encode(), FORM


def _json(fields: dict[str, str | bytes]) -> tuple[bytes, str]:
    return json.dumps(
        {name: _text(value) for name, value in fields.items()}
    ).encode(), "application/json"


def _text(value: str | bytes) -> str:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass")


def _http(method: str, path: str, body: bytes = b"", kind: str = "") -> bytes:
    return _head(method, path, kind) + f"Content-Length: {len(body)}\r\n\r\n".encode() + body


def _head(method: str, path: str, kind: str) -> bytes:
    said = f"Content-Type: {kind}\r\n" if kind else ""
    return (
        f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
        f"Accept: application/json\r\n{said}"
    ).encode("latin-1")
