"""URL-encoded forms: read as Python and Werkzeug read them, only faster."""

from __future__ import annotations

from io import BytesIO
from urllib.parse import unquote_to_bytes, urlencode

import pytest
from flask.testing import FlaskClient
from hypothesis import example, given
from hypothesis import strategies as st
from werkzeug.formparser import FormDataParser

from facecog.web.forms import URLENCODED, Forms, unescaped

# Few characters, so that escapes and what is nearly one come often.
TEXTS = st.lists(st.sampled_from([b"%", b"2", b"B", b"f", b"G", b"z", b"+", b"\xff"])).map(b"".join)


@given(TEXTS)
@example(b"")
@example(b"%")
@example(b"%2")
@example(b"%2b%2F%3D")
@example(b"%%41")
@example(b"%4%41")
def test_escapes_are_those_of_urllib(text: bytes) -> None:
    assert unescaped(text) == unquote_to_bytes(text)


@pytest.mark.parametrize(
    "body",
    [
        urlencode({"name": "José Ñandú & Co. = 100 %", "image": "data:image/jpeg;base64,/9j+A=="}),
        "name=a+b&name=c&empty=&bare&&image=data:image/jpeg;base64,/9j/4A==",
        "name=%E9&image=%zz",
        "",
    ],
)
def test_a_form_is_read_as_werkzeug_reads_it(body: str) -> None:
    read = []
    for parser in (Forms(), FormDataParser()):
        _, fields, files = parser.parse(BytesIO(body.encode()), URLENCODED, len(body))
        assert not files
        read.append(list(fields.items(multi=True)))

    assert read[0] == read[1]


def test_a_body_of_ever_so_many_values_is_not_taken_apart(client: FlaskClient) -> None:
    """Two bytes say a field or a value, which takes hundreds: 60 MB of them would take them all."""
    fields = client.post("/api/detect", data=b"a&" * 100, content_type=URLENCODED)
    assert (fields.status_code, fields.json["code"]) == (413, "too_large")
    for values in (b"0," * 2_000, b"{}," * 2_000, b"[" * 2_000):
        sent = b'{"image": [' + values + b"0]}"
        answer = client.post("/api/detect", data=sent, content_type="application/json")
        assert (answer.status_code, answer.json["code"]) == (400, "malformed_json")
        assert "more than 1,000 values" in answer.json["detail"]
