"""A plan as real requests need it: free-form schemas and arguments, and 6,000 tokens of JSON."""

import json

REQUEST = "An agent that checks the invoices of a small firm: totals, VAT by country, due dates, duplicates."
_LINE = {"type": "object", "properties": {"net": {"type": "number"}, "vat": {"type": "number"}}, "required": ["net"]}
_TOOL = {
    "description": "Adds up the lines of an invoice by VAT rate and says by how much its total differs, in cents.",
    "purpose": "Every question is about totals.",
    "parameters": {
        "type": "object",
        "properties": {
            "lines": {"type": "array", "items": _LINE, "description": "Lines as they stand in the invoice"},
            "rates": {"type": "object", "additionalProperties": {"type": "number"}},
            "note": {"type": ["string", "null"]},
        },
        "required": ["lines"],
    },
    "returns": {"type": "object", "properties": {"total": {"type": "number"}}, "required": ["total"]},
}


def large_plan(examples=8, tools=4):
    """Return the JSON text of a plan that can be built; by default of about 6,000 tokens."""
    made = []
    for number in range(tools):
        shown = [
            {
                "arguments": {
                    "lines": [{"net": 10.0 * each + line, "vat": 0.19} for line in range(8)],
                    "rates": {"DE": 0.19, "FR": 0.2, "each": each},
                    "note": f"invoice {each}",
                },
                "expected": {"total": 1.19 * each},
            }
            for each in range(examples)
        ]
        wrong = {"arguments": {"lines": [{"net": -1}]}, "raises": "ValueError"}
        made.append({"name": f"invoice_totals_{number}", **_TOOL, "examples": [*shown, wrong]})
    return json.dumps(
        {
            "name": "invoice-checker",
            "summary": "Checks invoices.",
            "agents": [
                {
                    "name": "helper",
                    "description": "Answers with exact figures.",
                    "instructions": "You answer with exact figures.",
                    "type": "tool_calling_agent",
                    "tools": [each["name"] for each in made],
                }
            ],
            "entry": "helper",
            "custom_tools": made,
            "test_cases": [
                {
                    "id": "total",
                    "query": "Two lines of 10 and 20 net, 19 % VAT: is a total of 35.70 right?",
                    "expected_behavior": "Says that it is.",
                    "checks": [{"kind": "contains", "value": "35.7"}, {"kind": "json_equal", "value": {"total": 35.7}}],
                }
            ],
            "reasoning": "Totals need arithmetic.",
        },
        indent=1,
    )
