"""The certificate of the local platform's one HTTPS port.

Bucket policies deny plain HTTP, here as on AWS, so the emulator serves TLS and its clients (the
CLI, Lambdas, jobs) trust this certificate. It is its own root: made per machine, valid a year,
and its key never leaves the state directory.
"""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

VALID_DAYS = 365


@dataclass(frozen=True, slots=True)
class Certificate:
    """Paths of the PEM files: the certificate, its key, and system roots plus certificate."""

    certificate: Path
    key: Path
    bundle: Path

    def trust_environment(self) -> dict[str, str]:
        """Variables that make the AWS SDKs, requests, OpenSSL and Node trust the platform.

        The SDKs ask the platform alone: reading the system's roots takes longer than a call, and
        their HTTP library reads them for each connection.
        """
        return {
            "AWS_CA_BUNDLE": str(self.certificate),
            "REQUESTS_CA_BUNDLE": str(self.bundle),
            "SSL_CERT_FILE": str(self.bundle),
            "NODE_EXTRA_CA_CERTS": str(self.certificate),
        }


def ensure_certificate(directory: Path, region: str) -> Certificate:
    """The certificate in ``directory``, made when absent or within a week of its end."""
    directory.mkdir(parents=True, exist_ok=True)
    paths = Certificate(
        directory / "platform.crt", directory / "platform.key", directory / "ca-bundle.pem"
    )
    if not (paths.key.exists() and _still_valid(paths.certificate)):
        _write(paths, region)
    system = ssl.get_default_verify_paths()
    roots = Path(system.cafile or system.openssl_cafile)
    known = roots.read_bytes() if roots.exists() else b""
    paths.bundle.write_bytes(known + b"\n" + paths.certificate.read_bytes())
    return paths


def _still_valid(path: Path) -> bool:
    if not path.exists():
        return False
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=7)
    return certificate.not_valid_after_utc > soon


def _names(region: str) -> list[x509.GeneralName]:
    hosts = ["localhost", "*.localhost", "*.execute-api.localhost"]
    hosts += [f"*.execute-api.{region}.localhost", "*.s3.localhost", f"*.s3.{region}.localhost"]
    addresses = [ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1")]
    return [*(x509.DNSName(host) for host in hosts), *(x509.IPAddress(a) for a in addresses)]


def _write(paths: Certificate, region: str) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "millrace-local")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=VALID_DAYS))
        .add_extension(x509.SubjectAlternativeName(_names(region)), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    paths.key.touch(mode=0o600)
    paths.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    paths.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
