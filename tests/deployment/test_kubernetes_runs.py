"""The pod of a run, as dagster-k8s makes it from the values of the chart: memory, rights, files, environment."""

from pathlib import Path
from typing import Any

import dagster as dg
import kubernetes
import pytest
import yaml
from dagster._config import process_config, resolve_to_config_type
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin
from dagster._core.test_utils import create_run_for_test
from dagster_k8s import K8sRunLauncher
from dagster_k8s.job import construct_dagster_k8s_job

VALUES = yaml.safe_load((Path(__file__).resolve().parents[2] / "deploy/kubernetes/values.yaml").read_text())
LAUNCHER = VALUES["runLauncher"]["config"]["k8sRunLauncher"]
(LOCATION,) = VALUES["dagster-user-deployments"]["deployments"]
K8S_CONFIG = {"podSpecConfig": "pod_spec_config", "jobSpecConfig": "job_spec_config"}


def names(entries: list[dict[str, str]]) -> list[str]:
    return [entry["name"] for entry in entries]


def launcher() -> K8sRunLauncher:
    """The run launcher of the `dagster.yaml` that the chart makes of the values (_run-launcher.tpl)."""
    settings = {
        "service_account_name": "dagster",
        "instance_config_map": "dagster-instance",
        "postgres_password_secret": VALUES["global"]["postgresqlSecretName"],
        "dagster_home": "/opt/dagster/dagster_home",
        "load_incluster_config": False,
        "job_namespace": "mmm",
        "image_pull_policy": LAUNCHER["imagePullPolicy"],
        "env_config_maps": names(LAUNCHER["envConfigMaps"]),
        "env_secrets": names(LAUNCHER["envSecrets"]),
        "volumes": LAUNCHER["volumes"],
        "volume_mounts": LAUNCHER["volumeMounts"],
        "security_context": LAUNCHER["securityContext"],
        "resources": LAUNCHER["resources"],
        "run_k8s_config": {K8S_CONFIG[key]: value for key, value in LAUNCHER["runK8sConfig"].items()},
    }
    checked = process_config(resolve_to_config_type(K8sRunLauncher.config_type()), settings)
    assert checked.success, checked.errors
    return K8sRunLauncher.from_config_value(None, checked.value)


@pytest.fixture(scope="module")
def job() -> dict[str, Any]:
    """The Kubernetes job of a run of the code location."""
    image = f"{LOCATION['image']['repository']}:{LOCATION['image']['tag']}"
    pointer = ModuleCodePointer("mmm_assets.brands", "config/project.yaml", None)
    code = RepositoryPythonOrigin("python", pointer, image)
    origin = JobPythonOrigin("train", code)
    with pytest.MonkeyPatch.context() as patch, dg.DagsterInstance.ephemeral() as instance:
        patch.setattr(kubernetes.config, "load_kube_config", lambda **_: None)
        run_launcher = launcher()
        context = run_launcher.get_container_context_for_run(
            create_run_for_test(instance, "train", job_code_origin=origin)
        )
        made = construct_dagster_k8s_job(
            context.get_k8s_job_config(image, run_launcher),
            ["dagster", "api", "execute_run"],
            "job",
            context.run_k8s_config,
        )
    found: dict[str, Any] = kubernetes.client.ApiClient().sanitize_for_serialization(made)
    return found


def test_the_location_does_not_hand_its_own_memory_to_its_runs(job: dict[str, Any]) -> None:
    """With `includeConfigInLaunchedRuns` it would, and a fit would have what is enough for a code server."""
    assert LOCATION["includeConfigInLaunchedRuns"] == {"enabled": False}
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert container["resources"] == LAUNCHER["resources"] != LOCATION["resources"]


def test_a_run_has_the_files_and_the_environment_of_its_location(job: dict[str, Any]) -> None:
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["image"].endswith(":0.1.0")
    assert [next(iter(source.values()))["name"] for source in container["envFrom"]] == [
        *names(LOCATION["envConfigMaps"]),
        *names(LOCATION["envSecrets"]),
    ]
    assert container["volumeMounts"] == LOCATION["volumeMounts"]
    assert pod["volumes"] == LOCATION["volumes"]
    assert "env" not in LOCATION, "runs would not have it"


def test_a_run_has_no_rights_and_its_job_goes_away(job: dict[str, Any]) -> None:
    pod = job["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["containers"][0]["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert job["spec"]["ttlSecondsAfterFinished"] == 86400


def test_the_web_server_listens_where_its_probe_asks() -> None:
    web = VALUES["dagsterWebserver"]
    assert web["readinessProbe"]["httpGet"]["port"] == web["service"]["port"] > 1024
