"""Every pod keeps Pod Security's level "restricted", asks for what it needs, and stops after its calls."""

import pytest
from chart_rendering import CASES, SERVICES, named, of_kind, pods, rendered

# https://kubernetes.io/docs/concepts/security/pod-security-standards: what "restricted" allows.
VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}


def violations(pod):
    """What Pod Security would refuse at the level "restricted", and a root file system that can be written."""
    security = pod.spec.get("securityContext", {})
    if security.get("runAsNonRoot") is not True or security.get("runAsUser") == 0:
        yield "the pod may run as root"
    if security.get("seccompProfile", {}).get("type") not in ("RuntimeDefault", "Localhost"):
        yield "the pod has no seccomp profile"
    if any(pod.spec.get(name) for name in ("hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace")):
        yield "the pod shares the node's namespaces"
    for volume in pod.spec.get("volumes", []):
        if not (set(volume) - {"name"}) <= VOLUMES:
            yield f"volume {volume['name']}"
    for container in pod.containers:
        yield from (f"{container['name']}: {what}" for what in _container_violations(container))


def _container_violations(container):
    security = container.get("securityContext", {})
    if security.get("allowPrivilegeEscalation") is not False:
        yield "may escalate"
    if security.get("privileged") or security.get("runAsUser") == 0 or security.get("runAsNonRoot") is False:
        yield "privileged or root"
    capabilities = security.get("capabilities", {})
    if capabilities.get("drop") != ["ALL"] or set(capabilities.get("add", [])) - {"NET_BIND_SERVICE"}:
        yield "has capabilities"
    if any("hostPort" in port for port in container.get("ports", [])):
        yield "a port of the node"
    if security.get("readOnlyRootFilesystem") is not True:
        yield "can write its root file system"


@pytest.mark.parametrize("case", CASES)
def test_every_pod_is_restricted(case):
    found = pods(rendered(case))
    assert {pod.component for pod in found} >= {*SERVICES, "explanation-worker", "ray-head", "ray-worker"}
    assert {pod.owner: list(violations(pod)) for pod in found if list(violations(pod))} == {}


def test_a_pod_that_is_not_restricted_is_found():
    pod = next(pod for pod in pods(rendered("defaults")) if pod.component == "training")
    container = pod.main | {"securityContext": {"allowPrivilegeEscalation": True}}
    careless = {"containers": [container], "hostNetwork": True, "volumes": [{"name": "x", "hostPath": {"path": "/"}}]}
    assert len(list(violations(type(pod)(pod.component, pod.labels, careless, pod.owner)))) == 7


@pytest.mark.parametrize("case", CASES)
def test_every_container_asks_for_what_it_needs_and_has_a_limit(case):
    for pod in pods(rendered(case)):
        for container in pod.containers:
            for part in ("requests", "limits"):
                assert {"cpu", "memory"} <= set(container["resources"][part]), (pod.owner, container["name"])


@pytest.mark.parametrize("case", CASES)
def test_only_the_autoscaler_may_speak_to_kubernetes(case):
    for pod in pods(rendered(case)):
        assert pod.spec["automountServiceAccountToken"] is False, pod.owner
        tokens = [volume["name"] for volume in pod.spec.get("volumes", []) if "serviceAccountToken" in str(volume)]
        holders = [
            container["name"]
            for container in pod.containers
            if {mount["name"] for mount in container.get("volumeMounts", [])} & set(tokens)
        ]
        assert holders == (["autoscaler"] if tokens else [])
        assert bool(tokens) == (pod.component == "ray-head" and len(pod.spec["containers"]) > 1)
    for account in of_kind(rendered(case), "ServiceAccount"):
        assert account["automountServiceAccountToken"] is False
    assert not of_kind(rendered(case), "Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding")


@pytest.mark.parametrize("case", CASES)
def test_what_is_written_has_a_place_and_every_mount_a_volume(case):
    for pod in pods(rendered(case)):
        volumes = {volume["name"] for volume in pod.spec.get("volumes", [])}
        if pod.owner.startswith("StatefulSet"):
            volumes.add("data")
        for container in pod.containers:
            mounts = {mount["name"]: mount["mountPath"] for mount in container.get("volumeMounts", [])}
            assert set(mounts) <= volumes, (pod.owner, container["name"])
            assert "/tmp" in mounts.values(), (pod.owner, container["name"])


@pytest.mark.parametrize("case", CASES)
def test_pods_stop_after_their_calls(case):
    for pod in pods(rendered(case)):
        if pod.component not in (*SERVICES, "explanation-worker"):
            continue
        environment = {entry["name"]: entry.get("value") for entry in pod.main["env"]}
        drain = 60 if pod.component == "explanation-worker" else float(environment["SYNTHOSCOPE_SERVER__DRAIN_SECONDS"])
        pause = pod.main["lifecycle"]["preStop"]["sleep"]["seconds"]
        # A service exits within 2 s after draining.
        assert pod.spec["terminationGracePeriodSeconds"] > pause + drain + 2


@pytest.mark.parametrize("case", CASES)
def test_services_are_replaced_without_a_gap_and_disturbed_one_at_a_time(case):
    objects = rendered(case)
    for component in (*SERVICES, "explanation-worker"):
        deployment, budget = named(objects, "Deployment", component), named(objects, "PodDisruptionBudget", component)
        assert deployment["spec"]["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
        assert budget["spec"]["selector"] == deployment["spec"]["selector"]
        assert budget["spec"]["maxUnavailable"] == 1


@pytest.mark.parametrize("case", CASES)
def test_something_sets_the_replicas_once(case):
    objects = rendered(case)
    scaled = {found["spec"]["scaleTargetRef"]["name"] for found in of_kind(objects, "HorizontalPodAutoscaler")}
    scaled |= {found["spec"]["scaleTargetRef"]["name"] for found in of_kind(objects, "ScaledObject")}
    deployments = {found["metadata"]["name"]: found["spec"] for found in of_kind(objects, "Deployment")}
    assert scaled <= set(deployments)
    assert scaled == {name for name, spec in deployments.items() if "replicas" not in spec}
    for cluster in of_kind(objects, "RayCluster"):
        for group in cluster["spec"]["workerGroupSpecs"]:
            assert ("replicas" in group) == (not cluster["spec"]["enableInTreeAutoscaling"])


def test_edges_wait_for_the_model_as_long_as_they_are_told():
    for case in CASES:
        edge = next(pod for pod in pods(rendered(case)) if pod.component == "classification")
        environment = {entry["name"]: entry.get("value") for entry in edge.main["env"]}
        probe = edge.main["startupProbe"]
        assert probe["periodSeconds"] * probe["failureThreshold"] > float(
            environment["SYNTHOSCOPE_SERVE__START_SECONDS"]
        )


def test_gpu_workers_ask_for_their_gpus_and_tell_ray():
    (cluster,) = of_kind(rendered("gpus"), "RayCluster")
    cpu, gpu = cluster["spec"]["workerGroupSpecs"]
    resources = gpu["template"]["spec"]["containers"][0]["resources"]
    assert resources["limits"]["nvidia.com/gpu"] == resources["requests"]["nvidia.com/gpu"] == 2
    assert gpu["rayStartParams"]["num-gpus"] == "2"
    assert (gpu["minReplicas"], gpu["maxReplicas"]) == (0, 2)
    assert gpu["template"]["spec"]["runtimeClassName"] == "nvidia"
    assert gpu["template"]["spec"]["tolerations"] == [
        {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
    ]
    assert "nvidia.com/gpu" not in str(cpu)


def test_ray_pods_keep_what_kubernetes_finds_them_by():
    """KubeRay's head service looks for app.kubernetes.io/name=kuberay, which a label in the template would replace."""
    for found in of_kind(rendered("production"), "RayCluster"):
        for group in (found["spec"]["headGroupSpec"], *found["spec"]["workerGroupSpecs"]):
            labels = group["template"]["metadata"]["labels"]
            assert not {"app.kubernetes.io/name", "app.kubernetes.io/created-by"} & set(labels)
            assert not {"app.kubernetes.io/version", "helm.sh/chart"} & set(labels)  # else a new chart replaces them
