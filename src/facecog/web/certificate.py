"""The certificate of https: one that facecog makes and keeps, or the owner's own."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from facecog.errors import InvalidCertificate, StorageUnavailable

FILE = "facecog.pem"
LIFE = timedelta(days=397)  # browsers take none of more than 398
SLOW_CLOCKS = timedelta(days=1)  # a phone's may be behind
REMADE_BEFORE = timedelta(days=30)
MOST_NAMES = 20


@dataclass(frozen=True)
class Certificate:
    """A certificate and its key on disk, both in PEM; perhaps one file.

    Attributes:
        names: the host names and addresses that it is good for.
        ends: when it expires.
        fingerprint: SHA-256, as browsers show it: "AB:CD:...".
    """

    file: Path
    key: Path
    names: tuple[str, ...]
    ends: datetime
    fingerprint: str


def own_certificate(file: Path, key: Path, now: datetime | None = None) -> Certificate:
    """The owner's own.

    Raises:
        InvalidCertificate: a file cannot be read, it has expired, or the two do not go together.
    """
    now = now or datetime.now(timezone.utc)
    certificate = _certificate_in(file)
    if _key_in(key).public_key() != certificate.public_key():
        raise InvalidCertificate(f"{key} is not the key of the certificate {file}.")
    starts, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now >= ends:
        raise InvalidCertificate(f"The certificate {file} expired on {ends:%Y-%m-%d}.")
    if now < starts:
        raise InvalidCertificate(f"The certificate {file} is not good before {starts:%Y-%m-%d}.")
    return _described(certificate, file, key)


def kept_certificate(
    folder: Path, wanted: str, others: Iterable[str], now: datetime | None = None
) -> Certificate:
    """The one that facecog made and keeps in `folder`, made anew when it will not do.

    A browser that was told to trust it asks again after it was made anew. So it is kept while it
    is good for `wanted`, and a new one is also good for what the last was: a laptop between two
    networks ends with one for both.

    Args:
        wanted: the host name or address that is going to be opened.
        others: what else this machine may be called.

    Raises:
        StorageUnavailable: the folder cannot be written.
    """
    now = now or datetime.now(timezone.utc)
    file = folder / FILE
    last: tuple[str, ...] = ()
    try:
        kept = own_certificate(file, file, now)
        last = kept.names
        if wanted in last and now < kept.ends - REMADE_BEFORE:
            return kept
    except InvalidCertificate:  # none yet, or damaged
        pass
    names = list(dict.fromkeys((wanted, "localhost", "127.0.0.1", "::1", *others, *last)))
    made, key = _made(names[:MOST_NAMES], now)
    try:
        _write(file, _pem(made, key))
    except OSError as error:
        raise StorageUnavailable(f"{folder} cannot be written: {error.strerror}.") from error
    return _described(made, file, file)


def _made(names: list[str], now: datetime) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    facecog = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "facecog")])
    usage = dict.fromkeys(
        (
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "key_cert_sign",
            "crl_sign",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    made = (
        x509.CertificateBuilder()
        .subject_name(facecog)
        .issuer_name(facecog)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SLOW_CLOCKS)
        .not_valid_after(now - SLOW_CLOCKS + LIFE)
        .add_extension(x509.SubjectAlternativeName([*map(_name, names)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(digital_signature=True, **usage), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return made, key


def _name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(made: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> bytes:
    """Both in one file, so that no crash leaves a certificate with another's key."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ) + made.public_bytes(serialization.Encoding.PEM)


def _write(file: Path, content: bytes) -> None:
    """For the owner's eyes only, and whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.parent.chmod(0o700)
    part = file.with_name(f"{FILE}.{os.getpid()}.part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    part.replace(file)


def _certificate_in(file: Path) -> x509.Certificate:
    try:
        # Of a chain the first one is the server's own.
        return x509.load_pem_x509_certificates(_read(file))[0]
    except ValueError as error:
        raise InvalidCertificate(f"{file} holds no certificate in PEM form.") from error


def _key_in(file: Path) -> CertificateIssuerPrivateKeyTypes:
    try:
        key = serialization.load_pem_private_key(_read(file), password=None)
    except TypeError as error:
        raise InvalidCertificate(
            f"The key in {file} is locked with a password; facecog needs it without."
        ) from error
    except ValueError as error:
        raise InvalidCertificate(f"{file} holds no key in PEM form.") from error
    return key  # type: ignore[return-value]


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise InvalidCertificate(f"{file} cannot be read: {error.strerror}.") from error


def _described(certificate: x509.Certificate, file: Path, key: Path) -> Certificate:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        found = x509.SubjectAlternativeName([])
    return Certificate(
        file=file,
        key=key,
        names=(
            *found.get_values_for_type(x509.DNSName),
            *map(str, found.get_values_for_type(x509.IPAddress)),
        ),
        ends=certificate.not_valid_after_utc,
        fingerprint=certificate.fingerprint(hashes.SHA256()).hex(":").upper(),
    )
