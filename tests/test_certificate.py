"""The certificate of https: made, kept, made anew; and the owner's own, refused in plain words."""

from __future__ import annotations

import stat
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from facecog.errors import InvalidCertificate, StorageUnavailable
from facecog.web import network
from facecog.web.certificate import FILE, Certificate, kept_certificate, own_certificate

NOW = datetime(2026, 6, 1, tzinfo=timezone.utc)
HOME, OFFICE = "192.168.1.5", "10.0.0.5"


def kept(folder: Path, wanted: str = HOME, days: int = 0) -> Certificate:
    return kept_certificate(folder, wanted, ["anna-pc.local", "fd00::5"], NOW + timedelta(days))


def test_it_is_good_for_every_name_of_this_machine_and_for_no_authority(tmp_path: Path) -> None:
    made = kept(tmp_path / "tls")

    assert made.names[0] == "localhost"
    assert set(made.names) == {HOME, "localhost", "127.0.0.1", "::1", "anna-pc.local", "fd00::5"}
    found = x509.load_pem_x509_certificate(made.file.read_bytes())
    assert not found.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert isinstance(found.public_key(), ec.EllipticCurvePublicKey)
    life = found.not_valid_after_utc - found.not_valid_before_utc
    assert life <= timedelta(398)  # else browsers refuse it
    assert found.not_valid_before_utc < NOW  # a phone's clock may be behind


def test_only_the_owner_can_read_it(tmp_path: Path) -> None:
    file = kept(tmp_path / "home" / "tls").file

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert [one.name for one in file.parent.iterdir()] == [FILE]


def test_it_is_kept_while_it_will_do(tmp_path: Path) -> None:
    first = kept(tmp_path)

    assert kept(tmp_path, days=300) == first
    assert kept(tmp_path, "anna-pc.local", days=365) == first


def test_it_is_made_anew_before_it_ends(tmp_path: Path) -> None:
    first, second = kept(tmp_path), kept(tmp_path, days=370)

    assert second.fingerprint != first.fingerprint
    assert second.ends > first.ends


def test_between_two_networks_one_certificate_comes_to_be_good_for_both(tmp_path: Path) -> None:
    home, office = kept(tmp_path), kept(tmp_path, OFFICE)

    assert office.fingerprint != home.fingerprint
    assert kept(tmp_path).fingerprint == office.fingerprint


def test_of_many_networks_the_last_are_remembered(tmp_path: Path) -> None:
    for number in range(40):
        last = kept(tmp_path, f"10.0.0.{number}")

    assert len(last.names) == 20
    assert {"10.0.0.39", "10.0.0.30", "localhost"} <= set(last.names)


@pytest.mark.parametrize("content", [b"", b"no certificate", b"\xff\x00"])
def test_a_damaged_one_is_made_anew(tmp_path: Path, content: bytes) -> None:
    kept(tmp_path).file.write_bytes(content)

    assert own_certificate(tmp_path / FILE, kept(tmp_path).key, NOW)


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "tls").write_text("a file")

    with pytest.raises(StorageUnavailable, match="cannot be written"):
        kept(tmp_path / "tls")


# -- the owner's own --------------------------------------------------------------------------


@pytest.fixture
def own(tmp_path: Path) -> tuple[Path, Path]:
    """Certificate and key in files of their own, the certificate with a chain."""
    made = kept(tmp_path / "own").file
    issuer = x509.load_pem_x509_certificate(kept(tmp_path / "issuer").file.read_bytes())
    certificate, key = tmp_path / "fullchain.pem", tmp_path / "privkey.pem"
    pem = serialization.Encoding.PEM
    ours = x509.load_pem_x509_certificate(made.read_bytes())
    certificate.write_bytes(ours.public_bytes(pem) + issuer.public_bytes(pem))
    key.write_bytes(made.read_bytes().partition(b"-----BEGIN CERTIFICATE")[0])
    return certificate, key


def test_ones_own_certificate_is_taken_with_its_chain(own: tuple[Path, Path]) -> None:
    certificate, key = own

    taken = own_certificate(certificate, key, NOW)
    assert (taken.file, taken.key) == own
    assert HOME in taken.names
    assert len(taken.fingerprint.split(":")) == 32


def refusal(certificate: Path, key: Path, days: int = 0) -> str:
    with pytest.raises(InvalidCertificate) as caught:
        own_certificate(certificate, key, NOW + timedelta(days))
    return str(caught.value)


def test_ones_own_certificate_is_refused_in_plain_words(
    own: tuple[Path, Path], tmp_path: Path
) -> None:
    certificate, key = own
    other = kept(tmp_path / "other").file
    missing, nonsense, locked = (tmp_path / name for name in ("missing", "nonsense", "locked"))
    nonsense.write_text("no certificate")
    locked.write_bytes(
        load_pem_private_key(key.read_bytes(), None).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )

    assert refusal(missing, key) == f"{missing} cannot be read: No such file or directory."
    assert refusal(certificate, missing) == f"{missing} cannot be read: No such file or directory."
    assert refusal(nonsense, key) == f"{nonsense} holds no certificate in PEM form."
    assert refusal(certificate, nonsense) == f"{nonsense} holds no key in PEM form."
    assert "locked with a password" in refusal(certificate, locked)
    assert (
        refusal(certificate, other) == f"{other} is not the key of the certificate {certificate}."
    )
    assert refusal(certificate, key, 400) == f"The certificate {certificate} expired on 2027-07-02."
    assert "is not good before 2026-05-31" in refusal(certificate, key, -3)


# -- what this machine is called --------------------------------------------------------------


def test_addresses_are_of_the_network_and_each_named_once() -> None:
    found = network.addresses()

    assert len(set(found)) == len(found)
    assert not any(network.is_loopback(one) for one in found)


def test_names_are_such_as_a_certificate_may_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network.socket, "gethostname", lambda: "Anna-PC.example.org")
    assert network.names() == ["anna-pc.example.org", "anna-pc", "anna-pc.local"]

    monkeypatch.setattr(network.socket, "gethostname", lambda: "Annas Rechner_\u00fc")
    assert network.names() == []


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("anna", False)],
)
def test_what_only_this_machine_reaches(host: str, loopback: bool) -> None:
    assert network.is_loopback(host) is loopback
