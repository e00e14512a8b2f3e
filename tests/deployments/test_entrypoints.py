"""Prefect finds the flows of prefect.yaml, and what it puts on sys.path for them stands in nobody's way."""

import subprocess
import sys
from importlib.metadata import packages_distributions

import pytest
import yaml
from conftest_paths import ROOT
from patience import patient

DEPLOYMENTS = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
# As Prefect runs a deployed flow: from the folder of the pull step. By default it hides an import that fails.
_LOAD = """
import sys
from prefect.flows import load_flow_from_entrypoint
flow = load_flow_from_entrypoint(sys.argv[1], use_placeholder_flow=False)
print(flow.name, sorted(flow.parameters.properties))
"""


@pytest.mark.slow
@pytest.mark.parametrize(("name", "flow"), [
    ("default", "build-agent ['options', 'request']"),
    ("nightly", "build-batch ['builds_at_once', 'deployment', 'options', 'source']"),
])  # fmt: skip
def test_prefect_loads_the_flow_of_a_deployment(name, flow):
    [entrypoint] = [each["entrypoint"] for each in DEPLOYMENTS if each["name"] == name]
    command = [sys.executable, "-P", "-c", _LOAD, entrypoint]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=patient(200))
    assert done.stdout.strip() == flow, done.stderr


def test_no_file_beside_a_flow_is_named_like_a_module_of_a_distribution():
    """Prefect puts the folder of a flow at the head of sys.path."""
    folders = {(ROOT / each["entrypoint"].partition(":")[0]).parent.resolve() for each in DEPLOYMENTS}
    assert folders == {ROOT / "flows"}
    ours = {path.stem for path in (ROOT / "flows").iterdir() if path.suffix == ".py" or path.is_dir()}
    assert {"build_agent", "server"} <= ours
    assert ours & {*packages_distributions(), *sys.stdlib_module_names} == set()
