"""Certificates of a test's own authority, and a server in front of another where TLS ends."""

import asyncio
import socket
import ssl
import threading
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from types import TracebackType
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support.stack import wait_for

HERE = ("localhost", "127.0.0.1")
"""The names of this machine."""
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Certificate:
    """A server's certificate with its private key, in PEM."""

    chain: bytes
    key: bytes

    @property
    def serial(self) -> int:
        """Its number, which tells it from others."""
        return x509.load_pem_x509_certificate(self.chain).serial_number

    def write(self, directory: Path) -> None:
        """Put it where docs/operations.md says, the old one's place taken at once."""
        directory.mkdir(exist_ok=True)
        for name, content in (("fullchain.pem", self.chain), ("privkey.pem", self.key)):
            new = directory / f"{name}.new"
            new.write_bytes(content)
            new.replace(directory / name)


class Authority:
    """A certificate authority that nobody knows unless told."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "An authority of a test")])
        own = (
            _described(self._name, self._name, self._key.public_key(), datetime.now(UTC) + _DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_SIGNS_CERTIFICATES, critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.certificate = own.public_bytes(serialization.Encoding.PEM)

    def issue(self, *hosts: str, expired: bool = False) -> Certificate:
        """Make a certificate for some host names and addresses, this machine's if none are named."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, (hosts or HERE)[0])])
        until = datetime.now(UTC) + (-_DAY if expired else _DAY)
        made = (
            _described(subject, self._name, key.public_key(), until)
            .add_extension(x509.SubjectAlternativeName([_named(host) for host in hosts or HERE]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return Certificate(
            made.public_bytes(serialization.Encoding.PEM),
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            ),
        )


class TlsFront:
    """Ends TLS before a server of this machine, as a reverse proxy does. Use it in a `with` statement.

    It keeps what clients have said to it, and counts those that went away instead of saying anything.
    """

    def __init__(self, target_port: int, certificate: Certificate, directory: Path) -> None:
        self._directory = directory
        self._target_port = target_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        self.said = bytearray()
        self.turned_away = 0
        self.present(certificate)

    @property
    def url(self) -> str:
        """Name it, as a REST server."""
        return f"https://localhost:{self.port}"

    def present(self, certificate: Certificate) -> None:
        """Show this certificate to all that connect from now on, and forget what was said."""
        certificate.write(self._directory)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._directory / "fullchain.pem", self._directory / "privkey.pem")
        self._context = context
        self.said.clear()
        self.turned_away = 0

    def heard_nothing_from(self, count: int) -> bool:
        """Wait until so many have gone away before they said anything; whether nobody said something either."""
        wait_for(lambda: self.turned_away >= count, f"{count} have turned away, not {self.turned_away}")
        return self.turned_away == count and not self.said

    def __enter__(self) -> Self:
        self._ended = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),))
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join()
        self._listener.close()
        self._loop.close()

    async def _serve(self) -> None:
        accepting = asyncio.create_task(self._accept())
        await self._ended.wait()
        accepting.cancel()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _accept(self) -> None:
        running = set()
        while True:
            accepted, _ = await self._loop.sock_accept(self._listener)
            task = asyncio.create_task(self._pass(accepted))
            running.add(task)
            task.add_done_callback(running.discard)

    async def _pass(self, accepted: socket.socket) -> None:
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        try:
            transport, _ = await self._loop.connect_accepted_socket(lambda: protocol, accepted, ssl=self._context)
        except OSError:
            self.turned_away += 1
            return
        writer = asyncio.StreamWriter(transport, protocol, reader, self._loop)
        try:
            behind, to_behind = await asyncio.open_connection("127.0.0.1", self._target_port)
        except OSError:  # nothing is there: what is said first counts all the same
            self.said += await reader.read(65_536)
            transport.abort()
            return
        try:
            await asyncio.wait(
                {
                    asyncio.create_task(_copy(reader, to_behind, self.said)),
                    asyncio.create_task(_copy(behind, writer, bytearray())),
                },
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            writer.transport.abort()
            to_behind.transport.abort()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter, record: bytearray) -> None:
    with suppress(OSError):
        while data := await source.read(65_536):
            record += data
            target.write(data)
            await target.drain()


def served_serial(port: int) -> int:
    """Connect, trusting anybody, and return the number of the certificate that is shown."""
    shown = ssl.get_server_certificate(("127.0.0.1", port), timeout=60)
    return x509.load_pem_x509_certificate(shown.encode()).serial_number


_SIGNS_CERTIFICATES = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


def _described(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, until: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - 2 * _DAY)
        .not_valid_after(until)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _named(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)
