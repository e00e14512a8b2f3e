"""Begins a build: checks the user's input and creates the work folder. Ends it: publishes and cleans up."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

import agenthands.store.builds as publishing
from agenthands.events import BuildStarted, StageFinished, emit, stage
from agenthands.llm.settings import ROLES
from agenthands.schemas import BuildOptions, BuildRecord, BuildRequest, Lineage, StageTime
from agenthands.store.recorder import BuildRecorder
from agenthands.store.recovery import REASON, CrashRecovery, note_begun
from agenthands.store.workdirs import PLAN, BuildContext, build_began, new_build, release, sweep, use_scratch
from agenthands.tasks import dependencies
from agenthands.tasks.code import TRAJECTORY
from agenthands.tasks.openapi import read_descriptions
from agenthands.tasks.retries import RETRY_OUTSIDE


@task(task_run_name="start", cache_policy=NO_CACHE)
def start_build(request: str, options: BuildOptions) -> BuildContext:
    """Return the build under way. Raises UserError before anything is spent."""
    began = build_began()
    use_scratch()
    settings = dependencies.check_machine(request, options)
    dependencies.check_models(settings)
    for role in ROLES:
        dependencies.model_for(settings, role)  # a missing Secret block is reported before anything is spent
    sweep(settings.home / "work", CrashRecovery(lambda url: dependencies.store_of_another(url, settings)))
    build = new_build(BuildRequest(request=request.strip(), **options.model_dump()), settings.home, began)
    try:
        read_descriptions(build)
    except Exception:
        shutil.rmtree(build.folder, ignore_errors=True)
        release(build.folder)
        raise
    emit(
        BuildStarted(
            build.build_id,
            request=build.request.request,
            planner=settings.model("planner").model,
            coder=settings.model("coder").model,
            sandbox=settings.sandbox,
            store=settings.store_url,
            began=began,
        )
    )
    return build


def note_start(build: BuildContext) -> None:
    """Tell the first stage: all from the beginning of the command until now, what the program loads among it."""
    emit(StageFinished(build.build_id, "start", round(time.time() - build.began, 3)))


def start_recorder(build: BuildContext, lineage: Lineage | None = None) -> BuildRecorder:
    """Return the recorder of a build, and save the record that is published if the build is never finished."""
    settings = dependencies.settings_for(build.request.options())
    settled = settings.models()
    models = {name: model.model for name, model in settled.items()}
    fallbacks = {model.fallback.model for model in settled.values() if model.fallback}
    if fallbacks:
        models["fallback"] = ", ".join(sorted(fallbacks))
    ledger = BuildRecorder(build, models, dependencies.budget_for(build), lineage)
    note_begun(build.folder, ledger.record("failed", REASON, "worker_lost"), dependencies.store_for(settings).url)
    return ledger


@task(task_run_name="publish", cache_policy=NO_CACHE, **RETRY_OUTSIDE)
def publish_build(build: BuildContext, record: BuildRecord, bundle: bytes | None) -> BuildRecord:
    """Publish the build, and return its record; the work folder is removed once everything is in the store."""
    settings = dependencies.settings_for(build.request.options())
    with stage(build.build_id, "publish") as note:
        files = _files(build)
        if bundle is not None:
            files["bundle.tar.gz"] = bundle
        began = time.time()

        def finished(record: BuildRecord) -> BuildRecord:
            now = time.time()
            publish = StageTime(name="publish", started=round(began - build.began, 3), seconds=round(now - began, 3))
            stages = [*record.stages, publish]
            return record.model_copy(update={"stages": stages, "seconds": round(now - build.began, 3)})

        published = publishing.publish_build(record, files, dependencies.store_for(settings), finished)
        note.detail = settings.store_url
    shutil.rmtree(build.folder, ignore_errors=True)
    release(build.folder)
    dependencies.release_budget(build)
    return published


def _files(build: BuildContext) -> dict[str, bytes]:
    """Return the files of a build to publish, by name: sources, reports, trajectories, and evidence of failures."""
    files: dict[str, bytes] = {}
    for name in (PLAN, "last-answer.txt", "accept/load-error.txt"):
        if (build.folder / name).is_file():
            files[Path(name).name] = (build.folder / name).read_bytes()
    for transcript in sorted((build.folder / "accept" / "transcripts").glob("*.json*")):
        files[f"acceptance/{transcript.name}"] = transcript.read_bytes()
    made = build.folder / "tools"
    for path in sorted(path for path in made.rglob("*") if path.is_file()):
        relative = path.relative_to(made)
        is_trajectory = relative.parts[1:] == (TRAJECTORY,)
        name = f"trajectories/{relative.parts[0]}.jsonl" if is_trajectory else f"tools/{relative.as_posix()}"
        files[name] = path.read_bytes()
    return files
