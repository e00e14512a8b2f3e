"""What a run form reads of the build options."""

from __future__ import annotations

from agenthands.schemas.request import BuildOptions


def test_every_option_has_a_title_a_description_and_a_default() -> None:
    fields = BuildOptions.model_json_schema()["properties"]
    generated = {name.replace("_", " ").title() for name in fields} - {"Sandbox", "Store"}
    for name, field in fields.items():
        assert field["title"] not in generated, f"{name} has no title of its own"
        assert field.get("description"), f"{name} has no description"
        assert "default" in field, f"{name} has no default"
