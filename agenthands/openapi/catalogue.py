"""The operations of all descriptions of a build, by the names of their tools; each is compiled when it is asked for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from agenthands.errors import RequestInvalid
from agenthands.openapi.compiling import Compiled, compile_operation
from agenthands.openapi.document import CannotCompile, Document, RawOperation
from agenthands.openapi.names import tool_name
from agenthands.openapi.reading import Source, parse_source

MOST_OPERATIONS = 20_000


@dataclass(frozen=True)
class Listed:
    """An operation, and the name of its tool."""

    name: str
    document: Document
    raw: RawOperation

    def compiled(self) -> Compiled:
        """Return it as a tool. Raises CannotCompile."""
        return compile_operation(self.document, self.raw, self.name)


class ApiCatalogue:
    """What the described APIs offer."""

    def __init__(self, sources: Sequence[Source] = (), taken: Collection[str] = ()) -> None:
        """Parse the descriptions; no tool gets a name that is `taken`. Raises RequestInvalid."""
        self.operations: dict[str, Listed] = {}
        self._compiled: dict[str, Compiled] = {}
        names = set(taken)
        for source in sources:
            document = Document(parse_source(source), source.name, source.server)
            found = list(document.operations())
            if not found:
                raise RequestInvalid(f"{source.name} describes no operations.", "Its `paths` hold no get, post, ...")
            if len(self.operations) + len(found) > MOST_OPERATIONS:
                raise RequestInvalid(
                    f"{source.name} describes {len(found):,} operations; at most {MOST_OPERATIONS:,} are read.",
                    "Keep the paths that the agent needs.",
                )
            for raw in found:
                name = tool_name(str(raw.said.get("operationId") or ""), raw.method, raw.path, names)
                names.add(name)
                self.operations[name] = Listed(name, document, raw)

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self.operations)

    def compiled(self, name: str) -> Compiled:
        """Return an operation as a tool. Raises KeyError for an unknown one, CannotCompile."""
        if name not in self._compiled:
            self._compiled[name] = self.operations[name].compiled()
        return self._compiled[name]

    def require_usable(self) -> None:
        """Raise RequestInvalid where no operation at all can become a tool, with the reason of the first."""
        why = ""
        for name in self.operations:
            try:
                self.compiled(name)
            except CannotCompile as error:
                why = why or str(error)
            else:
                return
        if why:
            raise RequestInvalid(f"No operation of the API can become a tool: {why}.", "docs/openapi.md says what can.")
