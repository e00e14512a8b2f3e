"""The nouns that the steps take and return."""

from agenthands.models.batch import BatchItem, BatchReport
from agenthands.models.build import (
    Acceptance,
    BuildRecord,
    CaseResult,
    CheckResult,
    CodingResult,
    MadeTool,
    McpServerPin,
    Opinion,
    Spending,
    StageTime,
    Status,
    Tokens,
    ToolOutcome,
    add_costs,
)
from agenthands.models.gate import Check, GateReport, Ruling
from agenthands.models.plan import (
    Case,
    CaseCheck,
    CustomTool,
    ErrorExample,
    McpServer,
    Plan,
    ResultExample,
    held_out_indices,
)
from agenthands.models.request import MAX_REQUEST_CHARACTERS, BuildOptions, BuildRequest

__all__ = [
    "MAX_REQUEST_CHARACTERS",
    "Acceptance",
    "BatchItem",
    "BatchReport",
    "BuildOptions",
    "BuildRecord",
    "BuildRequest",
    "Case",
    "CaseCheck",
    "CaseResult",
    "Check",
    "CheckResult",
    "CodingResult",
    "CustomTool",
    "ErrorExample",
    "GateReport",
    "MadeTool",
    "McpServer",
    "McpServerPin",
    "Opinion",
    "Plan",
    "ResultExample",
    "Ruling",
    "Spending",
    "StageTime",
    "Status",
    "Tokens",
    "ToolOutcome",
    "add_costs",
    "held_out_indices",
]
