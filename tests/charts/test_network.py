"""The flows between pods are those of the picture: each that is needed is allowed, every other is denied."""

from itertools import product

import pytest
from chart_network import Peer, allowed
from chart_rendering import NAMESPACE, RELEASE, SERVICES, of_kind, pods, rendered

from services.classification.settings import ServeSettings

SUBMITTERS = ("training", "synthesis", "classification", "tuning")
NODES = ("ray-head", "ray-worker", "classification")
USERS = (*SERVICES, "explanation-worker", "ray-head", "ray-worker")
GRPC, METRICS, GCS, DASHBOARD, RAY_METRICS = 50051, 9090, 6379, 8265, 8080
# Of a Ray node: its manager, its object manager, its agent by gRPC and HTTP, and its workers' and replicas' range.
NODE_PORTS = (6380, 6381, 6383, 52365, 10002, 10500, 10999)
PORTS = (
    GRPC,
    METRICS,
    GCS,
    DASHBOARD,
    RAY_METRICS,
    *NODE_PORTS,
    6382,
    10001,
    11000,
    44217,
    44227,
    8333,
    18333,
    9333,
    8888,
)

CLIENT = Peer("client", {"app": "pacs"}, NAMESPACE)
PROMETHEUS = Peer("prometheus", {"app": "prometheus"}, "monitoring")
STRANGER = Peer("stranger", {"app": "stranger"}, "elsewhere")
KEDA = Peer("keda", {"app": "keda"}, "keda")
DNS = Peer("dns", {"k8s-app": "kube-dns"}, "kube-system")
INTERNET = Peer("internet", address="203.0.113.7")
S3, REDIS, RAY_REDIS = (Peer(f"192.0.2.{number}", address=f"192.0.2.{number}") for number in (1, 2, 3))


def between(sources, targets, *ports):
    return {(source, target, port) for source, target, port in product(sources, targets, ports)}


def expected(case):
    """Every connection that is needed, by names."""
    flows = between(("client", "release-test"), SERVICES, GRPC)
    flows |= between(("prometheus",), (*SERVICES, "explanation-worker"), METRICS)
    flows |= between(("prometheus",), ("ray-head", "ray-worker"), RAY_METRICS)
    flows |= between(("prometheus",), ("ray-head",), 44217, 44227)
    flows |= between(SUBMITTERS, ("ray-head",), DASHBOARD)
    flows |= between(("ray-worker", "classification"), ("ray-head",), GCS)
    flows |= between(NODES, NODES, *NODE_PORTS)
    if case == "own-stores":
        flows |= between((*USERS, "buckets"), (S3.name,), 9000)
        flows |= between(USERS, (REDIS.name,), 6390)
        flows |= between(("ray-head",), (RAY_REDIS.name,), 6391)
    else:
        flows |= between((*USERS, "buckets"), ("object-store",), 8333)
        flows |= between(USERS, ("redis",), 6379)
    if case in ("defaults", "keda-by-redis"):
        flows |= between(("ray-head",), ("ray-redis",), 6379)
    if case == "keda-by-redis":
        flows |= between(("keda",), ("redis",), 6379)
    if case != "fixed-cluster":
        flows |= between(("ray-head",), ("internet", S3.name, REDIS.name, RAY_REDIS.name), 443, 6443)
    return flows


@pytest.mark.parametrize("case", ["defaults", "own-stores", "fixed-cluster", "keda-by-redis"])
def test_what_is_needed_is_allowed_and_all_else_denied(case):
    policies = of_kind(rendered(case), "NetworkPolicy")
    inside = [Peer(pod.component, pod.labels, NAMESPACE) for pod in pods(rendered(case))]
    outside = [CLIENT, PROMETHEUS, STRANGER, KEDA, INTERNET, S3, REDIS, RAY_REDIS]
    ports = {*PORTS, 443, 6443, 9000, 6390, 6391, 22, 80}
    found = {
        (source.name, target.name, port)
        for source, target, port in product(inside + outside, inside + outside, ports)
        # What the release's pods are no end of is none of its business.
        if (source in inside or target in inside) and allowed(policies, source, target, port)
    }
    found -= {flow for flow in found if flow[0] == flow[1] and flow not in expected(case)}
    assert found - expected(case) == set()
    assert expected(case) - found == set()


def test_every_pod_may_ask_for_names_and_for_nothing_else_there():
    policies = of_kind(rendered("defaults"), "NetworkPolicy")
    for pod in pods(rendered("defaults")):
        peer = Peer(pod.component, pod.labels, NAMESPACE)
        assert allowed(policies, peer, DNS, 53, "UDP")
        assert allowed(policies, peer, DNS, 53)
        assert not allowed(policies, peer, DNS, 443)
        assert not allowed(policies, peer, STRANGER, 53, "UDP")


def test_more_egress_is_what_was_asked_for():
    policies = of_kind(rendered("more-egress"), "NetworkPolicy")
    mirror = Peer("mirror", address="192.0.2.9")
    peers = {pod.component: Peer(pod.component, pod.labels, NAMESPACE) for pod in pods(rendered("more-egress"))}
    assert allowed(policies, peers["ray-worker"], mirror, 80)
    assert not allowed(policies, peers["ray-worker"], INTERNET, 80)
    assert not allowed(policies, peers["training"], mirror, 80)


def test_production_lets_in_the_gateway_alone():
    policies = of_kind(rendered("production"), "NetworkPolicy")
    training = next(pod for pod in pods(rendered("production")) if pod.component == "training")
    target = Peer("training", training.labels, NAMESPACE)
    assert allowed(policies, Peer("gateway", {"app": "gateway"}, "gateway"), target, GRPC)
    assert not allowed(policies, CLIENT, target, GRPC)


def test_another_release_in_the_namespace_is_a_stranger():
    policies = of_kind(rendered("defaults"), "NetworkPolicy")
    components = {pod.component: pod.labels for pod in pods(rendered("defaults"))}
    other = Peer("other", components["training"] | {"app.kubernetes.io/instance": f"{RELEASE}-2"}, NAMESPACE)
    redis = Peer("redis", components["redis"], NAMESPACE)
    assert allowed(policies, Peer("training", components["training"], NAMESPACE), redis, 6379)
    assert not allowed(policies, other, redis, 6379)


def test_replicas_listen_where_edges_reach_them_and_no_worker_of_ray_does():
    policies = of_kind(rendered("defaults"), "NetworkPolicy")
    components = {pod.component: pod for pod in pods(rendered("defaults"))}
    edge, node = (Peer(name, components[name].labels, NAMESPACE) for name in ("classification", "ray-worker"))
    environment = {
        entry["name"]: entry.get("value") for entry in components["classification"].spec["containers"][0]["env"]
    }
    prefix = "SYNTHOSCOPE_SERVE__"
    serve = {name.removeprefix(prefix).lower(): value for name, value in environment.items() if name.startswith(prefix)}
    ports = ServeSettings.model_validate(serve).line_ports
    assert len(ports) >= 32
    assert all(allowed(policies, edge, node, port) for port in ports)
    for cluster in of_kind(rendered("defaults"), "RayCluster"):
        options = cluster["spec"]["headGroupSpec"]["rayStartParams"]
        assert int(options["max-worker-port"]) < ports[0]


def test_pods_listen_where_the_policies_let_callers_in():
    for case in ("defaults", "production"):
        policies = of_kind(rendered(case), "NetworkPolicy")
        callers = [Peer("test", {"app.kubernetes.io/instance": RELEASE, "app.kubernetes.io/component": name}, NAMESPACE)
                   for name in ("release-test", *USERS, "buckets")]  # fmt: skip
        for pod in pods(rendered(case)):
            target = Peer(pod.component, pod.labels, NAMESPACE)
            for container in pod.spec["containers"]:
                for port in container.get("ports", []):
                    number = port["containerPort"]
                    reached = [peer for peer in (*callers, PROMETHEUS) if allowed(policies, peer, target, number)]
                    assert reached, (pod.owner, number)
