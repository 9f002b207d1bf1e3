"""How the losses of a run went, thin enough to travel in a checkpoint and a record."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

LONGEST = 1000
"""Points kept of a curve, about."""


@dataclass(frozen=True)
class History:
    """Metrics by step: `values[name][i]` was measured at step `steps[i]`. Grows as the run goes on."""

    steps: list[int] = field(default_factory=list)
    values: dict[str, list[float]] = field(default_factory=dict)

    def add(self, step: int, total_steps: int, metrics: Mapping[str, float]) -> None:
        """Keeps a step's metrics if it is one of the about 1,000 that are kept, the last of which is the last step."""
        if step % max(1, total_steps // LONGEST) and step != total_steps:
            return
        self.steps.append(step)
        for name, value in metrics.items():
            self.values.setdefault(name, []).append(value)

    def to_json(self) -> dict[str, Any]:
        """The history as JSON values, a copy."""
        return {"steps": list(self.steps), "values": {name: list(values) for name, values in self.values.items()}}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "History":
        """Reads what `to_json` wrote."""
        return cls(list(values["steps"]), {name: list(curve) for name, curve in values["values"].items()})
