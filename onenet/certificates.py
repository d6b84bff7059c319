"""The broker's TLS: a certificate authority of the installation and a server certificate from it.

Devices are given `ca.crt` and trust nothing else. Elliptic curve P-256, which small devices manage.
The authority lives ten years, for a city's devices are not re-flashed each spring; the server's
certificate is renewed by running `onenet init` again.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_LIFE = timedelta(days=3650)
SERVER_LIFE = timedelta(days=825)
DEVICE_LIFE = timedelta(days=825)
RENEW_BEFORE = timedelta(days=30)
# So early that nothing it signs outlives it, and that two years are left for bringing the new one
# to devices: the old ca.crt is good until its end, for the key is the same.
RENEW_AUTHORITY_BEFORE = SERVER_LIFE + RENEW_BEFORE
CLOCK_SKEW = timedelta(hours=1)  # a device's clock may be behind when it first connects

_HOST_NAME = re.compile(
    r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*", re.I
)


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its private key, both as PEM."""

    certificate: str
    key: str


def make_authority(now: datetime) -> Pair:
    """A new authority, allowed to sign servers and nothing below them."""
    key = ec.generate_private_key(ec.SECP256R1())
    # The number keeps apart the authorities of two installations in a device's list.
    told = f"One Network CA {x509.random_serial_number():x}"[:24]
    return _authority(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, told)]), key, now)


def renew_authority(authority: Pair, now: datetime) -> Pair:
    """The same authority for ten more years: what it signed stays good. Raises ValueError."""
    old = x509.load_pem_x509_certificate(authority.certificate.encode())
    return _authority(old.subject, _signing_key(authority), now)


def ends(certificate: str) -> datetime:
    return x509.load_pem_x509_certificate(certificate.encode()).not_valid_after_utc


def _authority(name: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime) -> Pair:
    serial = x509.random_serial_number()
    certificate = (
        _begin(name, name, key.public_key(), serial, now, AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    return _pem(certificate, key)


def _signing_key(authority: Pair) -> ec.EllipticCurvePrivateKey:
    key = load_pem_private_key(authority.key.encode(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("the key of the certificate authority is not an elliptic curve key")
    return key


def make_server(authority: Pair, hosts: Iterable[str], now: datetime) -> Pair:
    """A certificate for a server reached by these names and addresses. Raises ValueError."""
    signer = x509.load_pem_x509_certificate(authority.certificate.encode())
    signing_key = _signing_key(authority)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "One Network broker")])
    certificate = (
        _begin(
            name, signer.subject, key.public_key(), x509.random_serial_number(), now, SERVER_LIFE
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.SubjectAlternativeName([_alternative(name) for name in hosts]), critical=False
        )
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signing_key.public_key()),
            critical=False,
        )
        .sign(signing_key, hashes.SHA256())
    )
    return _pem(certificate, key)


def make_device(authority: Pair, account: str, now: datetime) -> Pair:
    """A certificate for a sensor's account at the broker, its common name. Raises ValueError."""
    signer = x509.load_pem_x509_certificate(authority.certificate.encode())
    signing_key = _signing_key(authority)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, account)])
    certificate = (
        _begin(
            name, signer.subject, key.public_key(), x509.random_serial_number(), now, DEVICE_LIFE
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .sign(signing_key, hashes.SHA256())
    )
    return _pem(certificate, key)


def host(name: str) -> str:
    """A host as certificates write it. Raises ValueError for what is no name and no address."""
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        if _HOST_NAME.fullmatch(name):
            return name.lower()
    raise ValueError(f"host {name!r}: expected a name such as mqtt.example.org or an IP address")


def hosts_of(certificate: str) -> list[str]:
    """Names and addresses that a server certificate is for."""
    found = x509.load_pem_x509_certificate(certificate.encode())
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return [str(name.value) for name in names]


def why_replace(
    certificate: str, authority: str, hosts: Collection[str], now: datetime
) -> str | None:
    """Why a server certificate must be made anew, or None when it is good for these hosts."""
    found = x509.load_pem_x509_certificate(certificate.encode())
    try:
        found.verify_directly_issued_by(x509.load_pem_x509_certificate(authority.encode()))
    except (ValueError, TypeError, InvalidSignature):
        return "it is of another authority"
    if found.not_valid_after_utc - now < RENEW_BEFORE:
        return f"it ends on {found.not_valid_after_utc:%Y-%m-%d}"
    missing = sorted(set(hosts) - set(hosts_of(certificate)))
    return f"it does not name {', '.join(missing)}" if missing else None


def _begin(
    name: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    serial: int,
    now: datetime,
    life: timedelta,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(serial)
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _alternative(name: str) -> x509.GeneralName:
    known = host(name)
    try:
        return x509.IPAddress(ipaddress.ip_address(known))
    except ValueError:
        return x509.DNSName(known)


def _pem(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Pair:
    return Pair(
        certificate.public_bytes(Encoding.PEM).decode("ascii"),
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii"),
    )
