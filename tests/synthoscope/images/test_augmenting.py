import math

import pytest
import torch
from torch.nn import functional as F

from synthoscope.api.training.v1 import training_pb2
from synthoscope.images.augmentation import Augmentation
from synthoscope.images.augmenting import Changes, apply_changes, draw_changes, sampling_grid
from synthoscope.rpc.errors import InvalidInput
from synthoscope.training.randomness import torch_generator

OFF = Augmentation(0.0, 0.0, 0.0, 0.0, 0.0, False)


def with_only(**changes) -> Augmentation:
    return Augmentation(**{**OFF.__dict__, **changes})


def changed(augmentation: Augmentation, images: torch.Tensor, seed: int = 0) -> torch.Tensor:
    return apply_changes(images, draw_changes(augmentation, len(images), torch_generator(seed)))


def test_nothing_switched_on_changes_nothing():
    images = torch.rand(5, 3, 16, 16)
    assert torch.allclose(changed(OFF, images), images, atol=1e-5)


def test_the_same_seed_gives_the_same_images():
    images = torch.rand(4, 3, 16, 16)
    assert torch.equal(changed(Augmentation(), images), changed(Augmentation(), images))
    assert not torch.equal(changed(Augmentation(), images), changed(Augmentation(), images, seed=1))


def test_parts_of_a_batch_get_what_the_whole_gets():
    images = torch.rand(8, 3, 16, 16)
    changes = draw_changes(Augmentation(), 8, torch_generator(3))
    whole = apply_changes(images, changes)
    halves = [apply_changes(images[rows], changes.part(rows)) for rows in (slice(0, 4), slice(4, 8))]
    assert torch.equal(torch.cat(halves), whole)


def test_about_half_are_mirrored_and_exactly():
    images = torch.rand(200, 3, 8, 8)
    after = changed(with_only(horizontal_flip=True), images)
    mirrored = torch.tensor([torch.allclose(a, b.flip(2), atol=1e-5) for a, b in zip(after, images, strict=True)])
    same = torch.tensor([torch.allclose(a, b, atol=1e-5) for a, b in zip(after, images, strict=True)])
    assert (mirrored ^ same).all()
    assert 70 < mirrored.sum() < 130


def test_brightness_stays_within_its_bound():
    after = changed(with_only(brightness=0.2), torch.full((300, 3, 4, 4), 0.5))
    assert after.min() >= 0.4 - 1e-6
    assert after.max() <= 0.6 + 1e-6
    assert after.std() > 0.03
    assert changed(with_only(brightness=0.9), torch.full((300, 3, 4, 4), 0.9)).max() == 1.0


def test_shifts_stay_within_their_bounds():
    images = torch.zeros(100, 3, 32, 32)
    images[:, :, 16, 16] = 1.0
    after = changed(with_only(width_shift=0.25), images)
    columns = after.sum((1, 2)).argmax(1)
    assert (after.sum((1, 3)).argmax(1) == 16).all()
    assert (columns - 16).abs().max() <= 8
    assert (columns - 16).abs().max() >= 6


def test_a_crop_shows_a_part_of_the_picture_that_lies_within_it():
    affine = draw_changes(with_only(crop=0.6), 500, torch_generator(2)).affine
    width, height = affine[:, 0, 0], affine[:, 1, 1]
    for part in (width, height):
        assert 0.4 <= part.min() < 0.45
        assert 0.95 < part.max() <= 1
    assert torch.corrcoef(torch.stack([width, height]))[0, 1].abs() < 0.15
    centre = affine[:, :, 2]
    room = 1 - torch.stack([width, height], dim=1)
    assert (centre.abs() <= room + 1e-6).all()
    assert (centre.abs() > 0.9 * room).any(dim=0).all()
    assert not affine[:, 0, 1].any()
    assert not affine[:, 1, 0].any()


def test_a_crop_is_of_what_the_other_changes_leave():
    images = torch.rand(1, 3, 24, 24)
    turned = with_only(rotation_degrees=40.0, zoom=0.3)
    before = apply_changes(images, draw_changes(turned, 1, torch_generator(4)))
    both = draw_changes(Augmentation(**{**turned.__dict__, "crop": 0.5}), 1, torch_generator(4))
    alone = draw_changes(with_only(crop=0.5), 1, torch_generator(4))
    grid = sampling_grid(both.affine, 24, 24)
    inner = sampling_grid(alone.affine, 24, 24)
    outer = draw_changes(turned, 1, torch_generator(4)).affine
    torch.testing.assert_close(grid, inner @ outer[0, :, :2].T + outer[0, :, 2])
    assert not torch.equal(apply_changes(images, both), before)


def test_a_quarter_turn_is_a_quarter_turn():
    images = torch.rand(1, 3, 9, 9)
    angle = math.pi / 2
    affine = torch.tensor([[[math.cos(angle), -math.sin(angle), 0], [math.sin(angle), math.cos(angle), 0]]])
    after = apply_changes(images, Changes(affine, torch.ones(1)))
    assert torch.allclose(after, images.rot90(1, (2, 3)), atol=1e-4)


def test_shear_leans_rows_against_each_other():
    images = torch.zeros(50, 3, 33, 33)
    images[:, :, :, 16] = 1.0
    after = changed(with_only(shear_degrees=30.0), images)
    lean = after[:, 0, 4].argmax(1) - after[:, 0, 28].argmax(1)
    assert lean.abs().max() == pytest.approx(24 * math.tan(math.radians(30)), abs=3)


def test_the_border_is_repeated():
    after = changed(Augmentation(), torch.ones(20, 3, 16, 16) * 0.5)
    assert after.min() > 0.4
    assert after.is_contiguous(memory_format=torch.channels_last)


def test_further_changes_leave_the_draws_of_the_others_as_they_were():
    before = draw_changes(Augmentation(), 50, torch_generator(7))
    more = Augmentation(zoom=0.3, contrast=0.4)
    after = draw_changes(more, 50, torch_generator(7))
    assert before.contrast is None
    assert torch.equal(after.brightness, before.brightness)
    assert torch.equal(after.affine[:, :, 2], before.affine[:, :, 2])
    ratio = before.affine[:, 0, 0] / after.affine[:, 0, 0]
    assert ((ratio >= 0.7) & (ratio <= 1.3)).all()
    torch.testing.assert_close(after.affine[:, :, :2] * ratio[:, None, None], before.affine[:, :, :2])


def test_the_seed_presets_changes_are_those_of_its_formula():
    """Written out with the draws in the order that published models were trained with."""
    generator = torch_generator(5)
    angle, shear, shift_x, shift_y, brightness = torch.rand(5, 9, generator=generator) * 2 - 1
    mirrored = torch.rand(9, generator=generator) < 0.5
    angle, shear = torch.deg2rad(angle * 10.0), torch.deg2rad(shear * 5.0)
    sign = torch.where(mirrored, -1.0, 1.0)
    changes = draw_changes(Augmentation(horizontal_flip=True), 9, torch_generator(5))
    assert torch.equal(changes.affine[:, 0, 0], torch.cos(angle) * sign)
    assert torch.equal(changes.affine[:, 1, 1], torch.cos(angle + shear))
    assert torch.equal(changes.affine[:, 0, 2], 2 * 0.05 * shift_x)
    assert torch.equal(changes.affine[:, 1, 2], 2 * 0.05 * shift_y)
    assert torch.equal(changes.brightness, 1.0 + 0.15 * brightness)
    for images in (torch.rand(9, 3, 16, 20), torch.rand(9, 1, 16, 20).expand(-1, 3, -1, -1)):
        images = images.contiguous(memory_format=torch.channels_last)
        grid = F.affine_grid(changes.affine, [9, 3, 16, 20], align_corners=False)
        moved = F.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)
        expected = (moved * changes.brightness[:, None, None, None]).clamp(0, 1)
        # How a product of matrices is rounded depends on the processor.
        torch.testing.assert_close(apply_changes(images, changes), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("shape", [(1, 1), (5, 8), (64, 64), (128, 96)])
def test_the_grid_is_the_librarys(shape):
    affine = draw_changes(Augmentation(zoom=0.2), 6, torch_generator(2)).affine
    expected = F.affine_grid(affine, [6, 3, *shape], align_corners=False)
    torch.testing.assert_close(sampling_grid(affine, *shape), expected, atol=3e-7, rtol=0)


def test_a_grey_image_is_changed_as_it_is_among_colours():
    images = torch.rand(4, 3, 16, 16)
    images[1] = images[1, :1]
    changes = draw_changes(Augmentation(), 4, torch_generator(3))
    assert torch.equal(apply_changes(images[1:2], changes.part(slice(1, 2)))[0], apply_changes(images, changes)[1])


def test_zoom_changes_the_size_within_its_bound():
    images = torch.zeros(200, 3, 64, 64)
    images[:, :, 22:42, 22:42] = 1.0
    sides = changed(with_only(zoom=0.25), images)[:, 0].sum((1, 2)).sqrt()
    assert 20 * 0.75 - 0.5 <= sides.min() < 16
    assert 24 < sides.max() <= 20 * 1.25 + 0.5


def test_contrast_is_about_the_mean_and_within_its_bound():
    images = torch.full((300, 3, 8, 8), 0.4)
    images[:, :, :4] = 0.6
    after = changed(with_only(contrast=0.5), images)
    torch.testing.assert_close(after.mean((1, 2, 3)), torch.full((300,), 0.5))
    spread = after.amax((1, 2, 3)) - after.amin((1, 2, 3))
    assert 0.1 - 1e-5 <= spread.min() < 0.12
    assert 0.28 < spread.max() <= 0.3 + 1e-5


def test_about_half_are_turned_upside_down_when_asked_for():
    images = torch.rand(200, 3, 8, 8)
    after = changed(with_only(vertical_flip=True), images)
    flipped = torch.tensor([torch.allclose(a, b.flip(1), atol=1e-5) for a, b in zip(after, images, strict=True)])
    same = torch.tensor([torch.allclose(a, b, atol=1e-5) for a, b in zip(after, images, strict=True)])
    assert (flipped ^ same).all()
    assert 70 < flipped.sum() < 130


def test_the_images_given_stay_as_they_were():
    images = torch.rand(4, 3, 16, 16)
    before = images.clone()
    changed(Augmentation(zoom=0.2, contrast=0.2, vertical_flip=True), images)
    assert torch.equal(images, before)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_a_gpu_makes_the_same_changes():
    images = torch.rand(16, 3, 64, 64)
    changes = draw_changes(Augmentation(zoom=0.2, contrast=0.2), 16, torch_generator(1))
    on_gpu = apply_changes(images.cuda(), changes)
    assert on_gpu.is_cuda
    torch.testing.assert_close(on_gpu.cpu(), apply_changes(images, changes), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("field", ["zoom", "contrast", "crop", "brightness", "width_shift", "shear_degrees"])
def test_what_is_out_of_range_is_named(field):
    with pytest.raises(InvalidInput, match=rf"^config.augmentation.{field}: must be in"):
        Augmentation.from_message(training_pb2.Augmentation(**{field: -0.1}), "config.augmentation")
    with pytest.raises(InvalidInput, match=field):
        Augmentation.from_message(training_pb2.Augmentation(**{field: float("nan")}))
