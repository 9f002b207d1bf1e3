"""How many replicas Serve should run. It calls this in its controller, and bounds and delays what it says."""

from typing import Any

from ray.serve.config import AutoscalingContext

CALLS = "calls"
"""What a replica's calls, waiting or computed, are called among its statistics."""


def replicas_wanted(context: AutoscalingContext) -> tuple[float, dict[str, Any]]:
    """As many as have `target_ongoing_requests` calls each, and no state to be kept."""
    calls = sum((context.aggregated_metrics or {}).get(CALLS, {}).values())
    config: Any = context.config
    return calls / config.target_ongoing_requests, {}
