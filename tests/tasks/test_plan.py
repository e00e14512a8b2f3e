"""Which plans are asked for anew."""

from agenthands.environments.nat_registry import NatRegistry
from agenthands.llm.scripted.provider import SCRIPTS
from agenthands.planning.objections import PlanResult, ServerFeedback
from agenthands.schemas import BuildRequest, Plan
from agenthands.store.cache_keys import plan_key
from agenthands.store.workdirs import BuildContext
from agenthands.tasks import dependencies
from agenthands.tasks.plan import forget_plan

PLAN = Plan.model_validate_json((SCRIPTS / "data-report" / "plan.json").read_text())
REGISTRY = NatRegistry(version="1", scaffolds={}, builtins={})


def test_a_plan_that_answered_an_objection_is_forgotten_with_the_one_that_led_to_it(tmp_path, monkeypatch):
    monkeypatch.setenv("AGENTHANDS_HOME", str(tmp_path / "home"))
    request = BuildRequest(request="a report", planner="scripted/data-report", store=str(tmp_path / "store"))
    build = BuildContext(build_id="a", request=request, folder=tmp_path)
    settings = dependencies.settings_for(request.options())
    store, catalogue = dependencies.store_for(settings), dependencies.catalogue_for(settings)
    objection, other = (
        ServerFeedback(PlanResult.model_construct(plan=PLAN), {server: ["does not start"]})
        for server in ("time", "weather")
    )
    planner = settings.model("planner")
    keys = [plan_key("a report", planner, REGISTRY, catalogue, against) for against in (None, objection, other)]
    for key in keys:
        store.put(f"{key}/result.json", b"a plan")
    forget_plan(build, REGISTRY, [objection])
    assert [store.get(f"{key}/result.json") for key in keys] == [b"", b"", b"a plan"]
