"""Frozen data that the steps take and return: requests, plans, gate reports, records."""

from agenthands.schemas.batch_report import BatchItem, BatchReport
from agenthands.schemas.build_record import (
    Acceptance,
    BuildRecord,
    CaseResult,
    CheckResult,
    CodingResult,
    McpServerPin,
    Opinion,
    Spending,
    StageTime,
    Status,
    Tokens,
    ToolArtifact,
    ToolOutcome,
    ToolTurn,
    add_costs,
)
from agenthands.schemas.gate_report import Check, GateReport, Ruling
from agenthands.schemas.hold_out import has_few_values, hidden_example_indices, hold_out_fault
from agenthands.schemas.plan import (
    CaseCheck,
    ErrorExample,
    McpServer,
    Plan,
    ResultExample,
    TestCase,
    ToolSpec,
)
from agenthands.schemas.request import MAX_REQUEST_CHARACTERS, BuildOptions, BuildRequest

__all__ = [
    "MAX_REQUEST_CHARACTERS",
    "Acceptance",
    "BatchItem",
    "BatchReport",
    "BuildOptions",
    "BuildRecord",
    "BuildRequest",
    "CaseCheck",
    "CaseResult",
    "Check",
    "CheckResult",
    "CodingResult",
    "ErrorExample",
    "GateReport",
    "McpServer",
    "McpServerPin",
    "Opinion",
    "Plan",
    "ResultExample",
    "Ruling",
    "Spending",
    "StageTime",
    "Status",
    "TestCase",
    "Tokens",
    "ToolArtifact",
    "ToolOutcome",
    "ToolSpec",
    "ToolTurn",
    "add_costs",
    "has_few_values",
    "hidden_example_indices",
    "hold_out_fault",
]
