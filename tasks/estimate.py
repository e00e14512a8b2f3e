"""Estimates what building a plan will cost, from the builds in the store and the prices of the models."""

from __future__ import annotations

from agenthands.llm.settings import ROLES
from agenthands.planning.cost_estimate import Estimate, Price, estimate_cost
from agenthands.schemas import BuildOptions, Plan
from agenthands.store.builds import all_records
from agenthands.store.workdirs import BuildContext
from agenthands.tasks import dependencies


def estimate_of(build: BuildContext, plan: Plan) -> Estimate:
    """Return the estimated cost of building a plan as this build would."""
    return estimate_with(build.request.options(), plan)


def estimate_with(options: BuildOptions, plan: Plan) -> Estimate:
    """Return the estimated cost of building a plan with these options."""
    settings = dependencies.settings_for(options)
    models = {role: settings.model(role) for role in ROLES}
    names: dict[str, str] = {role: model.model for role, model in models.items()}
    prices: dict[str, Price] = {role: dependencies.price_of(model) for role, model in models.items()}
    return estimate_cost(plan, names, list(all_records(dependencies.store_for(settings))), prices)
