"""What alerts, dashboards and scaling ask Prometheus for is there, and alerts fire when they should and only then."""

import importlib
import json
import re
import shutil
import subprocess

import pytest
import yaml
from chart_rendering import CHART, NAMESPACE, of_kind, pods, rendered
from prometheus_client import REGISTRY

from synthoscope.rpc import metrics
from synthoscope.saliency.request import QUEUE

# Whose metrics these are, when they are not ours.
FOREIGN = {
    "kubelet_volume_stats_available_bytes": "kubelet",
    "kubelet_volume_stats_capacity_bytes": "kubelet",
    "certmanager_certificate_expiration_timestamp_seconds": "cert-manager",
}
# What Prometheus adds to what it reads from a pod, and what a histogram's buckets have.
ADDED = {"namespace", "pod", "le"}
WORDS = {"sum", "rate", "increase", "avg", "max", "min", "by", "and", "time", "histogram_quantile"}
NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"


def our_metrics():
    """Each series that our processes export, with its labels."""
    for module in ("services.classification.servicer", "services.explanation.worker", "synthoscope.rpc.readiness"):
        importlib.import_module(module)
    found = {}
    for family in REGISTRY.collect():
        names = REGISTRY._names_to_collectors
        collector = names.get(family.name) or names.get(f"{family.name}_total")
        labels = set(getattr(collector, "_labelnames", ()))
        suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}.get(family.type, ("",))
        found |= {f"{family.name}{suffix}": labels for suffix in suffixes}
    return found


def ray_metrics():
    from ray.dashboard.modules.reporter.reporter_agent import METRICS_GAUGES

    return {f"ray_{name}" for name in METRICS_GAUGES}


def selectors(expression):
    """Each series that an expression asks for, with the labels by which it does; recorded ones, too."""
    plain = re.sub(r'"(?:[^"\\]|\\.)*"', '""', expression)
    grouped = re.compile(r"\b(by|without|on)\s*\(([^)]*)\)")
    groups = {label.strip() for match in grouped.finditer(plain) for label in match[2].split(",")}
    plain = re.sub(r"\[[^\]]*\]", "", grouped.sub("", plain))
    for match in re.finditer(rf"({NAME})\s*(\{{[^}}]*\}})?", plain):
        if match[1] not in WORDS:
            labels = re.findall(rf"({NAME})\s*[=!]", match[2] or "")
            yield match[1], set(labels) | (groups if len(groups) else set())


def expressions():
    """Everything that the chart asks Prometheus, by where it stands."""
    (rule,) = of_kind(rendered("monitoring"), "PrometheusRule")
    for group in rule["spec"]["groups"]:
        for entry in group["rules"]:
            yield entry.get("alert") or entry["record"], entry["expr"]
    board = next(found for found in rendered("monitoring") if "synthoscope.json" in found.get("data", {}))
    for panel in json.loads(board["data"]["synthoscope.json"])["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"].replace("$namespace", NAMESPACE)
    for case in ("production", "keda-by-prometheus"):
        (scaled,) = of_kind(rendered(case), "ScaledObject")
        for trigger in scaled["spec"]["triggers"]:
            if trigger["type"] == "prometheus":
                yield f"ScaledObject of {case}", trigger["metadata"]["query"]


def test_every_metric_that_is_asked_for_exists_with_its_labels():
    ours, rays = our_metrics(), ray_metrics()
    recorded = {place for place, _ in expressions() if place.startswith("synthoscope:")}
    asked = set()
    for place, expression in expressions():
        for name, labels in selectors(expression):
            asked.add(name)
            if name in ours:
                assert labels <= ours[name] | ADDED, (place, name, labels)
            else:
                assert name in rays or name in recorded or name in FOREIGN, (place, name)
    assert len(asked & set(ours)) > 10


def test_a_metric_that_nobody_exports_would_be_found():
    known = set(our_metrics()) | ray_metrics()
    found = dict(selectors('sum by (pod) (rate(synthoscope_no_such_total{kind="x"}[5m])) > 0'))
    assert found == {"synthoscope_no_such_total": {"kind", "pod"}}
    assert not set(found) & known


def test_latency_is_asked_of_a_bucket_that_is_counted():
    bounds = {float(bound) for bound in metrics.SECONDS._upper_bounds}
    assert {0.1, 0.25, 0.5, 1.0, 2.5, 5.0} <= bounds
    assert any('le="1.0"' in expression for _, expression in expressions())


def test_keda_asks_for_the_queue_that_workers_read():
    (scaled,) = of_kind(rendered("keda-by-redis"), "ScaledObject")
    (trigger,) = scaled["spec"]["triggers"]
    assert trigger["metadata"]["stream"] == f"synthoscope:queue:{QUEUE}"
    assert "consumerGroup" not in trigger["metadata"]  # the whole stream: what workers have, too
    assert scaled["spec"]["minReplicaCount"] == 0


def test_monitors_find_the_pods_and_ports_that_there_are():
    objects = rendered("monitoring")
    monitors = of_kind(objects, "ServiceMonitor", "PodMonitor")
    assert {monitor["metadata"]["labels"]["release"] for monitor in monitors} == {"p"}
    reached = set()
    for monitor in monitors:
        spec = monitor["spec"]
        values = spec["selector"]["matchExpressions"][0]["values"]
        for endpoint in spec.get("endpoints") or spec["podMetricsEndpoints"]:
            holders = [
                pod.component
                for pod in pods(objects)
                if pod.component in values and endpoint["port"] in {port["name"] for port in pod.main["ports"]}
            ]
            assert holders, (monitor["metadata"]["name"], endpoint["port"])
            reached |= set(holders)
        if monitor["kind"] == "ServiceMonitor":
            services = {found["metadata"]["labels"]["app.kubernetes.io/component"]: found["spec"]["ports"]
                        for found in of_kind(objects, "Service")}  # fmt: skip
            assert all("metrics" in {port["name"] for port in services[value]} for value in values)
    assert reached == {
        "training", "synthesis", "classification", "explanation", "tuning", "explanation-worker", "ray-head",
        "ray-worker",
    }  # fmt: skip


NO_PROMTOOL = shutil.which("promtool") is None
IN = f'namespace="{NAMESPACE}"'
CALLS = f'grpc_service="synthoscope.api.classification.v1.DiagnosisService",grpc_method="Diagnose",{IN}'
COUNT, SECONDS = "grpc_server_handled_total", "grpc_server_handling_seconds"
DISK_FREE, DISK_SIZE = "kubelet_volume_stats_available_bytes", "kubelet_volume_stats_capacity_bytes"
GPU = f'{{{IN},pod="gpu"}}'
DISK = f'{{{IN},persistentvolumeclaim="data-synthoscope-redis-0"}}'


STEP = {0.1: 1, 4: 30}
"""Minutes between two samples, for so many days: promtool takes long over many."""


def calls(bad, days):
    steps = int(days * 1440 / STEP[days])
    return {
        f'{COUNT}{{{CALLS},grpc_code="OK"}}': f"0+1000x{steps}",
        f'{COUNT}{{{CALLS},grpc_code="UNAVAILABLE"}}': f"0+{bad}x{steps}",
        f'{COUNT}{{{CALLS},grpc_code="INVALID_ARGUMENT"}}': f"0+500x{steps}",  # the caller's doing
    }


def slow(part, days):
    steps = int(days * 1440 / STEP[days])
    return {
        f'{SECONDS}_bucket{{{CALLS},le="1.0"}}': f"0+{1000 - part}x{steps}",
        f"{SECONDS}_count{{{CALLS}}}": f"0+1000x{steps}",
    }


QUEUE_GAUGE, LOOK = "synthoscope_explanation_queue_length", "synthoscope_explanation_worker_last_look_seconds"
# For each alert: what makes it fire, what comes near and does not, and after how long.
ALERTS = {
    "SynthoscopeDiagnosesFail": (calls(50, 0.1), calls(5, 0.1), "2h"),
    "SynthoscopeDiagnosesFailSlowly": (calls(3, 4), calls(1, 4), "4d"),
    "SynthoscopeDiagnosesAreSlow": (slow(300, 0.1), slow(100, 0.1), "2h"),
    "SynthoscopeDiagnosesAreSlowSlowly": (slow(20, 4), slow(5, 4), "4d"),
    "SynthoscopeDependencyAway": (
        {f'synthoscope_dependency_up{{{IN},pod="a",dependency="redis"}}': "0x60"},
        {f'synthoscope_dependency_up{{{IN},pod="a",dependency="redis"}}': "1 0 1 0 1 0 1 1 0 1x50"},
        "30m",
    ),
    "SynthoscopeExplanationsWait": ({f"{QUEUE_GAUGE}{{{IN}}}": "101x60"}, {f"{QUEUE_GAUGE}{{{IN}}}": "99x60"}, "30m"),
    "SynthoscopeExplanationWorkersStuck": (
        {f"{QUEUE_GAUGE}{{{IN}}}": "1x60", f"{LOOK}{{{IN}}}": "0x60"},
        {f"{QUEUE_GAUGE}{{{IN}}}": "1x60", f"{LOOK}{{{IN}}}": "0+60x60"},
        "30m",
    ),
    "SynthoscopeExplanationsGivenUp": (
        {f'synthoscope_explanation_tries_total{{{IN},result="given-up"}}': "0x10 1x50"},
        {f'synthoscope_explanation_tries_total{{{IN},result="made"}}': "0+1x60"},
        "30m",
    ),
    "SynthoscopeImagesDrift": (
        {f'synthoscope_drift_index{{{IN},tenant="t",model="m",version="1",quantity="brightness"}}': "0.3x120"},
        {f'synthoscope_drift_index{{{IN},tenant="t",model="m",version="1",quantity="brightness"}}': "0.2x120"},
        "90m",
    ),
    "SynthoscopeTrailWaits": (
        {f'synthoscope_trail_pending{{{IN},pod="a"}}': "101x60"},
        {f'synthoscope_trail_pending{{{IN},pod="a"}}': "50x60"},
        "30m",
    ),
    "SynthoscopeGpuIdle": (
        {f"ray_node_gpus_available{GPU}": "1x120", f"ray_node_gpus_utilization{GPU}": "1x120"},
        {f"ray_node_gpus_available{GPU}": "1x120", f"ray_node_gpus_utilization{GPU}": "60x120"},
        "90m",
    ),
    "SynthoscopeStoreFull": (
        {f"{DISK_FREE}{DISK}": "5x60", f"{DISK_SIZE}{DISK}": "100x60"},
        {
            f"{DISK_FREE}{DISK}": "50x60",
            f"{DISK_SIZE}{DISK}": "100x60",
        },
        "30m",
    ),
    "SynthoscopeCertificateEnds": (
        {f'certmanager_certificate_expiration_timestamp_seconds{{{IN},name="c"}}': "500000x120"},
        {f'certmanager_certificate_expiration_timestamp_seconds{{{IN},name="c"}}': "5000000x120"},
        "90m",
    ),
}


@pytest.fixture(scope="module")
def rules(tmp_path_factory):
    (rule,) = of_kind(rendered("monitoring"), "PrometheusRule")
    file = tmp_path_factory.mktemp("rules") / "rules.yaml"
    file.write_text(yaml.safe_dump(rule["spec"]))
    return file


def promtool(*arguments):
    return subprocess.run(["promtool", *arguments], capture_output=True, text=True, timeout=120, check=False)


def test_every_alert_is_tested_and_says_what_to_do():
    (rule,) = of_kind(rendered("monitoring"), "PrometheusRule")
    alerts = {entry["alert"]: entry for group in rule["spec"]["groups"] for entry in group["rules"] if "alert" in entry}
    assert set(alerts) == set(ALERTS)
    page = (CHART.parents[1] / "docs" / "kubernetes.md").read_text()
    assert all(f"`{name}`" in page for name in alerts)
    assert {entry["labels"]["severity"] for entry in alerts.values()} == {"critical", "warning"}


@pytest.mark.skipif(NO_PROMTOOL, reason="promtool is not installed (Debian: prometheus)")
def test_promtool_reads_the_rules(rules):
    done = promtool("check", "rules", str(rules))
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(NO_PROMTOOL, reason="promtool is not installed (Debian: prometheus)")
@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_fires_when_it_should_and_only_then(alert, rules, tmp_path):
    firing, silent, after = ALERTS[alert]
    step = "30m" if after.endswith("d") else "1m"
    question = f'count(ALERTS{{alertname="{alert}",alertstate="firing"}})'
    tests = [
        {
            "interval": step,
            "input_series": [{"series": series, "values": values} for series, values in inputs.items()],
            "promql_expr_test": [{"expr": question, "eval_time": after, "exp_samples": expected}],
        }
        for inputs, expected in ((firing, [{"labels": "{}", "value": 1}]), (silent, []))
    ]
    file = tmp_path / "tests.yaml"
    file.write_text(yaml.safe_dump({"rule_files": [str(rules)], "evaluation_interval": step, "tests": tests}))
    done = promtool("test", "rules", str(file))
    assert done.returncode == 0, done.stdout + done.stderr
