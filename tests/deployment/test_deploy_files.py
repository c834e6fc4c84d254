"""The files under deploy/: as far as they can be proven without Docker and Kubernetes."""

import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster._core.instance.ref import InstanceRef
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from mmm_assets.commands.new_project import _TEMPLATE
from mmm_core.config.loading import load_config

REPOSITORY = Path(__file__).resolve().parents[2]
DEPLOY = REPOSITORY / "deploy"
ENVIRONMENT = {
    "MLFLOW_TRACKING_URI": "http://mlflow:5000",
    "MMM_DAGSTER_POSTGRES_URL": "postgresql://dagster:word@host/dagster",
    "MMM_BUCKET": "bucket",
}
CHART_KEYS = {
    "": "global generatePostgresqlPasswordSecret postgresql dagsterWebserver dagsterDaemon concurrency "
    "telemetry runLauncher dagster-user-deployments",
    "postgresql": "enabled postgresqlHost postgresqlUsername postgresqlPassword postgresqlDatabase "
    "postgresqlParams postgresqlScheme image service",
    "dagsterWebserver": "replicaCount image nameOverride service workspace env envConfigMaps envSecrets labels "
    "volumes volumeMounts podSecurityContext securityContext resources enableReadOnly pathPrefix logLevel "
    "readinessProbe livenessProbe startupProbe",
    "dagsterDaemon": "enabled image runCoordinator heartbeatTolerance env envConfigMaps envSecrets volumes "
    "volumeMounts podSecurityContext securityContext resources runMonitoring runRetries sensors schedules",
    "concurrency": "enabled pools runs",
    "concurrency.pools": "defaultLimit granularity opGranularityRunBuffer",
    "concurrency.runs": "maxConcurrentRuns tagConcurrencyLimits",
    "runLauncher": "type config",
    "runLauncher.config.k8sRunLauncher": "image imagePullPolicy jobNamespace loadInclusterConfig kubeconfigFile "
    "envConfigMaps envSecrets envVars volumeMounts volumes labels resources runK8sConfig failPodOnRunFailure "
    "schedulerName securityContext",
    "runLauncher.config.k8sRunLauncher.runK8sConfig": "containerConfig podSpecConfig podTemplateSpecMetadata "
    "jobSpecConfig jobMetadata",
    "dagster-user-deployments": "enabled enableSubchart imagePullSecrets deployments",
}
"""Keys of Dagster's own chart, from its schema (dagster-io/dagster, helm/dagster/schema); a misspelled one would
be refused or, where the chart is lenient, do nothing."""
DEPLOYMENT_KEYS = (
    "name image port dagsterApiGrpcArgs codeServerArgs includeConfigInLaunchedRuns env envConfigMaps envSecrets "
    "annotations nodeSelector affinity tolerations podSecurityContext securityContext resources livenessProbe "
    "readinessProbe startupProbe labels volumeMounts volumes schedulerName"
)


def read(name: str) -> Any:
    return yaml.safe_load((DEPLOY / name).read_text(encoding="utf-8"))


def at(values: Any, path: str) -> Any:
    for part in path.split(".") if path else ():
        values = values[part]
    return values


def test_values_have_only_keys_of_the_chart() -> None:
    values = read("kubernetes/values.yaml")
    for path, known in CHART_KEYS.items():
        assert set(at(values, path)) <= set(known.split()), path
    for deployment in values["dagster-user-deployments"]["deployments"]:
        assert set(deployment) <= set(DEPLOYMENT_KEYS.split())


def test_the_chart_is_of_the_installed_version() -> None:
    text = (DEPLOY / "kubernetes/values.yaml").read_text()
    assert set(re.findall(r"\d+\.\d+\.\d+(?=[ :\n])", text)) - {"0.1.0"} == {dg.__version__}


def test_what_the_values_refer_to_is_in_the_examples() -> None:
    values = (DEPLOY / "kubernetes/values.yaml").read_text()
    names = set()
    for name in ("secret.example.yaml", "configmap.example.yaml"):
        for document in yaml.safe_load_all((DEPLOY / "kubernetes" / name).read_text()):
            assert {"apiVersion", "kind", "metadata"} <= set(document)
            names.add(document["metadata"]["name"])
    asked = set(re.findall(r"(?:name|SecretName): (mmm-(?!config)\w+)", values))
    assert asked == names


def test_every_service_of_the_compose_file_is_hardened_and_local() -> None:
    services = read("docker-compose.yaml")["services"]
    assert set(services) == {"postgres", "mlflow", "code", "daemon", "webserver", "webserver-read-only"}
    for name, service in services.items():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ())), name
        assert "healthcheck" in service or name == "code", "the image has the code location's"
        assert ":latest" not in service["image"]
        if name != "postgres":
            assert service["read_only"]
            assert service["cap_drop"] == ["ALL"]
    assert "--read-only" in services["webserver-read-only"]["command"]
    assert services["webserver-read-only"]["profiles"] == ["read-only"]
    known = {volume.partition(":")[0] for service in services.values() for volume in service.get("volumes", ())}
    named = {volume for volume in known if not volume.startswith(".")}
    assert named == set(read("docker-compose.yaml")["volumes"])


def test_locations_of_the_workspace_are_services() -> None:
    services = read("docker-compose.yaml")["services"]
    for entry in read("workspace.yaml")["load_from"]:
        assert entry["grpc_server"]["host"] in services


def test_the_image_runs_as_nobody_special_and_is_pinned() -> None:
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    instructions = [line.split()[0] for line in lines if line and not line.startswith((" ", "#"))]
    assert instructions.index("USER") < instructions.index("HEALTHCHECK") < instructions.index("CMD")
    assert instructions.count("FROM") == 2
    (python,) = [line for line in lines if line.startswith("ARG PYTHON=")]
    assert re.fullmatch(r"ARG PYTHON=3\.11\.\d+-slim-\w+", python)
    assert any("--no-deps --require-hashes -r requirements.lock" in line for line in lines)
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text().split()
    for line in lines:
        if line.startswith("COPY ") and "--from" not in line:
            for source in [part for part in line.split()[1:-1] if not part.startswith("--")]:
                assert (REPOSITORY / source).exists()
                assert f"!{source.removeprefix('./')}" in ignored


def pins(path: Path) -> dict[str, str]:
    """Name and version (with its marker) of every package of a lock file."""
    return dict(re.findall(r"^([\w.-]+)(==[^\\]+)", path.read_text(encoding="utf-8"), re.MULTILINE))


def test_the_image_has_the_locked_versions_of_everything_but_the_tools() -> None:
    """Every package that the project asks for outside the extra `dev`, and none of the others' versions differ."""
    image, everything = pins(DEPLOY / "requirements.lock"), pins(REPOSITORY / "requirements.lock")
    assert image.items() <= everything.items()
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = {name: asked for name, asked in project["optional-dependencies"].items() if name != "dev"}
    asked = [*project["dependencies"], *(one for extra in extras.values() for one in extra)]
    assert {canonicalize_name(Requirement(one).name) for one in asked} <= set(image)
    assert "hatchling" in image, "installs the project"
    assert not {"pytest", "mypy", "ruff", "moto"} & set(image)


def test_there_are_no_secrets() -> None:
    """Passwords are asked for, or empty, or stand for what belongs there."""
    for path in DEPLOY.rglob("*"):
        for found in re.findall(r"://\w+:([^@\s]+)@", path.read_text() if path.is_file() else ""):
            assert found == "PASSWORD" or found.startswith("${POSTGRES_PASSWORD:?")
    for line in (DEPLOY / "env.example").read_text().splitlines():
        assert line.startswith("#") or line.endswith("=")


def test_dagster_accepts_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dagster.yaml").write_text((DEPLOY / "dagster.yaml").read_text())
    monkeypatch.setenv("MMM_DAGSTER_POSTGRES_URL", "postgresql+psycopg2://dagster:word@host/dagster")
    reference = InstanceRef.from_dir(str(tmp_path))
    assert reference.settings["concurrency"]["pools"]["default_limit"] == 1
    assert reference.storage_data.class_name == "DagsterPostgresStorage"


@pytest.mark.parametrize("profile", ["docker", "k8s"])
def test_a_new_project_has_the_profiles(profile: str, tmp_path: Path) -> None:
    path = tmp_path / "acme.yaml"
    path.write_text(_TEMPLATE.format(name="acme", path=path, prefix="acme"))
    config = load_config(path, profile, environ=ENVIRONMENT).config
    main = load_config(REPOSITORY / "config/project.yaml", profile, environ=ENVIRONMENT).config
    assert config.paths.storage != main.paths.storage
    assert config.deployment.dagster_home == main.deployment.dagster_home
    assert config.deployment.dagster_storage == main.deployment.dagster_storage
    assert config.logging.format == main.logging.format == "json"


def test_the_entry_point_that_containers_use_exists() -> None:
    """Every program and module named in the compose file and the Dockerfile can be found."""
    text = (DEPLOY / "docker-compose.yaml").read_text() + (DEPLOY / "Dockerfile").read_text()
    for module in set(re.findall(r"-m[\", ]+(mmm_assets\.\w+)", text)):
        assert (REPOSITORY / module.replace(".", "/")).with_suffix(".py").exists()
    programs = Path(sys.executable).parent
    for program in ("dagster", "dagster-daemon", "dagster-webserver", "mlflow"):
        assert (programs / program).exists()
