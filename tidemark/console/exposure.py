"""Where the console listens, and who may reach it: nothing but loopback unless one says more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from tidemark.api.serving import Tls
from tidemark.errors import UsageError

_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


@dataclass(frozen=True, slots=True)
class Exposure:
    """Where it listens, how, and under which names people reach it."""

    host: str
    hosts: tuple[str, ...]
    tls: Tls | None


def of(
    host: str,
    *,
    names: Sequence[str] = (),
    certificate: Path | None = None,
    key: Path | None = None,
    is_behind_proxy: bool = False,
) -> Exposure:
    """Judge what a person has asked for.

    Args:
        host: the address to listen at.
        names: under which people reach it, beside the loopback's.
        certificate: file of the certificate, and of those that signed it.
        key: file of its key.
        is_behind_proxy: whether what is in front of it encrypts, or is this machine alone.

    Raises:
        UsageError: it would be reached from elsewhere without encryption, or under no name; or one
            of certificate and key is missing.
    """
    if (certificate is None) != (key is None):
        raise UsageError("console: give --certificate and --key, or neither.")
    tls = (certificate, key) if certificate and key else None
    if not _is_loopback(host):
        if not tls and not is_behind_proxy:
            raise UsageError(
                f"console: {host} can be reached from elsewhere, where passwords would travel in "
                "the clear. Give --certificate and --key; or --behind-proxy, if what is in front "
                "of it encrypts."
            )
        if not names:
            raise UsageError(
                "console: give --name, the host name under which people reach it; it answers to "
                "no other."
            )
    return Exposure(host, (*_LOOPBACK, *names), tls)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
