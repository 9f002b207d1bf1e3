"""Whether paired results differ in one direction, by the exact sign-flip test (Fisher 1935; Pitman 1937).

When two models are as good as each other, either of them is as likely to be ahead in a group: the sign of each group's
difference could as well be the other one. Groups of one image each make it McNemar's exact test (McNemar 1947).
"""

import numpy as np
from numpy.typing import ArrayLike

from synthoscope.metrics.bootstrap import group_index


def sign_flip_p_value(differences: ArrayLike, groups: ArrayLike) -> float:
    """How likely a sum of differences as low as this, or lower, is by chance: a one-sided p-value in (0, 1].

    `differences`, whole numbers N, such as 1 where only the first of two models is right, -1 where only the second is,
    and 0; `groups`, int64 N: images of one number keep or change their signs together, a negative one is a group of its
    own. All sums are counted, by the count of sums with one group less, so nothing is drawn.

    Raises ValueError for shapes that do not fit or numbers that are not whole.
    """
    values, members = np.asarray(differences), np.asarray(groups, np.int64)
    if values.ndim != 1 or values.shape != members.shape or not np.issubdtype(values.dtype, np.integer):
        raise ValueError(f"differences must be {len(members)} whole numbers, not {values.dtype} {values.shape}")
    if not len(values):
        return 1.0
    sums = np.zeros(int(group_index(members).max()) + 1, np.int64)
    np.add.at(sums, group_index(members), values)
    # A sum of signed sizes is twice the positive part less all sizes, so the positive part is what is counted.
    chances = np.ones(1)
    for size in np.abs(sums[sums != 0]):
        chances = (np.pad(chances, (0, size)) + np.pad(chances, (size, 0))) / 2
    return min(1.0, float(chances[: sums[sums > 0].sum() + 1].sum()))
