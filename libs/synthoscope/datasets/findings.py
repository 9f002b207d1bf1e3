"""Labels that name several findings at once, "effusion|mass": what an image shows of each."""

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from synthoscope.rpc.errors import FailedPrecondition

SEPARATOR = "|"


def findings_of(label: str, no_finding: str = "") -> frozenset[str]:
    """The findings that a label names; `no_finding` is the word for none."""
    return frozenset(part.strip() for part in label.split(SEPARATOR)) - {no_finding, ""}


def findings_by_label(labels: Sequence[str], no_finding: str = "") -> tuple[tuple[str, ...], NDArray[np.bool_]]:
    """All findings that labels name, in order, and which of them each label names, labels × findings.

    Raises FailedPrecondition when the labels name none, or all of them the same one.
    """
    named = [findings_of(label, no_finding) for label in labels]
    findings = tuple(sorted(frozenset().union(*named)))
    if not findings:
        raise FailedPrecondition(
            f"no label names a finding: all of them are config.no_finding, {no_finding!r}, or empty"
        )
    if len(findings) < 2 and all(named):
        raise FailedPrecondition(
            "every label names the same finding, so there is nothing to tell apart; name the label of images without "
            "one in config.no_finding"
        )
    return findings, np.array([[finding in found for finding in findings] for found in named])


def untrained(labels: Collection[str], trained: Collection[str]) -> list[str]:
    """Those of the labels that nothing can be learned of from images with the labels `trained`, in order.

    A combination of findings may be new where each finding has images: they are learned one by one.
    """
    findings = frozenset().union(*(findings_of(label) for label in trained))
    return sorted(label for label in set(labels) if not findings_of(label) <= findings)
