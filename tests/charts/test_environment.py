"""The chart sets what processes read: names and values fit their settings, and nothing that they need is missing."""

import json
import os
import re
from functools import cache
from pathlib import Path

import pytest
from chart_rendering import CASES, SERVICES, of_kind, pods, rendered, values_of
from pydantic import BaseModel, SecretStr

from services.classification.settings import ReplicaSettings
from services.classification.settings import Settings as Classification
from services.explanation.settings import Settings as Explanation
from services.synthesis.settings import Settings as Synthesis
from services.training.settings import Settings as Training
from services.tuning.settings import Settings as Tuning
from synthoscope.client import ClientSettings
from synthoscope.local import environment as local_environment
from synthoscope.local.processes import PROCESSES
from synthoscope.local.state import StackState
from synthoscope.objects import ObjectStoreSettings
from synthoscope.rpc.auth import Authenticator, Caller
from synthoscope_ray.settings import ProgramSettings

SETTINGS = {
    "training": (Training,),
    "synthesis": (Synthesis,),
    "classification": (Classification,),
    "explanation": (Explanation,),
    "tuning": (Tuning,),
    "explanation-worker": (Explanation,),
    "ray-head": (ProgramSettings, ReplicaSettings),
    "ray-worker": (ProgramSettings, ReplicaSettings),
    "buckets": (ReplicaSettings,),
    "release-test": (ClientSettings,),
}
# What is not ours, and who reads it.
FOREIGN = {
    "HOME": "Python's libraries",
    "PYTHONUNBUFFERED": "Python",
    "OMP_WAIT_POLICY": "torch",
    "RAY_ADDRESS": "Ray",
    "RAY_AUTH_MODE": "Ray",
    "RAY_AUTH_TOKEN": "Ray, and synthoscope_ray.runner",
    "RAY_USAGE_STATS_ENABLED": "Ray",
    "POD_IP": "the edge's command line",
    "RELEASE_TEST_DIAGNOSE": "files/release_test.py",
    "TZ": "a value of the test's",
}
SECRET = "0123456789abcdef" * 4


@cache
def variables(kind):
    """Every variable that settings can be told by, as pydantic-settings names them."""
    prefix = kind.model_config["env_prefix"]
    return {f"{prefix}{path}".upper() for path in _paths(kind)}


def _paths(model):
    for name, field in model.model_fields.items():
        parts = [part for part in (field.annotation, *getattr(field.annotation, "__args__", ())) if _is_model(part)]
        yield name
        for part in parts:
            yield from (f"{name}__{path}" for path in _paths(part))


def _is_model(part):
    return isinstance(part, type) and issubclass(part, BaseModel)


def environment(container):
    """What the container's process sees, with something in place of secrets."""
    return {entry["name"]: entry.get("value", SECRET) for entry in container["env"]}


def containers(case):
    for pod in pods(rendered(case)):
        if pod.component in SETTINGS:
            yield from ((pod.component, container) for container in pod.spec["containers"])


@pytest.mark.parametrize("case", CASES)
def test_every_variable_is_one_that_the_process_reads(case):
    checked = set()
    for component, container in containers(case):
        known = set().union(*(variables(kind) for kind in SETTINGS[component])) | set(FOREIGN)
        names = [entry["name"] for entry in container["env"]]
        assert len(names) == len(set(names)), container["name"]
        assert set(names) <= known, container["name"]
        checked.add(component)
    assert checked >= set(SETTINGS) - {"buckets"}


@pytest.mark.parametrize("case", CASES)
def test_the_settings_take_what_the_chart_sets(case, monkeypatch):
    for component, container in containers(case):
        if container["name"] == "autoscaler":
            continue
        with monkeypatch.context() as patch:
            for name in [name for name in os.environ if name.startswith("SYNTHOSCOPE_")]:
                patch.delenv(name)
            for name, value in environment(container).items():
                patch.setenv(name, value)
            for kind in SETTINGS[component]:
                kind()  # raises ValidationError when a variable is missing or wrong


def test_a_variable_that_nobody_reads_would_be_found():
    assert "SYNTHOSCOPE_SERVER__DRAIN_SECONDS" in variables(Training)
    assert "SYNTHOSCOPE_SERVER__JWT__JWKS" in variables(Training)
    assert "SYNTHOSCOPE_SERVER__DRAIN" not in variables(Training)
    assert "SYNTHOSCOPE_SERVE__REPLICAS" not in variables(Training)


def test_services_listen_where_the_ports_are():
    for component, container in containers("defaults"):
        if component in (*SERVICES, "explanation-worker"):
            values, ports = environment(container), {port["name"]: port["containerPort"] for port in container["ports"]}
            assert values["SYNTHOSCOPE_SERVER__HOST"] == values["SYNTHOSCOPE_SERVER__METRICS_HOST"] == "0.0.0.0"
            assert int(values["SYNTHOSCOPE_SERVER__METRICS_PORT"]) == ports["metrics"]
            assert int(values["SYNTHOSCOPE_SERVER__PORT"]) == ports.get("grpc", 50051)


@cache
def _local_variables():
    """What the local stack gives its processes, by their names."""
    names = [name for process in PROCESSES for name in process.ports]
    objects = ObjectStoreSettings(endpoint="127.0.0.1:1", access_key="a", secret_key=SecretStr("s"))
    state = StackState(
        stack="s", home=Path("/h"), runtime=Path("/r"), processes=tuple(process.name for process in PROCESSES),
        ports=dict.fromkeys(names, 1), token="t", ray_token="t", supervisor_password="p", pseudonym_key=SECRET,
        objects=objects, ray_storage=objects.other_bucket("synthoscope-ray", "b", SecretStr("b")),
        redis={"host": "127.0.0.1", "port": 1, "password": "p"},
    )  # fmt: skip
    common = set(local_environment.of_stack(state))
    return {process.name: common | set(process.environment(state)) for process in PROCESSES}


# The local stack writes every field of these settings; the chart leaves what has a default to it.
TUNABLE = re.compile(
    r"SYNTHOSCOPE_(OBJECTS__(CONNECT_TIMEOUT|READ_TIMEOUT|RETRIES|CONNECTIONS)|REDIS__(TIMEOUT|RETRIES|CONNECTIONS))"
)
# Jobs speak to the cluster that they are in.
NOT_ON_RAYS_NODES = {"SYNTHOSCOPE_RAY__DASHBOARD_URL"}


@pytest.mark.parametrize("component", [*SERVICES, "explanation-worker", "ray-head", "ray-worker"])
def test_the_chart_sets_what_the_local_stack_sets(component):
    on_ray = component.startswith("ray")
    read = set().union(*(variables(kind) for kind in SETTINGS[component])) - (NOT_ON_RAYS_NODES if on_ray else set())
    local = {name for name in _local_variables()["ray" if on_ray else component] & read if not TUNABLE.fullmatch(name)}
    assert len(local) > 8
    set_by_chart = set()
    for found, container in containers("defaults"):
        if found == component and container["name"] != "autoscaler":
            set_by_chart |= set(environment(container))
    assert local - set_by_chart == set()


def test_secrets_go_only_to_those_who_need_them():
    holders: dict[str, set[str]] = {}
    for pod in pods(rendered("defaults")):
        for container in pod.spec["containers"]:
            for entry in container.get("env", []):
                if reference := entry.get("valueFrom", {}).get("secretKeyRef"):
                    holders.setdefault(reference["key"], set()).add(pod.component)
    assert holders["pseudonym-key"] == {"training", "classification"}
    assert holders["ray-secret-key"] == {"ray-head", "ray-worker", "object-store", "buckets"}
    assert holders["auth_token"] == {
        "training", "synthesis", "classification", "tuning", "ray-head", "ray-worker",
    }  # fmt: skip
    assert holders["token"] == {"release-test"}


@pytest.mark.parametrize("case", CASES)
def test_secrets_that_pods_name_are_made_or_given(case):
    made = {found["metadata"]["name"]: set(found["stringData"]) for found in of_kind(rendered(case), "Secret")}
    given = set(re.findall(r'"existingSecret": "([^"]+)"', json.dumps(values_of(case)))) | {"tls", "synthoscope-tls"}
    for pod in pods(rendered(case)):
        text = json.dumps(pod.spec)
        named = set(re.findall(r'"secretName": "([^"]+)"', text))
        for container in pod.spec["containers"]:
            for entry in container.get("env", []):
                if reference := entry.get("valueFrom", {}).get("secretKeyRef"):
                    named.add(reference["name"])
                    assert reference["name"] in given or reference["key"] in made[reference["name"]]
        assert named <= set(made) | given, pod.owner


def test_the_tokens_that_the_chart_makes_let_in_whoever_has_the_token(tmp_path):
    secret = next(found for found in of_kind(rendered("defaults"), "Secret") if "tokens.json" in found["stringData"])
    file = tmp_path / "tokens.json"
    file.write_text(secret["stringData"]["tokens.json"])
    metadata = [("authorization", f"Bearer {secret['stringData']['token']}")]
    assert Authenticator.load(file).authenticate(metadata) == Caller("default", "helm", frozenset({"admin"}))
