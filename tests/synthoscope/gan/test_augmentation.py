import pytest
import torch

from synthoscope.gan.augmentation import NUMBERS, augment, mirror, probability_at

IMAGES = torch.rand(2, 1, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1


def numbers(**chosen):
    """Numbers that change nothing but what is chosen, for both images."""
    names = ("shift?", "cutout?", "bright?", "contrast?", "down", "right", "row", "column", "bright", "contrast")
    values = dict.fromkeys(names, 0.5) | dict.fromkeys(names[:4], 0.99) | chosen
    assert len(values) == NUMBERS == len(names)
    return torch.tensor([[values[name] for name in names]] * 2)


def test_nothing_happens_at_probability_zero_or_when_no_number_is_below_it():
    drawn = torch.rand(2, NUMBERS)
    assert augment(IMAGES, drawn, 0.0) is IMAGES
    torch.testing.assert_close(augment(IMAGES, numbers(), 0.5), IMAGES)


def test_a_shift_leaves_black_behind():
    shifted = augment(IMAGES, numbers(**{"shift?": 0.0, "down": 1.0, "right": 0.5}), 0.5)
    torch.testing.assert_close(shifted[:, :, 2:], IMAGES[:, :, :-2])
    torch.testing.assert_close(shifted[:, :, :2], torch.full((2, 1, 2, 16), -1.0))


def test_a_cutout_is_a_black_square_of_half_the_side():
    cut = augment(IMAGES, numbers(**{"cutout?": 0.0, "row": 0.5, "column": 0.5}), 0.5)
    assert (cut[:, :, 4:12, 4:12] == -1).all()
    torch.testing.assert_close(cut[:, :, :4], IMAGES[:, :, :4])
    torch.testing.assert_close(cut[:, :, :, 12:], IMAGES[:, :, :, 12:])


def test_brightness_moves_the_mean_and_contrast_the_deviation():
    brighter = augment(IMAGES, numbers(**{"bright?": 0.0, "bright": 1.0}), 0.5)
    torch.testing.assert_close(brighter, IMAGES + 0.25)
    sharper = augment(IMAGES, numbers(**{"contrast?": 0.0, "contrast": 1.0}), 0.5)
    torch.testing.assert_close(sharper.mean((1, 2, 3)), IMAGES.mean((1, 2, 3)))
    torch.testing.assert_close(sharper.std((1, 2, 3)), 1.5 * IMAGES.std((1, 2, 3)))


def test_grey_stays_grey():
    grey = IMAGES.expand(-1, 3, -1, -1)
    changed = augment(grey, torch.rand(2, NUMBERS, generator=torch.Generator().manual_seed(1)), 0.99)
    assert not torch.equal(changed, grey)
    torch.testing.assert_close(changed[:, 0], changed[:, 2])


def test_it_can_be_differentiated_twice():
    images = IMAGES.double().requires_grad_(True)
    drawn = torch.rand(2, NUMBERS, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    (gradient,) = torch.autograd.grad(augment(images, drawn, 0.9).pow(3).sum(), images, create_graph=True)
    gradient.square().sum().backward()
    assert torch.isfinite(images.grad).all()
    assert images.grad.abs().sum() > 0


def test_mirroring():
    mirrored = mirror(IMAGES, torch.tensor([0.4, 0.6]))
    torch.testing.assert_close(mirrored[0], IMAGES[0].flip(2))
    torch.testing.assert_close(mirrored[1], IMAGES[1])


@pytest.mark.parametrize(("progress", "probability"), [(0.0, 0.0), (0.25, 0.15), (0.5, 0.3), (1.0, 0.3)])
def test_the_probability_ramps_up(progress, probability):
    assert probability_at(progress, 0.3, 0.5) == pytest.approx(probability)


def test_no_ramp_means_from_the_start():
    assert probability_at(0.0, 0.3, 0.0) == 0.3
