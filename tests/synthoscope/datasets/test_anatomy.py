import numpy as np
import pytest

from synthoscope.datasets.anatomy import LESIONS, PITUITARY_HEIGHT, draw_head, draw_tissue
from synthoscope.datasets.fields import grow

SEEDS = range(40)


def lesion_of(label: str, seed: int):
    head = draw_head(np.random.default_rng([seed, 0]), 128)
    return head, LESIONS[label](head, np.random.default_rng([seed, 1]))


def roundness(mask: np.ndarray) -> float:
    """Area over that of the disc with the same perimeter (by pixel edges, so a disc has about 0.6)."""
    edges = sum(np.abs(np.diff(np.pad(mask, 1).astype(int), axis=axis)).sum() for axis in (0, 1))
    return float(4 * np.pi * mask.sum() / edges**2)


@pytest.mark.parametrize("label", sorted(LESIONS))
def test_lesions_lie_within_the_brain(label: str) -> None:
    for seed in SEEDS:
        head, lesion = lesion_of(label, seed)
        assert lesion.shape.min() >= 0
        assert lesion.shape.max() > 0.9
        assert (head.depth[lesion.shape > 0.5] < head.brain + 0.03).all()


def test_gliomas_are_within_the_tissue_and_irregular_and_meningiomas_round_at_its_border() -> None:
    glioma_roundness, meningioma_roundness = [], []
    for seed in SEEDS:
        head, glioma = lesion_of("glioma", seed)
        _, meningioma = lesion_of("meningioma", seed)
        assert head.depth[meningioma.shape > 0.5].max() > head.brain - 0.02
        assert np.median(head.depth[glioma.shape > 0.5]) < head.brain - 0.1
        glioma_roundness.append(roundness(glioma.shape > 0.5))
        meningioma_roundness.append(roundness(meningioma.shape > 0.5))
    assert np.median(glioma_roundness) < np.median(meningioma_roundness) - 0.1


def test_pituitary_tumours_are_small_low_and_on_the_midline() -> None:
    for seed in SEEDS:
        head, lesion = lesion_of("pituitary", seed)
        inside = lesion.shape > 0.5
        assert inside.mean() < 0.02
        assert abs(head.x[inside].mean()) < 0.06
        assert abs(head.y[inside].mean() - PITUITARY_HEIGHT * head.height) < 0.1


def test_anatomy_varies() -> None:
    heads = [draw_head(np.random.default_rng(seed), 64) for seed in SEEDS]
    areas = [float((head.depth < 1).mean()) for head in heads]
    assert max(areas) > 1.2 * min(areas)
    tissues = [draw_tissue(head, np.random.default_rng(seed)) for seed, head in enumerate(heads)]
    brains = [tissue[grow(head.depth > head.brain, 2) == 0] for tissue, head in zip(tissues, heads, strict=True)]
    assert max(brain.mean() for brain in brains) > 1.15 * min(brain.mean() for brain in brains)
