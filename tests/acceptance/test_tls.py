"""Encrypted connections and certificates: which ones work, and what the others' errors say."""

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.commands import process, succeed
from tests.fix_servers import Warehouse, administer, connect, database
from tests.fix_shop import SEED
from tests.fix_tls import DAY, Encrypted
from tests.queries import value
from tidemark.errors import ConnectError
from tidemark.model import ServerName
from tidemark.postgres import certificates, connections

CA = "`sslrootcert=/path/to/ca.crt` in TIDEMARK_STG_DSN (docs/operations.md#tls)."
OWN = "`sslcert=…&sslkey=…` in TIDEMARK_STG_DSN (docs/operations.md#tls)."


def refusal(dsn: str) -> str:
    """Return the error for a server that has been reached before, without the place."""
    connections._answered.add(dsn)
    with pytest.raises(ConnectError) as raised:
        connections.opened(dsn, "stg", "test")
    assert not raised.value.is_transient, "no wait would mend it"
    return re.sub(r"^stg: \S+/\S* as \w+: ", "", str(raised.value))


def client(cert: Path) -> dict[str, Any]:
    return {"sslcert": cert, "sslkey": cert.with_suffix(".key")}


@pytest.fixture
def source(encrypted: Encrypted) -> Iterator[str]:
    """The URL of a new database on the server that encrypts."""
    administer(encrypted.dsn(), "create database shop")
    yield database(encrypted.dsn(), "shop")
    administer(encrypted.dsn(), "drop database shop with (force)")


def test_a_source_is_read_encrypted_and_with_a_certificate(
    encrypted: Encrypted, source: str, warehouse: Warehouse
):
    env = {**warehouse.environment, "TIDEMARK_OPERATIONAL_DSN": source}
    succeed("migrate", "--sample", env=env)
    succeed(*SEED, env=env)
    with closing(connect(source)) as shop, shop.cursor() as cursor:
        cursor.execute("grant select on all tables in schema public to certified")
        cursor.execute("grant pg_read_all_stats to certified")
    own = encrypted.dsn("certified", **client(encrypted.ours.issue("certified")))
    env["TIDEMARK_OPERATIONAL_DSN"] = database(own, "shop")
    succeed("doctor", env=env)
    assert succeed("run", env=env).out.startswith("Batch 1 of retail, ")
    succeed("verify", env=env)
    shown = process("psql", "operational", "--admin", "-XAtc", "select ssl_in_use()", env=env)
    assert "ssl_in_use" in shown.err, "it got in"
    assert process("psql", "operational", "--admin", "-Xc", "\\conninfo", env=env).out.count("SSL")


def test_what_documents_say_of_the_roots_of_the_system(
    encrypted: Encrypted, monkeypatch: pytest.MonkeyPatch
):
    dsn = encrypted.dsn(sslrootcert="system")
    assert "(self-signed certificate in certificate chain)" in refusal(dsn)
    monkeypatch.setenv("SSL_CERT_FILE", str(encrypted.ours.cert))
    with closing(connect(dsn)) as opened:
        assert value(opened, "select ssl from pg_stat_ssl where pid = pg_backend_pid()")
    failed = f'connection to server at "localhost", port {encrypted.port} failed: '
    hint = certificates.why_refused(failed, {"sslrootcert": "system"})
    assert hint.startswith(" (the driver looks for the system's CAs where it was built: set SSL_")


CASES: dict[str, tuple[Callable[[Encrypted], dict[str, Any]], str]] = {
    "no CA": (
        lambda _: {"sslrootcert": "/nowhere/ca.crt"},
        "there is no file /nowhere/ca.crt, so the server's certificate can't be verified. "
        f"Name the file of the CA that signed it: {CA}",
    ),
    "no CA's file": (
        lambda e: {"sslrootcert": e.ours.issue("x").with_suffix(".key")},
        "can't be read as a CA's certificate: could not read root certificate file ",
    ),
    "wrong CA": (
        lambda e: {"sslrootcert": e.theirs.cert},
        "the server's certificate is refused: SSL error: certificate verify failed (self-signed "
        "certificate in certificate chain). Give the server one that is in force, or name the CA "
        f"that signed it: {CA}",
    ),
    "wrong host": (
        lambda _: {"host": "127.0.0.1"},
        "the server's certificate is one of localhost, and not of 127.0.0.1. Name the host in "
        "TIDEMARK_STG_DSN as the certificate does, and its address by `hostaddr` if need be; or "
        "give the server a certificate of its own name.",
    ),
    "no encryption": (
        lambda _: {"sslmode": "disable"},
        'without encryption: FATAL: no pg_hba.conf entry for host "127.0.0.1", user "postgres", '
        'database "postgres", no encryption. Encrypt, by `sslmode=verify-full` and',
    ),
    "no plain one": (
        lambda _: {"user": "plain"},
        "no line of its pg_hba.conf lets this login in: FATAL: pg_hba.conf rejects connection ",
    ),
    "weak mode": (
        lambda _: {"sslrootcert": "system", "sslmode": "require"},
        'the DSN contradicts itself: weak sslmode "require" may not be used with sslrootcert=',
    ),
    "no certificate": (
        lambda _: {"user": "certified"},
        "the client's certificate is missing, or refused: FATAL: connection requires a valid "
        "client certificate. Name a certificate that the server's CA signed for this login and "
        f"that is in force, and its key, as {OWN}",
    ),
    "of another CA": (
        lambda e: {"user": "certified", **client(e.theirs.issue("certified other"))},
        "the client's certificate is missing, or refused: SSL error: tlsv1 alert unknown ca. Name",
    ),
    "expired": (
        lambda e: {
            "user": "certified",
            **client(e.ours.issue("certified expired", valid_for=-DAY)),
        },
        "the client's certificate is missing, or refused: SSL error: ssl/tls alert certificate ",
    ),
    "of another user": (
        lambda e: {"user": "certified", **client(e.ours.issue("reader"))},
        "the client's certificate is missing, or refused: FATAL: certificate authentication failed",
    ),
    "of another user, with a password": (
        lambda e: {"user": "careful", **client(e.ours.issue("reader"))},
        "the login is refused. Put the right user and password into TIDEMARK_STG_DSN. The server "
        "may ask for a certificate of this user, too (docs/operations.md#tls).",
    ),
    "no key": (
        lambda e: {"user": "certified", **client(e.ours.issue("x")), "sslkey": "/nowhere.key"},
        "the client's certificate or its key can't be used: certificate present, but not private",
    ),
    "key of another": (
        lambda e: {
            "user": "certified",
            **client(e.ours.issue("certified")),
            "sslkey": e.ours.issue("reader").with_suffix(".key"),
        },
        "the client's certificate or its key can't be used: could not load private key file ",
    ),
    "channel binding": (
        lambda _: {"user": "plain", "sslmode": "disable", "channel_binding": "require"},
        "it does not offer the authentication that the DSN asks for: channel binding required, but",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_wrong_is_said_with_what_mends_it(encrypted: Encrypted, case: str):
    given, said = CASES[case]
    assert said in refusal(encrypted.dsn(**given(encrypted)))


def test_a_key_that_others_may_read_is_refused_with_the_command(encrypted: Encrypted):
    cert = encrypted.ours.issue("certified")
    key = cert.with_suffix(".key")
    key.chmod(0o644)
    said = refusal(encrypted.dsn("certified", **client(cert)))
    assert said == (
        f"others may read the key of the client's certificate, {key}. Run `chmod 600 {key}`."
    )


def test_a_certificate_that_has_expired_is_told_from_a_wrong_one(encrypted: Encrypted):
    try:
        encrypted.serve(encrypted.ours.issue("old", "localhost", valid_for=-DAY))
        assert "certificate verify failed (certificate has expired). Give" in refusal(
            encrypted.dsn()
        )
    finally:
        encrypted.serve(encrypted.ours.issue("server", "localhost"))


def test_a_server_without_certificates_is_told_that_it_has_none(servers: dict[ServerName, str]):
    assert refusal(f"{servers['stg']}?sslmode=require") == (
        "it does not encrypt, and the DSN asks for it: server does not support SSL, but SSL was "
        "required. Set `ssl = on` there (docs/operations.md#tls), or take sslmode out of "
        "TIDEMARK_STG_DSN."
    )


def test_a_refusal_in_another_language_is_no_server_that_is_away(encrypted: Encrypted):
    try:
        encrypted.serve(encrypted.ours.issue("german", "localhost"), language="de")
        said = refusal_in_german(encrypted)
    finally:
        encrypted.serve(encrypted.ours.issue("server", "localhost"))
    if "password authentication failed" in said:
        pytest.skip("PostgreSQL's translations are not installed")
    assert "the server refuses: " in said
    assert "Passwort-Authentifizierung" in said
    assert said.endswith(". Correct TIDEMARK_STG_DSN, or what the server allows.")


def refusal_in_german(encrypted: Encrypted) -> str:
    with pytest.raises(ConnectError) as raised:
        connections.opened(encrypted.dsn("nobody"), "stg", "test")
    return str(raised.value)
