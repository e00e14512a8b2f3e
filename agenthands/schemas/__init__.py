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
    PlanRepair,
    Spending,
    StageTime,
    Status,
    Tokens,
    ToolArtifact,
    ToolOutcome,
    ToolTurn,
    add_costs,
)
from agenthands.schemas.effects import DatabaseEffect, Effects, FileEffect
from agenthands.schemas.gate_report import Check, GateReport, Ruling
from agenthands.schemas.grant import Effect, Grant
from agenthands.schemas.hold_out import has_few_values, hidden_example_indices, hold_out_fault
from agenthands.schemas.lineage import Lineage
from agenthands.schemas.plan import BuiltinTool, McpServer, Plan, RetiredCase
from agenthands.schemas.plan_agent import PlanAgent
from agenthands.schemas.request import MAX_REQUEST_CHARACTERS, BuildOptions, BuildRequest
from agenthands.schemas.test_case import CaseCheck, TestCase, Turn
from agenthands.schemas.tool_spec import ErrorExample, ResultExample, ToolSpec
from agenthands.schemas.world import Exchange, Leaves, Request, Response, World

__all__ = [
    "MAX_REQUEST_CHARACTERS",
    "Acceptance",
    "BatchItem",
    "BatchReport",
    "BuildOptions",
    "BuildRecord",
    "BuildRequest",
    "BuiltinTool",
    "CaseCheck",
    "CaseResult",
    "Check",
    "CheckResult",
    "CodingResult",
    "DatabaseEffect",
    "Effect",
    "Effects",
    "ErrorExample",
    "Exchange",
    "FileEffect",
    "GateReport",
    "Grant",
    "Leaves",
    "Lineage",
    "McpServer",
    "McpServerPin",
    "Opinion",
    "Plan",
    "PlanAgent",
    "PlanRepair",
    "Request",
    "Response",
    "ResultExample",
    "RetiredCase",
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
    "Turn",
    "World",
    "add_costs",
    "has_few_values",
    "hidden_example_indices",
    "hold_out_fault",
]
