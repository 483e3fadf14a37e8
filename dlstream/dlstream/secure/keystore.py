"""A keystore as `ros2 security` lays one out: an authority, and for each identity a certificate and its permissions.

The layout, file names and kinds of keys are those that rcl and rmw look for (DDS Security 1.1, section 9; ROS 2's
design article "ROS 2 DDS-Security integration").
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from dlstream.secure.documents import governance, permissions
from dlstream.secure.enclaves import Enclave
from dlstream_common import DlstreamError
from dlstream_common.installing import pip_install

_YEARS = 10
_AUTHORITY = "dlstream rig"


class Keystore:
    """A folder with `public`, `private` and `enclaves`.

    The authority is made once and kept, so that further rigs and nodes can be added; who has `private` can make new
    identities. A permission is written anew each time, a key only where there is none.

    Args:
        folder: is made if it is not there.

    Raises:
        DlstreamError: the library `cryptography` is missing, the folder is something else, or can't be written.
    """

    def __init__(self, folder: Path) -> None:
        try:
            import cryptography  # noqa: F401
        except ImportError as error:
            raise DlstreamError(
                f"a keystore needs the library cryptography, which is not installed: {pip_install('cryptography')}"
            ) from error
        self.folder = folder
        if folder.exists() and any(folder.iterdir()) and not self._authority.is_file():
            raise DlstreamError(f"{folder}: found other files; expected a keystore, or an empty or a new folder")

    def add(self, enclaves: Iterable[Enclave]) -> None:
        """Writes identities, and what they may do.

        Raises:
            DlstreamError: a file can't be written, or the authority's can't be read.
        """
        try:
            self._make_authority()
            for enclave in enclaves:
                self._add(enclave)
        except OSError as error:
            raise DlstreamError(f"{error.filename or self.folder}: can't be written ({error.strerror})") from error

    @property
    def _authority(self) -> Path:
        return self.folder / "public" / "ca.cert.pem"

    @property
    def _authority_key(self) -> Path:
        return self.folder / "private" / "ca.key.pem"

    def _make_authority(self) -> None:
        public, private, all_enclaves = (self.folder / name for name in ("public", "private", "enclaves"))
        for path in (public, all_enclaves):
            path.mkdir(parents=True, exist_ok=True)
        private.mkdir(mode=0o700, exist_ok=True)
        if not self._authority.exists():
            key = _new_key()
            _write_key(self._authority_key, key)
            self._authority.write_bytes(
                _pem(_certificate(_AUTHORITY, key.public_key(), _AUTHORITY, key, authority=True))
            )
        for kind in ("identity_ca", "permissions_ca"):
            _link(public / f"{kind}.cert.pem", Path("ca.cert.pem"))
            _link(private / f"{kind}.key.pem", Path("ca.key.pem"))
        self._sign(all_enclaves / "governance", governance())

    def _add(self, enclave: Enclave) -> None:
        folder = self.folder / "enclaves" / enclave.name.lstrip("/")
        folder.mkdir(parents=True, exist_ok=True)
        up = Path(os.path.relpath(self.folder, folder))
        for kind in ("identity_ca", "permissions_ca"):
            _link(folder / f"{kind}.cert.pem", up / "public" / f"{kind}.cert.pem")
        _link(folder / "governance.p7s", up / "enclaves" / "governance.p7s")
        if not (folder / "cert.pem").exists():
            key = _new_key()
            _write_key(folder / "key.pem", key)
            issued = _certificate(enclave.name, key.public_key(), _AUTHORITY, self._load_key())
            (folder / "cert.pem").write_bytes(_pem(issued))
        own = _load(folder / "cert.pem")
        begin, end = own.not_valid_before_utc, own.not_valid_after_utc
        self._sign(folder / "permissions", permissions(enclave.name, enclave.denied, begin, end, enclave.allowed))

    def _sign(self, path: Path, content: bytes) -> None:
        """Writes a document, and beside it the same signed by the authority."""
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

        builder = pkcs7.PKCS7SignatureBuilder().set_data(content)
        builder = builder.add_signer(_load(self._authority), self._load_key(), hashes.SHA256())
        options = [pkcs7.PKCS7Options.Text, pkcs7.PKCS7Options.DetachedSignature]
        path.with_suffix(".xml").write_bytes(content)
        path.with_suffix(".p7s").write_bytes(builder.sign(Encoding.SMIME, options))

    def _load_key(self) -> Any:
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        try:
            return load_pem_private_key(self._authority_key.read_bytes(), None)
        except (OSError, ValueError) as error:
            raise DlstreamError(
                f"{self._authority_key}: can't be read ({error}); expected the authority's key. Run this command "
                "on the computer that made the keystore, or give another folder"
            ) from error


def _new_key() -> Any:
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.generate_private_key(ec.SECP256R1())  # prime256v1, of DDS Security 1.1, section 9.3.1


def _certificate(name: str, public_key: Any, issuer: str, issuer_key: Any, authority: bool = False) -> Any:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    def named(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

    now = datetime.now(timezone.utc)
    constraints = x509.BasicConstraints(ca=authority, path_length=1 if authority else None)
    return (
        x509.CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(named(issuer))
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))  # clocks of other computers may be behind
        .not_valid_after(now + timedelta(days=365 * _YEARS))
        .add_extension(constraints, critical=authority)
        .sign(issuer_key, hashes.SHA256())
    )


def _load(path: Path) -> Any:
    from cryptography.x509 import load_pem_x509_certificate

    try:
        return load_pem_x509_certificate(path.read_bytes())
    except ValueError as error:
        raise DlstreamError(
            f"{path}: can't be read as a certificate ({error}); delete the keystore and make it again"
        ) from error


def _pem(certificate: Any) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return bytes(certificate.public_bytes(Encoding.PEM))


def _write_key(path: Path, key: Any) -> None:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    path.touch(mode=0o600)
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def _link(path: Path, target: Path) -> None:
    if not path.is_symlink():
        path.symlink_to(target)
