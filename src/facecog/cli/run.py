"""Serving, and taking over an original facecog's faces."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from tqdm import tqdm

from facecog.bootstrap import open_facecog
from facecog.cli.common import FOLDER, agreed_option, opened_facecog, settings_here, yielding
from facecog.cli.lan import FirstRun, invitation
from facecog.config import Settings
from facecog.domain import Agreed
from facecog.errors import InvalidSetting
from facecog.legacy import import_faces, legacy_faces
from facecog.web import logs
from facecog.web.access import Access
from facecog.web.app import create_app
from facecog.web.hosts import Hosts
from facecog.web.network import is_loopback
from facecog.web.serve import serve as serve_app

log = logging.getLogger(__name__)

HTTP, HTTPS = 8080, 8443  # the ports by default
PEM = click.Path(path_type=Path)


@click.command()
@click.option("--host", help="The address to listen on: 127.0.0.1, with --lan all of them.")
@click.option("--port", type=click.IntRange(0, 65535), help=f"{HTTP}, with --lan {HTTPS}.")
@click.option("--lan", is_flag=True, help="For phones: https, and an access code.")
@click.option("--address", help="What phones open, where facecog cannot find it out.")
@click.option("--certificate", type=PEM, help="Your own for --lan, instead of facecog's.")
@click.option("--key", type=PEM, help="The key of that certificate.")
def serve(
    host: str | None,
    port: int | None,
    lan: bool,
    address: str | None,
    certificate: Path | None,
    key: Path | None,
) -> None:
    """Serve the pages and the API."""
    _log_as(settings_here().log)
    if lan:
        _serve_lan(host or "", HTTPS if port is None else port, address, certificate, key)
    elif address or certificate or key:
        raise click.UsageError("--address, --certificate and --key go with --lan.")
    else:
        _serve_http(host or "127.0.0.1", HTTP if port is None else port)


def _log_as(form: str) -> None:
    if form not in logs.FORMATS:
        raise InvalidSetting(f"FACECOG_LOG is {' or '.join(logs.FORMATS)}, not {form}.")
    logs.set_up(form)


def _serve_http(host: str, port: int) -> None:
    settings = settings_here()
    facecog, local = open_facecog(settings), is_loopback(host)
    is_set_up = local or settings.access == "open" or facecog.accounts.are_there()
    first = None if is_set_up else FirstRun(host)
    access = Access(local=local, welcome=first.code if first else None)
    hosts = Hosts.of_setting(settings.hosts).serving_on(host)
    app = create_app(facecog, settings, access, hosts)

    def say(port: int) -> None:
        if first:
            first.say(port)
        _warn_of(host, settings)

    with _refused_in_words(host, port):
        serve_app(app, settings, host, port, on_ready=say)


def _warn_of(host: str, settings: Settings) -> None:
    if settings.access == "open":
        log.warning(
            "FACECOG_ACCESS=open: whoever reaches this port may use this facecog, unless something "
            "in front of it asks who is there."
        )
    if not is_loopback(host):
        log.warning(
            "This is plain http: whoever listens in the network can read along, and browsers give "
            "its pages no camera from another device. For phones: facecog serve --lan."
        )


def _serve_lan(
    host: str, port: int, address: str | None, certificate: Path | None, key: Path | None
) -> None:
    settings = settings_here()
    facecog = open_facecog(settings)  # first: a home that it refuses gets no certificate either
    asks_for_code = settings.access == "auto" and not facecog.accounts.are_there()
    invited = invitation(settings, host, address, certificate, key, asks_for_code)
    tls = invited.tls()
    hosts = Hosts.of_setting(settings.hosts).serving_on(
        host, invited.host, *invited.certificate.names
    )
    app = create_app(facecog, settings, Access(invited.code, local=False), hosts)
    with _refused_in_words(host or "*", port):
        serve_app(app, settings, host, port, tls, on_ready=invited.say)


@contextmanager
def _refused_in_words(host: str, port: int) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        # Before an explanation of Python's own.
        reason = str(error.strerror).partition(" (")[0]
        raise click.ClickException(f"{host}:{port} cannot be served: {reason}.") from error


@click.command("import-legacy")
@click.argument("folder", type=FOLDER)
@agreed_option("everybody in it")
def import_legacy(folder: Path, agreed: Agreed | None) -> None:
    """Take over the faces of an original facecog's FOLDER, which is not changed."""
    yielding()
    faces = legacy_faces(folder)
    facecog = opened_facecog()
    added = known = 0
    progress = tqdm(import_faces(facecog, folder, faces, agreed), total=len(faces), disable=None)
    for outcome in progress:
        if outcome.refusal:
            tqdm.write(f"not taken: {outcome.face.id} ({outcome.face.name}): {outcome.refusal}")
        added += outcome.added
        known += not outcome.added and not outcome.refusal
    refused = len(faces) - added - known
    click.echo(f"{added} added, {known} already here, {refused} not taken")


COMMANDS = (serve, import_legacy)
