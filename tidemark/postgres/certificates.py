"""Why a server's certificate is refused. libpq says that it is refused, but not why."""

from __future__ import annotations

import os
import re
import socket
import ssl
import struct
from collections.abc import Mapping
from pathlib import Path

_PATIENCE = 5.0
_ENCRYPT = struct.pack("!ii", 8, 80877103)
"""PostgreSQL's SSLRequest (Protocol, section 54.7)."""
_PLACE = re.compile(r'connection to server at "([^"]*)"(?: \(([^)]*)\))?, port (\d+) failed')


def why_refused(said: str, parameters: Mapping[str, str]) -> str:
    """Verify the certificate of the server that libpq's message names, with the same CAs.

    Returns the reason in parentheses, with a blank in front; '' where it can't be found out.
    """
    place = _PLACE.search(said)
    if not place:
        return ""
    host, address, port = place.groups()
    try:
        looking = _looking(parameters)
        with socket.create_connection((address or host, int(port)), _PATIENCE) as plain:
            plain.sendall(_ENCRYPT)
            if plain.recv(1) != b"S":
                return ""
            looking.wrap_socket(plain, server_hostname=host).close()
    except ssl.SSLCertVerificationError as error:
        return f" ({error.verify_message})"
    except (OSError, ValueError):  # The server is away or silent, or a file can't be read.
        return ""
    # Python trusts the certificate and libpq does not: they look for the CAs in different places.
    if _root(parameters) == "system":
        return (
            " (the driver looks for the system's CAs where it was built: set SSL_CERT_FILE to "
            f"{ssl.get_default_verify_paths().cafile or 'their file'})"
        )
    return ""


def _looking(parameters: Mapping[str, str]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    if _root(parameters) == "system":
        context.load_default_certs()
    else:
        context.load_verify_locations(_root(parameters))
    if revoked := parameters.get("sslcrl", os.environ.get("PGSSLCRL")):
        context.load_verify_locations(revoked)
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_CHAIN
    return context


def _root(parameters: Mapping[str, str]) -> str:
    own = Path.home() / ".postgresql" / "root.crt"
    return parameters.get("sslrootcert") or os.environ.get("PGSSLROOTCERT") or str(own)
