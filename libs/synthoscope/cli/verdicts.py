"""A synthetic set's verdict on the terminal."""

from synthoscope.api.synthesis.v1.synthesis_pb2 import SyntheticSet
from synthoscope.cli.console import console, short_name, table
from synthoscope.synthetic.verdicts import described, reasons


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
