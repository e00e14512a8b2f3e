"""The throw-away authority of this process: its certificates stand for recorded hosts, its keys stay in memory."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Sequence
from functools import cache
from typing import Any

import trustme

VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
"""Environment variables that name the authority's certificate to Python, requests, curl and Node."""


@cache
def _authority() -> trustme.CA:
    return trustme.CA(organization_name="Recorded world")


def authority_certificate() -> bytes:
    """Return the certificate that clients must trust, as PEM."""
    return _authority().cert_pem.bytes()


@cache
def _certificate(hosts: tuple[str, ...]) -> Any:
    return _authority().issue_cert(*hosts)


def server_context(hosts: Sequence[str]) -> ssl.SSLContext:
    """Return what a server needs to stand for these hosts."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["http/1.1"])
    with contextlib.suppress(AttributeError):
        context.num_tickets = 0
    _certificate(tuple(sorted(set(hosts)))).configure_cert(context)
    return context
