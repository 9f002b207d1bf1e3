"""What network policies allow, worked out as Kubernetes does (networking.k8s.io/v1)."""

from dataclasses import dataclass
from ipaddress import ip_address, ip_network


@dataclass(frozen=True)
class Peer:
    """An end of a connection: a pod, by its labels and its namespace's; or, without labels, an address outside."""

    name: str
    labels: dict | None = None
    namespace: str = ""
    address: str = ""


def allowed(policies, source, target, port, protocol="TCP"):
    """Whether a connection may be made: by the egress of its source and the ingress of its target."""
    return _may(policies, source, target, port, protocol, "egress") and _may(
        policies, target, source, port, protocol, "ingress"
    )


def _may(policies, subject, other, port, protocol, direction):
    if subject.labels is None:
        return True
    mine = [
        policy
        for policy in policies
        if direction.capitalize() in policy["spec"]["policyTypes"]
        and policy["metadata"]["namespace"] == subject.namespace
        and _selects(policy["spec"]["podSelector"], subject.labels)
    ]
    if not mine:
        return True  # no policy speaks of this pod
    rules = [rule for policy in mine for rule in policy["spec"].get(direction, [])]
    ends = "to" if direction == "egress" else "from"
    return any(
        _port_fits(rule.get("ports"), port, protocol)
        and (not rule.get(ends) or any(_is(peer, other, subject.namespace) for peer in rule[ends]))
        for rule in rules
    )


def _port_fits(ports, port, protocol):
    if not ports:
        return True
    return any(
        entry.get("protocol", "TCP") == protocol and entry["port"] <= port <= entry.get("endPort", entry["port"])
        for entry in ports
    )


def _is(peer, other, namespace):
    if "ipBlock" in peer:
        return bool(other.address) and ip_address(other.address) in ip_network(peer["ipBlock"]["cidr"])
    if other.labels is None:
        return False
    if "namespaceSelector" in peer:
        if not _selects(peer["namespaceSelector"], {"kubernetes.io/metadata.name": other.namespace}):
            return False
    elif other.namespace != namespace:
        return False
    return _selects(peer.get("podSelector", {}), other.labels)


def _selects(selector, labels):
    exact = all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())
    return exact and all(_fits(expression, labels) for expression in selector.get("matchExpressions", []))


def _fits(expression, labels):
    value = labels.get(expression["key"])
    match expression["operator"]:
        case "In":
            return value in expression["values"]
        case "NotIn":
            return value not in expression["values"]
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
    raise ValueError(expression["operator"])
