"""`facecog serve --lan`: what others in the network need, and what the terminal tells them."""

from __future__ import annotations

import io
import ssl
from dataclasses import dataclass, field
from pathlib import Path

import click
import segno

from facecog.config import Settings
from facecog.errors import InvalidCertificate
from facecog.web import network
from facecog.web.certificate import Certificate, kept_certificate, own_certificate
from facecog.web.codes import new_code
from facecog.web.tls import context_of

EVERYWHERE = ("", "0.0.0.0", "::")  # noqa: S104  only looked for


@dataclass(frozen=True)
class Invitation:
    """How others in the network come in.

    Attributes:
        host: the address or name that they open.
        code: the access code; none where people sign in.
        own: the certificate is the owner's own, and not made by facecog.
    """

    host: str
    code: str | None
    certificate: Certificate
    own: bool

    def tls(self) -> ssl.SSLContext:
        """Raises: InvalidCertificate."""
        try:
            return context_of(self.certificate.file, self.certificate.key)
        except OSError as error:  # a key too short for today's OpenSSL, say
            raise InvalidCertificate(
                f"{self.certificate.file} cannot be used for https: {error}."
            ) from error

    def say(self, port: int) -> None:
        """Print address, QR code, access code and fingerprint."""
        address = f"https://{network.in_url(self.host)}:{port}/"
        click.echo(f"\nOpen on a phone in the same network:  {click.style(address, bold=True)}\n")
        _print_qr(f"{address}access#{self.code}" if self.code else address)
        if self.code:
            click.echo(f"\nAccess code:  {click.style(self.code, bold=True)}\n")
        else:
            click.echo("\nIt asks whoever opens it to sign in.\n")
        if not self.own:
            click.echo(
                "The browser will warn once that it does not know who made the certificate:\n"
                "facecog did. To be sure that it is this one, compare its SHA-256 fingerprint:"
            )
        else:
            click.echo("The certificate's SHA-256 fingerprint:")
        half = len(self.certificate.fingerprint) // 2 + 1
        click.echo(f"  {self.certificate.fingerprint[:half]}")
        click.echo(f"  {self.certificate.fingerprint[half:]}\n")


@dataclass(frozen=True)
class FirstRun:
    """How the owner's account is made, where others reach what is listened on.

    Attributes:
        host: what is listened on.
        code: good once, until facecog stops.
    """

    host: str
    code: str = field(default_factory=new_code)

    def say(self, port: int) -> None:
        """Print the link."""
        found = [self.host] if self.host not in EVERYWHERE else network.addresses()
        host = network.in_url(found[0] if found else "localhost")
        link = f"http://{host}:{port}/welcome#{self.code}"
        click.echo(
            "\nThere is no account yet, and this address is open to others. Make the owner's:\n\n"
            f"  {click.style(link, bold=True)}\n\n"
            "Where it is reached by another name or port, put that in. Or, where it runs:\n"
            "facecog accounts add NAME --role owner\n"
        )


def invitation(
    settings: Settings,
    host: str,
    address: str | None,
    certificate: Path | None,
    key: Path | None,
    asks_for_code: bool = True,
) -> Invitation:
    """Find the address, and read or make the certificate.

    Args:
        host: what is listened on; "" for all addresses.
        address: what others are to open, when it is not to be found out.
        asks_for_code: of everybody; else people sign in.

    Raises:
        InvalidCertificate; StorageUnavailable: the certificate's folder cannot be written.
    """
    certificate, key = _given_files(settings, certificate, key)
    found = [host] if host else network.addresses()
    code = new_code() if asks_for_code else None
    if certificate and key:
        own = own_certificate(certificate, key)
        opened = address or _first_name(own) or _first(found)
        return Invitation(opened, code, own, own=True)
    opened = address or _first(found)
    kept = kept_certificate(settings.home / "tls", opened, [*found, *network.names()])
    return Invitation(opened, code, kept, own=False)


def _given_files(
    settings: Settings, certificate: Path | None, key: Path | None
) -> tuple[Path | None, Path | None]:
    """The options, or else the settings; a file with both needs to be named once."""
    if not certificate and not key:
        certificate, key = settings.tls_certificate, settings.tls_key
    if key and not certificate:
        raise InvalidCertificate(f"The key {key} needs a certificate: --certificate FILE.")
    return certificate, key or certificate


def _first_name(certificate: Certificate) -> str | None:
    return next((name for name in certificate.names if "*" not in name), None)


def _first(addresses: list[str]) -> str:
    if not addresses:
        raise click.ClickException(
            "This machine seems to be in no network. If it is, say its address: --address."
        )
    return addresses[0]


def _print_qr(text: str) -> None:
    """White on black whatever the terminal's colours are; nothing where it cannot write blocks."""
    drawn = io.StringIO()
    segno.make(text, micro=False).terminal(drawn, border=2, compact=True)
    try:
        for line in drawn.getvalue().splitlines():
            click.secho(line, fg="bright_white", bg="black")
    except UnicodeEncodeError:
        click.echo("(This terminal cannot show the QR code.)")
