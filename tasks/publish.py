"""Put a build into the store and clear its work folder."""

from __future__ import annotations

import shutil
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

import agenthands.publishing as publishing
from agenthands.events import stage
from agenthands.leftovers import release
from agenthands.models import BuildRecord
from agenthands.workplace import PLAN, Build
from tasks import wiring
from tasks.make import TRAJECTORY
from tasks.retrying import RETRY_OUTSIDE


@task(task_run_name="publish", cache_policy=NO_CACHE, **RETRY_OUTSIDE)
def publish_build(build: Build, record: BuildRecord, bundle: bytes | None) -> BuildRecord:
    """Give the record as published. The work folder is removed only after everything is in the store."""
    settings = wiring.settings_for(build.request.options())
    with stage(build.build_id, "publish") as note:
        files = _files(build)
        if bundle is not None:
            files["bundle.tar.gz"] = bundle
        published = publishing.publish_build(record, files, wiring.store_for(settings))
        note.detail = settings.store_url
    shutil.rmtree(build.folder, ignore_errors=True)
    release(build.folder)
    wiring.forget_purse(build)
    return published


def _files(build: Build) -> dict[str, bytes]:
    """Collect what is kept of a build: sources, gate reports, trajectories, and what explains a failure."""
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
