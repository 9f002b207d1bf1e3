"""The verdicts on synthetic sets on the terminal."""

from typing import Annotated

import typer

from synthoscope.api.models.v1.models_pb2 import ModelVersion
from synthoscope.api.synthesis.v1.synthesis_pb2 import SyntheticSet
from synthoscope.cli.console import console, short_name, table
from synthoscope.synthetic.verdicts import described, reasons

AcceptUnadmitted = Annotated[
    bool, typer.Option("--accept-unadmitted", help="Train on synthetic sets that are not admitted, too.")
]


def print_uses(version: ModelVersion) -> None:
    """The synthetic sets that a model version learned, with their verdicts."""
    for use in version.lineage.synthetic_uses:
        console.print(f"learned {short_name(use.synthetic_set)}, which is {described(use.admission)}")


def print_verdict(item: SyntheticSet) -> None:
    """Every criterion and what it allows, then the verdict."""
    verdict = item.verdict
    if verdict.criteria:
        rows = table("measured against its training images", "criterion", "allows")
        for criterion in verdict.criteria:
            rows.add_row(criterion.finding, described(criterion.admission))
        console.print(rows)
    console.print(f"{short_name(item.name)} is {described(verdict.admission)}{':' if reasons(verdict) else ''}")
    for reason in reasons(verdict):
        console.print(f"- {reason}")
