"""The chart as Helm renders it, for each values file and each set of switches, and the pods that come of it."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import helm_python
import yaml

ROOT = Path(__file__).resolve().parents[1]
CHART = ROOT / "charts" / "synthoscope"
VALUES = ROOT / "deploy" / "values"
RELEASE, NAMESPACE = "synthoscope", "medical"
SERVICES = ("training", "synthesis", "classification", "explanation", "tuning")
STORES = {
    "objectStore": {"endpoint": "s3.example:9000", "secure": False, "existingSecret": "s3"},
    "redis": {"host": "redis.example", "port": 6390, "existingSecret": "redis"},
    "networkPolicy": {
        "objectStore": [{"ipBlock": {"cidr": "192.0.2.1/32"}}],
        "redis": [{"ipBlock": {"cidr": "192.0.2.2/32"}}],
        "rayRedis": [{"ipBlock": {"cidr": "192.0.2.3/32"}}],
    },
    "ray": {"gcsFaultTolerance": {"redis": {"address": "ray-redis.example:6391", "existingSecret": "ray-redis"}}},
}
GPUS = {"gpuWorkers": {"maxReplicas": 2, "gpus": 2, "runtimeClassName": "nvidia"}, "jobs": {"workerGpus": 1}}
SWITCHES = {
    "defaults": {},
    "tls": {"server": {"tls": {"existingSecret": "tls"}}},
    "client-certificates": {"server": {"tls": {"existingSecret": "tls", "clientCertificates": True}}},
    "cert-manager": {"server": {"tls": {"certManager": {"enabled": True, "issuerRef": {"name": "issuer"}}}}},
    "jwt": {"tokens": {"jwt": {"jwks": "https://id.example/keys", "issuer": "https://id.example", "audience": "a"}}},
    "gpus": {"ray": GPUS},
    "own-stores": STORES,
    "fixed-cluster": {"ray": {"autoscaling": {"enabled": False}, "gcsFaultTolerance": {"enabled": False}}},
    "two-generations": {"ray": {"generation": "b", "previous": [{"generation": "a", "image": {"tag": "0.0.9"}}]}},
    "keda-by-prometheus": {"explanationWorker": {"keda": {"enabled": True, "prometheusAddress": "http://p:9090"}}},
    "keda-by-redis": {"explanationWorker": {"keda": {"enabled": True, "minReplicas": 0, "redisTrigger": True}}},
    "edges-scale": {"services": {"classification": {"autoscaling": {"enabled": True}}}},
    "monitoring": {"monitoring": {"monitors": True, "rules": True, "dashboards": True, "labels": {"release": "p"}}},
    "without-policies": {"networkPolicy": {"enabled": False}},
    "more-egress": {"networkPolicy": {"egress": {"ray": [{"to": [{"ipBlock": {"cidr": "192.0.2.9/32"}}]}]}}},
    "images": {"image": {"registry": "r.example", "tag": "1", "digests": {"ray": f"sha256:{'0' * 64}"}}},
    "ways-in": {
        "route": {"enabled": True, "parentRefs": [{"name": "public"}], "hostnames": ["s.example"]},
        "ingress": {"enabled": True, "className": "nginx", "host": "s.example", "tlsSecret": "tls"},
    },
    "annotations": {"podAnnotations": {"a": "b"}, "services": {"training": {"environment": {"TZ": "UTC"}}}},
    "scheduling": {
        "image": {"pullSecrets": [{"name": "pull"}]},
        "scheduling": {
            "nodeSelector": {"a": "b"},
            "tolerations": [{"operator": "Exists"}],
            "priorityClassName": "high",
            "topologySpreadConstraints": [
                {
                    "maxSkew": 1,
                    "topologyKey": "topology.kubernetes.io/zone",
                    "whenUnsatisfiable": "ScheduleAnyway",
                    "labelSelector": {"matchLabels": {"app.kubernetes.io/instance": RELEASE}},
                }
            ],
        },
    },
}
FILES = ("local", "single-gpu", "production")
CASES = (*FILES, *SWITCHES)


@dataclass(frozen=True)
class Pod:
    """A pod that would run: whose it is, its labels, and its specification."""

    component: str
    labels: dict
    spec: dict
    owner: str

    @property
    def containers(self):
        return [*self.spec.get("initContainers", []), *self.spec["containers"]]

    @property
    def main(self):
        return self.spec["containers"][0]


def values_of(case):
    return yaml.safe_load((VALUES / f"{case}.yaml").read_text()) if case in FILES else SWITCHES[case]


def render(values):
    """The objects of a release. Raises what Helm raises."""
    with helm_python.Chart.load(CHART) as chart:
        chart.validate_schema(values)
        return _objects(chart.render(values, name=RELEASE, namespace=NAMESPACE))


@cache
def rendered(case):
    """The same, of a values file or a set of switches."""
    return render(values_of(case))


def notes(case):
    with helm_python.Chart.load(CHART) as chart:
        texts = chart.render(values_of(case), name=RELEASE, namespace=NAMESPACE)
    return next(text for path, text in texts.items() if path.endswith("NOTES.txt"))


def _objects(texts):
    manifests = [text for path, text in texts.items() if path.endswith(".yaml")]
    return [found for text in manifests for found in yaml.safe_load_all(text) if found]


def of_kind(objects, *kinds):
    return [found for found in objects if found["kind"] in kinds]


def named(objects, kind, component):
    return next(found for found in of_kind(objects, kind) if found["metadata"]["name"] == f"{RELEASE}-{component}")


def pods(objects):
    """One pod of everything that makes pods, Ray's as KubeRay makes them."""
    found = []
    for item in objects:
        if item["kind"] == "Pod":
            found.append(_pod(item["metadata"], item["spec"], item))
        elif item["kind"] in ("Deployment", "StatefulSet", "Job"):
            template = item["spec"]["template"]
            found.append(_pod(template["metadata"], template["spec"], item))
        elif item["kind"] == "RayCluster":
            found += _ray_pods(item)
    return found


def _pod(metadata, spec, item):
    component = metadata["labels"]["app.kubernetes.io/component"]
    return Pod(component, metadata["labels"], spec, f"{item['kind']}/{item['metadata']['name']}")


def _ray_pods(cluster):
    """KubeRay adds to the head the autoscaler, and to workers a container that waits for the head, and labels to all.

    What it adds gets its security from autoscalerOptions and from Ray's own container (ray-operator, common/pod.go).
    """
    spec = cluster["spec"]
    groups = [("head", "headgroup", spec["headGroupSpec"])]
    groups += [("worker", group["groupName"], group) for group in spec["workerGroupSpecs"]]
    for kind, group, description in groups:
        template = description["template"]
        labels = template["metadata"]["labels"] | {
            "ray.io/cluster": cluster["metadata"]["name"],
            "ray.io/node-type": kind,
            "ray.io/group": group,
            "app.kubernetes.io/name": "kuberay",
        }
        pod = dict(template["spec"])
        ray = pod["containers"][0]
        if kind == "worker":
            waits = {"name": "wait-gcs-ready", "image": ray["image"], "securityContext": ray["securityContext"]}
            pod["initContainers"] = [waits | {key: ray[key] for key in ("env", "volumeMounts", "resources")}]
        elif spec["enableInTreeAutoscaling"]:
            options = spec["autoscalerOptions"]
            scaler = {key: options[key] for key in ("securityContext", "resources", "env", "volumeMounts")}
            pod["containers"] = [ray, {"name": "autoscaler", "image": ray["image"], **scaler}]
        yield _pod({"labels": labels}, pod, cluster)
