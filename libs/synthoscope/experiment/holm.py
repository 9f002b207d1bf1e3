"""Holm's correction for having compared several times (Holm 1979)."""

from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values, in the order given: one of at most 5 % comes by chance alone in at most 5 % of families.

    A family is all comparisons among which one would take any that is found for the answer.
    Raises ValueError for p-values outside [0, 1].
    """
    if not all(0 <= value <= 1 for value in p_values):  # NaN as well
        raise ValueError(f"p-values must be in [0, 1], not {list(p_values)}")
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted
