"""The format of cached results: Prefect's JSON, redacted, with type names that do not depend on module paths."""

from __future__ import annotations

import json
from typing import Any, Literal

from prefect.serializers import JSONSerializer, prefect_json_object_decoder
from pydantic import BaseModel

from agenthands._util.redaction import redact_bytes
from agenthands.coding.arbitration import Arbitration
from agenthands.mcp.setup import ServerFinding
from agenthands.planning.objections import PlanResult
from agenthands.schemas import Acceptance, BatchItem, CodingResult, GateReport, ToolArtifact

_TYPES: dict[str, type[BaseModel]] = {
    kind.__name__: kind
    for kind in (Acceptance, Arbitration, BatchItem, CodingResult, GateReport, PlanResult, ServerFinding, ToolArtifact)
}
# Results in older stores name the module path of the class at that time.
_FORMER: dict[str, type[BaseModel]] = {
    "agenthands.arbitration.Arbitration": Arbitration,
    "agenthands.models.batch.BatchItem": BatchItem,
    "agenthands.models.build.Acceptance": Acceptance,
    "agenthands.models.build.CodingResult": CodingResult,
    "agenthands.models.build.MadeTool": ToolArtifact,
    "agenthands.models.gate.GateReport": GateReport,
    "agenthands.planning.Planned": PlanResult,
    "agenthands.server_preparation.ServerFinding": ServerFinding,
}


class RedactedJson(JSONSerializer[Any]):
    """Prefect's JSON, redacted, because a result may quote text from outside.

    Prefect treats a result as missing if its type is no longer known.
    """

    type: Literal["agenthands-json"] = "agenthands-json"

    def dumps(self, obj: Any) -> bytes:
        """Return the JSON of a result. Raises TypeError for a model of an unknown type."""
        return redact_bytes(json.dumps(obj, default=_encoded).encode())

    def loads(self, blob: bytes) -> Any:
        """Return the result. Raises ValueError if its type is unknown, or if it does not fit the type."""
        return json.loads(blob, object_hook=_decoded)


def _encoded(value: Any) -> dict[str, Any]:
    name = type(value).__name__
    if _TYPES.get(name) is not type(value):
        raise TypeError(f"{type(value)} has no name in the results of tasks: add it to {__name__}.")
    return {"__class__": name, "data": value.model_dump(mode="json")}


def _decoded(value: dict[str, Any]) -> Any:
    name = value.get("__class__")
    if name is None:
        return prefect_json_object_decoder(value)
    known = _TYPES.get(name) or _FORMER.get(name)
    if known is None:
        raise ValueError(f"A result of the unknown type {name!r}.")
    return known.model_validate(value["data"])
