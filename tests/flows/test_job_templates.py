"""The job templates of docker and Kubernetes work pools: Prefect's own classes take them, and make the jobs wanted."""

import asyncio
import json
from pathlib import Path
from pkgutil import resolve_name

import jsonschema
import pytest
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import FlowRun

FOLDER = Path(__file__).parents[2] / "deployments"
KINDS = {"docker": "prefect_docker.worker:DockerWorker", "kubernetes": "prefect_kubernetes.worker:KubernetesWorker"}


def worker(kind):
    return resolve_name(KINDS[kind])


def template(kind):
    return json.loads((FOLDER / f"{kind}-job-template.json").read_text())


def job(kind, **values):
    configuration = asyncio.run(
        worker(kind).job_configuration.from_template_and_values(template(kind), values, client=object())
    )
    configuration.prepare_for_flow_run(FlowRun(name="a report", flow_id="0190b6a5-0000-7000-8000-000000000000"))
    return configuration


@pytest.mark.parametrize("kind", KINDS)
def test_a_pool_takes_the_template_and_its_defaults_fit_it(kind):
    WorkPoolCreate(name="agenthands", type=kind, base_job_template=template(kind))
    variables = template(kind)["variables"]
    jsonschema.Draft202012Validator.check_schema(variables)
    defaults = {name: each["default"] for name, each in variables["properties"].items() if "default" in each}
    jsonschema.validate(defaults, variables)


@pytest.mark.parametrize("kind", KINDS)
def test_all_that_prefects_own_template_can_set_can_be_set(kind):
    own = worker(kind).get_default_base_job_template()
    assert set(own["variables"]["properties"]) <= set(template(kind)["variables"]["properties"])
    assert set(own["job_configuration"]) == set(template(kind)["job_configuration"])


def test_a_docker_run_may_make_sandboxes_and_is_never_root():
    made = job("docker", env={"GEMINI_API_KEY": "x"})
    assert (made.image, made.auto_remove) == ("agenthands", True)
    assert made.privileged
    assert made.container_create_kwargs["user"] == "1000"
    assert "no-new-privileges=true" in made.container_create_kwargs["security_opt"]
    assert made.env["GEMINI_API_KEY"] == "x"


def test_a_kubernetes_job_takes_its_keys_from_a_secret_and_is_not_root():
    made = job("kubernetes", image="registry.example.com/agenthands:1", memory_limit="16Gi")
    pod = made.job_manifest["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["image"] == "registry.example.com/agenthands:1"
    assert container["envFrom"] == [{"secretRef": {"name": "agenthands", "optional": True}}]
    assert container["resources"]["limits"]["memory"] == "16Gi"
    assert container["securityContext"]["runAsNonRoot"]
    assert not pod["automountServiceAccountToken"]
    assert container["args"], "the command of the run"
