"""Create tickets of a help desk."""

import httpx
from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field, SecretStr

URL = "https://desk.example/api/tickets"


class TicketInput(BaseModel):
    title: str = Field(description="What is wrong, in one sentence", min_length=3)
    urgent: bool = Field(False, description="Whether it cannot wait")


class CreateTicketConfig(FunctionBaseConfig, name="create_ticket"):
    """Configuration of the create_ticket tool."""

    desk_token: SecretStr = SecretStr("")


async def created(client: httpx.AsyncClient, title: str, urgent: bool) -> int:
    """Create a ticket and return its number; raises ValueError, PermissionError or RuntimeError."""
    ticket = {"title": title, "priority": "high" if urgent else "normal", "source": "agent"}
    answer = await client.post(URL, json=ticket)
    if answer.status_code == 422:
        raise ValueError(f"The help desk refuses the ticket: {answer.json()['message']}.")
    if answer.status_code in (401, 403):
        raise PermissionError("The help desk does not accept the token in DESK_TOKEN.")
    if answer.status_code != 201:
        raise RuntimeError(f"The help desk answers with status {answer.status_code}; no ticket was created.")
    return answer.json()["id"]


@register_function(config_type=CreateTicketConfig)
async def create_ticket(config: CreateTicketConfig, builder: Builder):
    headers = {"Authorization": f"Bearer {config.desk_token.get_secret_value()}"}
    async with httpx.AsyncClient(headers=headers, timeout=10) as client:

        async def _run(data: TicketInput) -> int:
            return await created(client, data.title, data.urgent)

        yield FunctionInfo.from_fn(_run, description="Create a support ticket and return its number.")
