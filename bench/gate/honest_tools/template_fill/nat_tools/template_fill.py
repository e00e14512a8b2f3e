"""Fill the placeholders of a text with values."""

from re import Match, compile
from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field

PLACEHOLDER = compile(r"\{\{\s*(\w+)(?:\s*\|\s*(\w+))?\s*\}\}")
FILTERS = {"upper": str.upper, "lower": str.lower, "title": str.title, "strip": str.strip}


class TemplateFillInput(BaseModel):
    template: str = Field(description="Text with {{name}} or {{name | filter}}")
    vars: dict[str, str | int | float] = Field(default_factory=dict, description="Values by name")
    strict: bool = Field(default=True, description="Whether a name without a value is an error")


def fill(template: str, vars: dict[str, str | int | float], strict: bool = True) -> str:
    """Return the text with its placeholders filled; filters are upper, lower, title and strip."""

    def value(match: Match[str]) -> str:
        name, wanted = match.groups()
        if name not in vars:
            if strict:
                raise ValueError(f"no value for {name!r}")
            return match[0]
        if wanted and wanted not in FILTERS:
            raise ValueError(f"no filter {wanted!r}")
        return FILTERS.get(wanted, str)(str(vars[name]))

    return PLACEHOLDER.sub(value, template)


class TemplateFillConfig(FunctionBaseConfig, name="template_fill"):
    """Configuration of the tool template_fill; it needs none."""


@register_function(config_type=TemplateFillConfig)
async def register_template_fill(config: TemplateFillConfig, builder: Builder):
    """Register template_fill with NAT."""

    async def _run(data: TemplateFillInput) -> str:
        return fill(data.template, data.vars, data.strict)

    yield FunctionInfo.from_fn(_run, description="Fill the placeholders of a text with values.")
