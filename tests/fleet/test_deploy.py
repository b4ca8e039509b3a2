"""What deploy/ ships is valid, fits the program that it runs, and works under the rules that it sets."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from codemode.host.arguments import parse
from codemode.metrics.reporting import Reporting
from codemode.runtime.local import LocalSessionProvider

from .container import contained, why_not

DEPLOY = Path(__file__).parents[2] / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
FILES = sorted(each.name for each in KUBERNETES.glob("*.yaml"))
VERSIONS = ["1.32.0", "1.33.0", "1.34.0", "1.35.0", "1.36.0", "1.37.0"]
OWN_KINDS = {"Kustomization", "ScaledObject"}
"""Kinds that are not Kubernetes' own; their schemas are their makers'."""


def documents(name: str) -> list[Any]:
    """All objects of a file."""
    return list(yaml.safe_load_all((KUBERNETES / name).read_text("utf-8")))


def pod() -> Any:
    (deployment,) = documents("deployment.yaml")
    return deployment["spec"]["template"]["spec"]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_object_is_one_of_this_kubernetes(version: str) -> None:
    for name in FILES:
        for each in documents(name):
            if each["kind"] not in OWN_KINDS:
                kubernetes_validate.validate(each, version, strict=True)


def test_a_misspelt_field_would_be_found() -> None:
    (service,) = documents("service.yaml")
    service["spec"]["clusterIp"] = service["spec"].pop("clusterIP")
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(service, VERSIONS[-1], strict=True)


def test_the_kustomization_names_files_that_are_there() -> None:
    (kustomization,) = documents("kustomization.yaml")
    text = (KUBERNETES / "kustomization.yaml").read_text("utf-8")
    optional = re.findall(r"# - (\S+\.yaml)", text)

    assert sorted([*kustomization["resources"], *optional, "kustomization.yaml"]) == FILES


def test_the_host_takes_the_arguments_of_its_pod_and_ends_in_its_time() -> None:
    container = pod()["containers"][0]
    image = (DEPLOY / "Dockerfile").read_text("utf-8")
    entry = json.loads(re.findall(r"^ENTRYPOINT (.*)$", image, re.MULTILINE)[0])

    found = parse([*entry[2:], *container["args"]])

    assert entry[:2] == ["codemode", "host"]
    assert (found.listen, found.status) == ("grpc://0.0.0.0:50051", "http://0.0.0.0:9464")
    ports = {each["name"]: each["containerPort"] for each in container["ports"]}
    assert ports == {"grpc": 50051, "status": 9464}
    assert pod()["terminationGracePeriodSeconds"] >= found.numbers["drain-seconds"] + 10
    mounted = {each["mountPath"] for each in container["volumeMounts"]}
    assert {str(Path(each).parent) for each in found.files.values()} == mounted


def test_the_pod_has_no_right_that_it_does_not_need() -> None:
    found, container = pod(), pod()["containers"][0]

    assert found["automountServiceAccountToken"] is False
    assert (
        found["securityContext"].items()
        >= {
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "seccompProfile": {"type": "RuntimeDefault"},
        }.items()
    )
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    (policy,) = documents("network-policy.yaml")
    assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert policy["spec"]["egress"] == []
    assert "\nUSER 65532:65532\n" in (DEPLOY / "Dockerfile").read_text("utf-8")


async def test_autoscalers_ask_for_figures_that_hosts_tell() -> None:
    asked = set()
    for name in ("autoscaler.yaml", "keda.yaml"):
        asked |= set(re.findall(r"codemode_\w+", (KUBERNETES / name).read_text("utf-8")))
    async with LocalSessionProvider() as provider:
        reporting = Reporting(provider, max_sessions=1, max_cells=1)
        text = (await reporting._metrics()).body.decode()

    assert asked == {
        "codemode_sessions",
        "codemode_session_capacity",
        "codemode_live_cells",
        "codemode_cell_capacity",
    }
    assert asked <= set(re.findall(r"^codemode_\w+", text, re.MULTILINE))


def test_envoy_routes_by_the_header_that_clients_show() -> None:
    envoy = yaml.safe_load((DEPLOY / "envoy.yaml").read_text("utf-8"))
    (listener,) = envoy["static_resources"]["listeners"]
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    session = manager["http_filters"][0]["typed_config"]["session_state"]

    (cluster,) = envoy["static_resources"]["clusters"]
    routed = cluster["common_lb_config"]["override_host_status"]["statuses"]

    assert session["typed_config"]["name"] == "x-code-mode-route"
    assert {"UNHEALTHY", "DRAINING"} <= set(routed)  # a full host is not ready, and has sessions
    assert manager["stream_idle_timeout"] == "0s"
    assert manager["route_config"]["virtual_hosts"][0]["routes"][0]["route"]["timeout"] == "0s"


@pytest.mark.skipif(shutil.which("haproxy") is None, reason="HAProxy is not installed")
def test_haproxy_takes_its_configuration() -> None:
    checked = subprocess.run(
        ["haproxy", "-c", "-f", str(DEPLOY / "haproxy.cfg")],
        capture_output=True,
        check=False,
        text=True,
    )

    assert checked.returncode == 0, checked.stderr


def test_cells_run_under_the_rules_of_the_container() -> None:
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)

    examined = contained("doctor")
    ran = contained("run", "-e", "text(1 + 1)")

    assert examined.returncode == 0, examined.stdout + examined.stderr
    assert "✗" not in examined.stdout
    assert (ran.returncode, ran.stdout) == (0, "2\n"), ran.stderr
