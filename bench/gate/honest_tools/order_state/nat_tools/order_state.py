"""Follow an order through its states by a list of events."""

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any
from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field


class State(StrEnum):
    NEW = "new"
    PAID = "paid"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"


class Event(StrEnum):
    PAY = "pay"
    SHIP = "ship"
    DELIVER = "deliver"
    CANCEL = "cancel"
    RETURN = "return"


MOVES = {
    (State.NEW, Event.PAY): State.PAID,
    (State.NEW, Event.CANCEL): State.CANCELLED,
    (State.PAID, Event.SHIP): State.SHIPPED,
    (State.PAID, Event.CANCEL): State.CANCELLED,
    (State.SHIPPED, Event.DELIVER): State.DELIVERED,
    (State.DELIVERED, Event.RETURN): State.CANCELLED,
}


class OrderStateInput(BaseModel):
    events: list[Event] = Field(description="What happened, in order")
    start: State = Field(default=State.NEW, description="The state at the beginning")


@dataclass
class Order:
    state: State
    history: list[str] = field(default_factory=list)

    def handle(self, event: Event) -> None:
        """Go to the next state; raises ValueError where the event is not possible."""
        following = MOVES.get((self.state, event))
        if following is None:
            raise ValueError(f"an order that is {self.state} cannot {event}")
        self.history.append(f"{self.state} -> {following}")
        self.state = following


def follow(events: list[Event], start: State) -> Order:
    """Return the order after all events."""
    order = Order(start)
    for event in events:
        order.handle(event)
    return order


def is_final(state: State) -> bool:
    """Return whether nothing can happen any more."""
    return not any(known is state for known, _ in MOVES)


class OrderStateConfig(FunctionBaseConfig, name="order_state"):
    """Configuration of the tool order_state; it needs none."""


@register_function(config_type=OrderStateConfig)
async def register_order_state(config: OrderStateConfig, builder: Builder):
    """Register order_state with NAT."""

    async def _run(data: OrderStateInput) -> dict[str, Any]:
        return {**asdict(order := follow(data.events, data.start)), "final": is_final(order.state)}

    yield FunctionInfo.from_fn(_run, description="Follow an order through its states by a list of events.")
