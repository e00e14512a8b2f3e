"""What bootstrap says and what must agree with it; that it prepares a server, test_serving shows."""

import shlex

import pytest
import yaml
from conftest_paths import ROOT
from prefect.settings.models.flows import FlowsSettings
from pydantic import ValidationError

from agenthands.flows.server.bootstrap import SILENCE_SECONDS, worker_command
from agenthands.flows.server.deployments import HEARTBEAT_SECONDS


def test_a_deployed_run_sends_heartbeats_as_often_as_one_of_the_command_line():
    for deployment in yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]:
        variables = deployment["work_pool"]["job_variables"]["env"]
        assert variables["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"] == str(HEARTBEAT_SECONDS)


def test_heartbeats_are_as_often_as_prefect_allows_and_two_may_be_lost():
    FlowsSettings(heartbeat_frequency=HEARTBEAT_SECONDS)
    with pytest.raises(ValidationError):
        FlowsSettings(heartbeat_frequency=HEARTBEAT_SECONDS - 1)
    assert SILENCE_SECONDS >= 3 * HEARTBEAT_SECONDS


@pytest.mark.parametrize(("url", "small"), [
    ("http://127.0.0.1:4200/api", True),
    ("https://prefect.example/api", False),
    ("", False),
])  # fmt: skip
def test_a_worker_is_kept_small_where_no_certificate_is_asked_for(url, small):
    *variables, prefect, worker, start, option, pool = shlex.split(worker_command("my pool", url))
    assert (prefect, worker, start, option, pool) == ("prefect", "worker", "start", "--pool", "my pool")
    file = ROOT / "deployments" / "no-tls.pem"
    assert variables == ([f"PREFECT_API_SSL_CERT_FILE={file}"] if small else [])
