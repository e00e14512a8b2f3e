"""Put a build into the store and clear its work folder."""

from __future__ import annotations

import shutil
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

import agenthands.publishing as publishing
from agenthands.events import stage
from agenthands.gate.workspace import tests_path, tool_path
from agenthands.models import BuildRecord
from agenthands.workplace import Build
from tasks import wiring
from tasks.retrying import RETRY_OUTSIDE


@task(cache_policy=NO_CACHE, **RETRY_OUTSIDE)
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
    return published


def _files(build: Build) -> dict[str, bytes]:
    """Collect what is kept of a build: sources, gate reports, trajectories, and what explains a failure."""
    files: dict[str, bytes] = {}
    for name in ("plan.json", "last-answer.txt", "accept/load-error.txt"):
        if (build.folder / name).is_file():
            files[Path(name).name] = (build.folder / name).read_bytes()
    for transcript in sorted((build.folder / "accept" / "transcripts").glob("*.json")):
        files[f"acceptance/{transcript.name}"] = transcript.read_bytes()
    for folder in sorted((build.folder / "tools").glob("*")):
        tool = folder.name
        for relative in ("spec.json", tool_path(tool), tests_path(tool)):
            path = build.workspace(tool) / relative
            if path.is_file() and not path.is_symlink():
                files[f"tools/{tool}/{relative}"] = path.read_bytes()
        for report in sorted(folder.glob("gate-*.json")):
            files[f"tools/{tool}/{report.name}"] = report.read_bytes()
        if events := wiring.trajectory(build.conversation(tool)):
            files[f"trajectories/{tool}.jsonl"] = events
    return files
