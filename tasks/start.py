"""Begin a build: check what the user may have to fix, and make its folder."""

from __future__ import annotations

from prefect import task
from prefect.cache_policies import NO_CACHE

from agenthands.events import BuildStarted, emit
from agenthands.killed import REASON, KilledBuilds, note_begun
from agenthands.ledger import Ledger
from agenthands.leftovers import sweep, use_scratch
from agenthands.model_settings import ROLES
from agenthands.models import BuildOptions, BuildRequest
from agenthands.workplace import Build, new_build
from tasks import wiring


@task(task_run_name="start", cache_policy=NO_CACHE)
def start_build(request: str, options: BuildOptions) -> Build:
    """Give the build under way. Raises UserError before anything is spent."""
    use_scratch()
    settings = wiring.check_machine(request, options)
    wiring.check_models(settings)
    for role in ROLES:
        wiring.model_for(settings, role)  # a Secret block that is missing is said before anything is spent
    sweep(settings.home / "work", KilledBuilds(lambda url: wiring.store_of_another(url, settings)))
    build = new_build(BuildRequest(request=request.strip(), **options.model_dump()), settings.home)
    emit(
        BuildStarted(
            build.build_id,
            request=build.request.request,
            planner=settings.model("planner").model,
            coder=settings.model("coder").model,
            sandbox=settings.sandbox,
            store=settings.store_url,
        )
    )
    return build


def start_ledger(build: Build) -> Ledger:
    """Open the book of a build, and note what its record is if nothing more is heard of it."""
    settings = wiring.settings_for(build.request.options())
    models: dict[str, str] = {role: settings.model(role).model for role in ROLES}
    fallbacks = {model.fallback.model for role in ROLES if (model := settings.model(role)).fallback}
    if fallbacks:
        models["fallback"] = ", ".join(sorted(fallbacks))
    ledger = Ledger(build, models, wiring.purse_for(build))
    note_begun(build.folder, ledger.record("failed", REASON), wiring.store_for(settings).url)
    return ledger
