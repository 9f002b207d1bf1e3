"""What Helm makes of the chart is what Kubernetes and KubeRay take, for every values file and every switch."""

import importlib.util
import json
import subprocess
import sys
from functools import cache

import helm_python
import jsonschema
import kubernetes_validate
import kubernetes_validate.utils
import pytest
from chart_rendering import CASES, CHART, FILES, NAMESPACE, ROOT, STORES, notes, of_kind, render, rendered, values_of

KUBERAY = ROOT.parent / "shared" / "schemas" / "kuberay" / "RayCluster.v1.schema.json"
NEWEST = sorted({tuple(map(int, version.split(".")[:2])) for version in kubernetes_validate.utils.all_versions()})[-3:]
CUSTOM = {
    "RayCluster",
    "ScaledObject",
    "TriggerAuthentication",
    "ServiceMonitor",
    "PodMonitor",
    "PrometheusRule",
    "GRPCRoute",
    "Certificate",
}


@pytest.fixture(autouse=True, scope="module")
def _schemas_are_read_once():
    """kubernetes-validate would read all definitions again for each object."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kubernetes_validate.utils, "schema_contents", cache(kubernetes_validate.utils.schema_contents))
        yield


@pytest.mark.parametrize("case", CASES)
def test_lint_finds_nothing_but_that_there_is_no_icon(case):
    report = helm_python.lint(CHART, values_of(case), strict=True, namespace=NAMESPACE)
    assert report["errors"] == []
    assert [message["error"] for message in report["messages"]] == ["icon is recommended"]


@pytest.mark.parametrize("case", CASES)
def test_built_in_objects_are_valid_for_the_three_newest_kubernetes(case):
    assert len(NEWEST) == 3
    builtin = [found for found in rendered(case) if found["kind"] not in CUSTOM]
    assert builtin
    for found in builtin:
        for major, minor in NEWEST:
            kubernetes_validate.validate(found, f"{major}.{minor}", strict=True)


def strict(schema):
    """A structural schema as JSON schema, unknown fields refused."""
    if isinstance(schema, list):
        return [strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: strict(part) for key, part in schema.items() if key not in ("description", "default", "format")}
    if schema.get("x-kubernetes-int-or-string"):
        made["type"] = ["integer", "string"]
    free = schema.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in schema
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object" and not free:
        made["additionalProperties"] = False
    return made


@pytest.mark.skipif(not KUBERAY.exists(), reason="KubeRay's schemas are not beside this checkout")
@pytest.mark.parametrize("case", CASES)
def test_ray_clusters_are_what_kuberay_takes(case):
    validator = jsonschema.Draft202012Validator(strict(json.loads(KUBERAY.read_text())))
    clusters = of_kind(rendered(case), "RayCluster")
    assert clusters
    for cluster in clusters:
        validator.validate(cluster)
        cluster_with_a_typo = cluster | {"spec": cluster["spec"] | {"rayVersoin": "2.60.0"}}
        assert not validator.is_valid(cluster_with_a_typo)


@pytest.mark.parametrize("case", CASES)
def test_names_and_namespaces(case):
    names = [(found["kind"], found["metadata"]["name"]) for found in rendered(case)]
    assert len(names) == len(set(names))
    assert all(found["metadata"]["namespace"] == NAMESPACE for found in rendered(case))
    assert all(len(name) <= 63 for _, name in names)


@pytest.mark.parametrize("case", FILES)
def test_notes_name_what_to_wait_for(case):
    assert "rollout status deployment/synthoscope-classification" in notes(case)
    assert ("for trying" in notes(case)) == (case != "production")


WRONG = {
    "unknown key": ({"servces": {}}, "servces"),
    "unknown key below": ({"ray": {"head": {"resourcs": {}}}}, "resourcs"),
    "type": ({"server": {"drainSeconds": "soon"}}, "drainSeconds"),
    "choice": ({"ray": {"upgradeStrategy": "Rolling"}}, "upgradeStrategy"),
    "root": ({"podSecurity": {"runAsUser": 0}}, "runAsUser"),
    "endpoint without a port": ({"objectStore": {"endpoint": "s3.example"}}, "endpoint"),
    "no GPU workers": ({"ray": {"jobs": {"workerGpus": 1}}}, "gpuWorkers.maxReplicas is 0"),
    "more GPUs than a worker has": (
        {"ray": {"jobs": {"workerGpus": 2}, "gpuWorkers": {"maxReplicas": 1}}},
        "more than a GPU worker has",
    ),
    "more at least than at most": ({"ray": {"cpuWorkers": {"minReplicas": 9}}}, "cpuWorkers.minReplicas"),
    "replicas": ({"ray": {"serve": {"replicas": 3, "mostReplicas": 2}}}, "mostReplicas"),
    "no keys for a store": ({"objectStore": {"endpoint": "s3.example:9000"}}, "objectStore.existingSecret"),
    "no password for Redis": ({"redis": {"host": "redis.example"}}, "redis.existingSecret"),
    "one bucket": ({"objectStore": {"rayBucket": "synthoscope"}}, "rayBucket"),
    "one Redis": (
        STORES | {"ray": {"gcsFaultTolerance": {"redis": {"address": "redis.example:6390", "existingSecret": "r"}}}},
        "needs one of its own",
    ),
    "two certificates": (
        {"server": {"tls": {"existingSecret": "tls", "certManager": {"enabled": True, "issuerRef": {"name": "i"}}}}},
        "only one of them",
    ),
    "client certificates without TLS": ({"server": {"tls": {"clientCertificates": True}}}, "clientCertificates"),
    "JWT without an issuer": ({"tokens": {"jwt": {"jwks": "https://id.example/keys"}}}, "issuer and audience"),
    "nobody wakes workers": (
        {"explanationWorker": {"keda": {"enabled": True, "minReplicas": 0, "prometheusAddress": "http://p:9090"}}},
        "redisTrigger",
    ),
    "KEDA without a trigger": ({"explanationWorker": {"keda": {"enabled": True}}}, "prometheusAddress"),
    "one generation twice": ({"ray": {"generation": "a", "previous": [{"generation": "a"}]}}, "ray.previous"),
    "stores without addresses": (STORES | {"networkPolicy": {"objectStore": []}}, "networkPolicy.objectStore"),
    "a bound that is not counted": ({"monitoring": {"latencySeconds": 0.3}}, "latencySeconds must be"),
    "a route to nowhere": ({"route": {"enabled": True}}, "route.parentRefs"),
    "an ingress for nobody": ({"ingress": {"enabled": True}}, "ingress.host"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_values_are_refused_by_name(case):
    values, name = WRONG[case]
    with pytest.raises(helm_python.HelmError) as refusal:
        render(values)
    assert name in str(refusal.value).replace("/", ".")


def test_readme_and_schema_follow_from_the_values():
    done = subprocess.run(
        [sys.executable, ROOT / "charts" / "documentation.py", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_every_leaf_of_the_values_is_in_the_readme():
    described = importlib.util.spec_from_file_location("documentation", ROOT / "charts" / "documentation.py")
    documentation = importlib.util.module_from_spec(described)
    sys.modules["documentation"] = documentation
    described.loader.exec_module(documentation)
    text, readme = (CHART / "values.yaml").read_text(), (CHART / "README.md").read_text()
    assert len(list(documentation.notes(text))) > 100
    with helm_python.Chart.load(CHART) as chart:
        top = set(chart.values)
    assert {note.path[0] for note in documentation.notes(text)} == top
    assert all(f"`{'.'.join(note.path)}`" in readme for note in documentation.notes(text) if note.text)


def test_images_by_digest_and_registry():
    images = {
        container["image"]
        for found in of_kind(rendered("images"), "Deployment")
        for container in found["spec"]["template"]["spec"]["containers"]
    }
    assert images == {f"r.example/synthoscope-{name}:1" for name in ("training", "synthesis", "classification",
                                                                     "explanation", "tuning")}  # fmt: skip
    (cluster,) = of_kind(rendered("images"), "RayCluster")
    head = cluster["spec"]["headGroupSpec"]["template"]["spec"]["containers"][0]
    assert head["image"] == f"r.example/synthoscope-ray@sha256:{'0' * 64}"


def test_two_generations_stand_side_by_side_and_only_the_newer_one_is_used():
    new, old = of_kind(rendered("two-generations"), "RayCluster")
    assert [new["metadata"]["name"], old["metadata"]["name"]] == ["synthoscope-ray-b", "synthoscope-ray-a"]
    tags = [found["spec"]["workerGroupSpecs"][0]["template"]["spec"]["containers"][0]["image"] for found in (new, old)]
    assert tags == ["synthoscope-ray:0.1.0", "synthoscope-ray:0.0.9"]
    assert [found["spec"]["upgradeStrategy"]["type"] for found in (new, old)] == ["Recreate", "None"]
    used = json.dumps(of_kind(rendered("two-generations"), "Deployment"))
    assert "synthoscope-ray-b-head-svc" in used
    assert "synthoscope-ray-a-head-svc" not in used
