"""What a client sends is bytes: no address in it is asked for, no file that it names is opened."""

from __future__ import annotations

import base64
import io
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from tests.assets import photo
from tests.sending import as_json, form, multipart

SECRET = "/etc/hostname"
REACHING_OUT = ("open", "os.listdir", "os.scandir", "subprocess.Popen", "os.system", "os.exec")


class Seen:
    """What this process opens and connects to, by Python's own audit events."""

    def __init__(self) -> None:
        self.watching = False
        self.events: list[str] = []
        sys.addaudithook(self._note)  # it cannot be taken back, so it is told when to look

    def _note(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.watching and (event.startswith("socket.") or event in REACHING_OUT):
            self.events.append(f"{event} {arguments!r}")


SEEN = Seen()


@pytest.fixture
def seen(real_client: FlaskClient) -> Iterator[Seen]:
    # Once before: what is read when it is first needed, calibrations and plug-ins of Pillow.
    real_client.post("/api/register", **multipart(name="Obama", image=photo("obama.jpg")))
    for path in ("/api/recognise", "/api/detect", "/recognise", "/register"):
        real_client.post(path, **multipart(image=photo("obama.jpg"), name="Obama"))
        real_client.post(path, **as_json(image=b"nothing", name="Obama"))
    SEEN.events.clear()
    yield SEEN
    SEEN.watching = False


def outside(events: list[str]) -> list[str]:
    """All but the database and the crops."""
    return [one for one in events if "/home/faces.db" not in one and "/home/dataset" not in one]


SVG = (
    b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/hostname">]>'
    b'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'
    b'<image xlink:href="http://127.0.0.1:9/a.png"/><text>&x;</text></svg>'
)
ADDRESSES = [
    "http://127.0.0.1:9/photo.jpg",
    "https://evil.example/photo.jpg",
    "file:///etc/hostname",
    "ftp://127.0.0.1/photo.jpg",
    SECRET,
    "../../../../etc/hostname",
    r"C:\Windows\win.ini",
    r"\\evil.example\share\photo.jpg",
    "data:text/html,<script>1</script>",
    "data:text/plain;base64," + base64.b64encode(SECRET.encode()).decode(),
    "data:image/svg+xml;base64," + base64.b64encode(SVG).decode(),
    "data:image/jpeg;base64,http://127.0.0.1:9/",
    "@/etc/hostname",
    "blob:http://localhost/1",
    "phar:///etc/hostname",
]
ROUTES = ["/api/register", "/api/recognise", "/api/detect", "/api/verify", "/register"]


@pytest.mark.parametrize("text", ADDRESSES)
def test_an_address_in_the_place_of_a_picture_is_not_asked_for(
    real_client: FlaskClient, seen: Seen, text: str
) -> None:
    fields = {"name": "Ben", "image": text, "image_a": text, "image_b": text, "url": text}
    for path in ROUTES:
        for send in (form, multipart, as_json):
            seen.watching = True
            answer = real_client.post(path, **send(**fields))
            seen.watching = False
            assert answer.status_code in (400, 415, 422), (path, send)
            assert "root:" not in answer.text

    assert outside(seen.events) == []


@pytest.mark.parametrize(
    "content",
    [
        SVG,
        b"http://127.0.0.1:9/photo.jpg",
        SECRET.encode(),
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/hostname) (r) file\n",
        b"%PDF-1.4\n1 0 obj<</F(/etc/hostname)>>endobj\n",
        b"push graphic-context\nimage over 0,0 0,0 'https://127.0.0.1:9/a.png'\n",
        b"#EXTM3U\n#EXTINF:1,\nconcat:http://127.0.0.1:9/|file:///etc/hostname\n",
    ],
    ids=["svg", "address", "path", "eps", "pdf", "mvg", "m3u8"],
)
def test_a_file_that_points_elsewhere_is_not_followed(
    real_client: FlaskClient, seen: Seen, content: bytes
) -> None:
    for path in ("/api/register", "/api/recognise", "/api/detect", "/recognise"):
        seen.watching = True
        answer = real_client.post(path, **multipart(name="Ben", image=content))
        seen.watching = False
        assert answer.status_code == 422, path

    assert outside(seen.events) == []


@pytest.mark.parametrize(
    "name", ["../../../../tmp/owned.jpg", SECRET, "a\0.jpg", "http://127.0.0.1:9/a.jpg", "|id"]
)
def test_the_name_of_a_file_that_is_sent_counts_for_nothing(
    real_client: FlaskClient, seen: Seen, name: str
) -> None:
    file = FileStorage(io.BytesIO(photo("obama2.jpg")), name, content_type="text/uri-list")
    boundary, body = encode_multipart({"name": name.replace("\0", ""), "image": file})
    kind = f"multipart/form-data; boundary={boundary}"
    for path in ("/api/recognise", "/api/register?allow_duplicate=1"):
        seen.watching = True
        answer = real_client.post(path, data=body, content_type=kind)
        seen.watching = False
        assert answer.status_code in (200, 409), answer.text

    assert outside(seen.events) == []


def test_this_test_would_see_it(seen: Seen) -> None:
    seen.watching = True
    with open(SECRET, "rb"):
        pass
    seen.watching = False

    assert [one for one in outside(seen.events) if SECRET in one]
