"""https under waitress, which by itself speaks plain http only.

A channel of waitress's reads and writes a socket that does not block. Here OpenSSL comes between
them, by Python's `ssl`, and it asks for four things:

- "Nothing now" is an exception here (SSLWantReadError), and not the end.
- waitress's threads send while its main thread receives, and OpenSSL's connection bears one at a
  time: a lock around each call. No call blocks, so the lock is held for microseconds.
- What OpenSSL has decrypted and nobody has read is not seen by poll(). A record is read whole, so
  there is nothing of that kind.
- A write that has begun is repeated with the same bytes. waitress keeps them until they are sent.
"""

from __future__ import annotations

import re
import socket
import ssl
import time
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from threading import Lock
from typing import Any

from waitress.channel import HTTPChannel
from waitress.task import Task

RECORD = 16_384  # bytes that one record of TLS holds at most
HANDSHAKE = b"\x16"  # the first byte of every client that speaks TLS
HOST = re.compile(r"[A-Za-z0-9.:\[\]-]+")


def context_of(certificate: Path, key: Path) -> ssl.SSLContext:
    """What a server shows to its clients.

    Raises:
        OSError: the files cannot be read, or are no certificate and its key.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION  # else a write might have to wait for a read
    context.set_alpn_protocols(["http/1.1"])
    context.load_cert_chain(certificate, key, password="")  # never asks for one
    return context


class TlsChannel(HTTPChannel):  # type: ignore[misc]
    """A connection over TLS, or one in plain http that is shown the way to https."""

    socket: Any  # plain, then an ssl.SSLSocket; None when closed

    def __init__(self, context: ssl.SSLContext, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.context = context
        self.tls_lock = Lock()
        self.plain = self.secure = False
        self.reading_wants_to_write = False
        # A record at a time: a slow client's progress then shows as bytes sent, and not after a
        # whole send buffer, which may take longer than a silent connection is kept.
        self.sendbuf_len = RECORD

    def handle_read(self) -> None:
        try:
            with self.tls_lock:
                data = self._readable_bytes()
        except (ssl.SSLWantReadError, BlockingIOError):
            return
        except ssl.SSLWantWriteError:
            self.reading_wants_to_write = True
            return
        except OSError:  # reset, or no TLS after all
            self.handle_close()
            return
        if not data:
            self.handle_close()
            return
        self.last_activity = time.time()  # not before: a handshake has as long as a silent client
        self.received(data)

    def _readable_bytes(self) -> bytes:
        """The next bytes in the clear, empty at the end. Raises: OSError, ssl.SSLWantReadError."""
        if self.socket is None:  # a thread closed it in the meantime
            return b""
        if not self.plain and not self.secure:
            self._shake_hands()
        return bytes(self.socket.recv(RECORD))

    def _shake_hands(self) -> None:
        if not isinstance(self.socket, ssl.SSLSocket):
            if self.socket.recv(1, socket.MSG_PEEK) != HANDSHAKE:
                self.plain, self.task_class = True, ToHttps
                return
            self.socket = self.context.wrap_socket(
                self.socket, server_side=True, do_handshake_on_connect=False
            )
        self.socket.do_handshake()
        self.secure = True

    def writable(self) -> bool:
        return bool(self.reading_wants_to_write or super().writable())

    def handle_write(self) -> None:
        if self.reading_wants_to_write:
            self.reading_wants_to_write = False
            self.handle_read()
        else:
            super().handle_write()

    def send(self, data: bytes, do_close: bool = True) -> int:
        try:
            with self.tls_lock:
                return self.socket.send(data) if self.socket is not None else 0
        except (ssl.SSLWantWriteError, ssl.SSLWantReadError, BlockingIOError):
            return 0
        except OSError:  # the client is gone, or broke the protocol
            self.will_close = True  # by the main thread
            if do_close:
                self.handle_close()
            return 0

    def handle_close(self) -> None:
        # Both locks, always in this order: then no other thread is using the socket.
        with self.outbuf_lock, self.tls_lock:
            if self.secure and self.socket is not None:
                # "This is all", so that a client can tell it from a connection that was cut.
                with suppress(OSError, ValueError):
                    self.socket.unwrap()
            super().handle_close()


class ToHttps(Task):  # type: ignore[misc]
    """What a client hears that speaks plain http to the port of https."""

    complete = True

    def execute(self) -> None:
        request = self.request
        host = request.headers.get("HOST", "")
        reading = request.command in ("GET", "HEAD")
        if reading and HOST.fullmatch(host) and request.request_uri.startswith("/"):
            status = HTTPStatus.TEMPORARY_REDIRECT
            self.response_headers.append(("Location", f"https://{host}{request.request_uri}"))
        else:
            # What else was sent has been seen by everybody on the way: it should not go on as if
            # nothing had happened.
            status = HTTPStatus.UPGRADE_REQUIRED
            self.response_headers += [("Upgrade", "TLS/1.2"), ("Connection", "upgrade, close")]
        self.status = f"{status.value} {status.phrase}"
        body = b"Here facecog is served by https: write https:// before the address.\n"
        self.response_headers.append(("Content-Type", "text/plain; charset=utf-8"))
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body if request.command != "HEAD" else b"")
