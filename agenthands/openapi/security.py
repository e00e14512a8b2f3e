"""Which keys an operation needs, and in which header each is sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agenthands.openapi.document import CannotCompile, Document, RawOperation
from agenthands.openapi.names import key_name, key_prefix
from agenthands.schemas.api_operation import Credential

KEY_PARAMETERS = {"token", "access_token", "api_key", "apikey", "authorization", "x_api_key"}
"""Parameters that are keys, whatever the description calls them, where the operation has a scheme as well."""


def credentials(document: Document, raw: RawOperation) -> list[Credential]:
    """Return the keys of the first way to sign in that a tool can go; none where the operation is open to all.

    Raises CannotCompile where there is a way, and none that a tool can go.
    """
    wanted = raw.said.get("security", document.content.get("security"))
    ways = [way for way in wanted if isinstance(way, Mapping)] if isinstance(wanted, list) else []
    if not ways:
        return []
    why = CannotCompile("security", "how it is signed in to is not described")
    found: list[list[Credential]] = []
    for way in ways:
        try:
            found.append([_credential(document, str(name)) for name in way])
        except CannotCompile as error:
            why = error
    found = [each for each in found if len({one.name for one in each}) == len(each)]
    if not found:
        raise why
    return max(found, key=lambda way: sum(_RANK[one.kind] for one in way) / max(1, len(way)))


_RANK = {"bearer": 4, "header": 3, "basic": 2, "cookie": 1}


def _credential(document: Document, name: str) -> Credential:
    components = document.content.get("components") or {}
    schemes = document.content.get("securityDefinitions") if document.is_swagger else components.get("securitySchemes")
    scheme = document.resolved((schemes or {}).get(name)) if isinstance(schemes, Mapping) else None
    if not isinstance(scheme, Mapping):
        raise CannotCompile("security", f"the security scheme {name[:60]!r} is not described")
    prefix, kind = key_prefix(document.title), str(scheme.get("type"))
    said = str(scheme.get("scheme", "")).lower()
    if kind in ("oauth2", "openIdConnect") or (kind == "http" and said == "bearer"):
        return Credential(kind="bearer", secrets=[key_name(prefix, "token")])
    if kind == "basic" or (kind == "http" and said == "basic"):
        return Credential(kind="basic", secrets=[key_name(prefix, "username"), key_name(prefix, "password")])
    if kind == "apiKey":
        return _api_key(scheme, prefix)
    raise CannotCompile("security", f"no tool can sign in by {kind} {said}".rstrip())


def _api_key(scheme: Mapping[str, Any], prefix: str) -> Credential:
    place, name = scheme.get("in"), str(scheme.get("name", ""))
    if place == "header" and name:
        words = "api key" if name.lower() in ("authorization", "x-api-key") else name
        return Credential(kind="header", name=name, secrets=[key_name(prefix, words)])
    if place == "cookie" and name:
        return Credential(kind="cookie", name=name, secrets=[key_name(prefix, name)])
    raise CannotCompile("security", "its key would stand in the URL, where logs show it")
