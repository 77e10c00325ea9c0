"""A server with certificates of a CA of its own: Debian's, as the wheel's has no TLS."""

import os
import secrets
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.fix_servers import SETTINGS, administer
from tidemark.install.embedded import user
from tidemark.install.embedded.site import Site
from tidemark.install.embedded.user import must_run

DAY = timedelta(days=1)
LOGINS = ("plain", "certified", "careful", "reader")
RULES = """
hostssl   all  plain      all  reject
hostnossl all  plain      all  scram-sha-256
hostssl   all  certified  all  cert
hostssl   all  careful    all  scram-sha-256  clientcert=verify-full
hostssl   all  all        all  scram-sha-256
"""
"""`plain` must not encrypt, and all others must."""


class Authority:
    """A CA, and the files of what it has signed."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.cert = folder / f"{name}.crt"
        own = self._draft(self._name, self._key.public_key(), timedelta(days=9))
        own = own.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self._write(self.cert, own)

    def issue(self, name: str, *hosts: str, valid_for: timedelta = DAY) -> Path:
        """Sign a certificate of a name; its key is beside it, ending in .key. Return its path."""
        key = ec.generate_private_key(ec.SECP256R1())
        common = name.partition(" ")[0]
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common)])
        made = self._draft(subject, key.public_key(), valid_for)
        if hosts:
            names = [_general_name(host) for host in hosts]
            made = made.add_extension(x509.SubjectAlternativeName(names), critical=False)
        path = self._folder / f"{name}.crt"
        self._write(path, made)
        path.with_suffix(".key").touch(0o600)
        path.with_suffix(".key").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return path

    def _draft(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, valid_for: timedelta
    ) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 9 * DAY)
            .not_valid_after(now + valid_for)
        )

    def _write(self, path: Path, draft: x509.CertificateBuilder) -> None:
        signed = draft.sign(self._key, hashes.SHA256())
        path.write_bytes(signed.public_bytes(serialization.Encoding.PEM))


def _general_name(host: str) -> x509.GeneralName:
    if host[0].isdigit():
        return x509.IPAddress(ip_address(host))
    return x509.DNSName(host)


@dataclass(frozen=True, slots=True)
class Encrypted:
    """A running server that encrypts, its CA, and a CA that it does not know."""

    site: Site
    port: int
    password: str
    ours: Authority
    theirs: Authority

    def dsn(self, user: str = "postgres", host: str = "localhost", **parameters: object) -> str:
        """Return the URL of its database; the CA is known to the client unless told otherwise."""
        said = {"sslmode": "verify-full", "sslrootcert": self.ours.cert, **parameters}
        given = {name: str(value) for name, value in said.items() if value}
        words = urlencode(given, quote_via=quote)
        return f"postgresql://{user}:{self.password}@{host}:{self.port}/postgres?{words}"

    @property
    def cluster(self) -> Path:
        """Where its data is."""
        return self.site.data / "cluster"

    def serve(self, cert: Path, *, word: str = "restart", language: str = "C") -> None:
        """Start it, or start it again, with a certificate to show, and a language to speak."""
        for path in (cert, cert.with_suffix(".key")):
            shown = self.cluster / f"server{path.suffix}"
            must_run(self.site.user, "tee", shown, text=path.read_text("utf-8"))
        self.control(word, "--log", self.site.data / "log", language=language)

    def control(self, word: str, *words: str | Path, language: str = "C") -> None:
        """Start, restart or stop it."""
        speaking = ("env", f"LANGUAGE={language}", "LC_ALL=C.UTF-8")
        pg_ctl = (self.site.programs / "pg_ctl", word, "--wait", "--pgdata", self.cluster)
        must_run(self.site.user, *speaking, *pg_ctl, *words)


@pytest.fixture(scope="session")
def encrypted() -> Iterator[Encrypted]:
    """A server for `localhost` that knows the clients of its CA; not for what needs a layer."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not programs:
        pytest.skip("Debian's PostgreSQL is not installed")
    folder = Path(tempfile.mkdtemp(prefix="tidemark-tls-"))
    folder.chmod(0o711)  # as root, the server runs as a user that has to get in
    ours, theirs = (Authority(folder, name) for name in ("ours", "theirs"))
    site = Site(folder / "data", programs[-1].parent, user.find([]))
    site.data.mkdir(mode=0o700)
    if site.user.uid is not None and site.user.gid is not None:
        os.chown(site.data, site.user.uid, site.user.gid)
    made = Encrypted(site, _free_port(), secrets.token_hex(16), ours, theirs)
    _make(made)
    made.serve(ours.issue("server", "localhost"), word="start")
    try:
        for login in LOGINS:
            administer(made.dsn(), f"create role {login} login password '{made.password}'")
        yield made
    finally:
        made.control("stop")
        shutil.rmtree(folder)


def _make(made: Encrypted) -> None:
    settings = {**SETTINGS, "unix_socket_directories": ""}
    for name in ("scram_iterations", "io_method"):  # Debian's server may be older than these.
        del settings[name]
    site = made.site
    del settings["plpgsql.extra_errors"]
    settings |= {"port": str(made.port), "ssl": "on", "ssl_ca_file": "ca.crt", "fsync": "off"}
    must_run(site.user, "tee", site.data / "password", text=made.password)
    options = ["--username=postgres", "--auth=reject", "--locale=C.UTF-8", "--no-sync"]
    options += [f"--pwfile={site.data / 'password'}", f"--pgdata={made.cluster}"]
    must_run(site.user, site.programs / "initdb", *options)
    must_run(site.user, "tee", made.cluster / "pg_hba.conf", text=RULES)
    must_run(site.user, "tee", made.cluster / "ca.crt", text=made.ours.cert.read_text("utf-8"))
    lines = [f"{name} = '{value}'\n" for name, value in settings.items()]
    must_run(site.user, "tee", "--append", made.cluster / "postgresql.conf", text="".join(lines))


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
