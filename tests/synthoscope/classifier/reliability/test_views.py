import numpy as np
import pytest

from synthoscope.classifier.reliability import views
from synthoscope.images.strangers import strangers

ALL = {"statistics": 4, "layout": 64, "texture": 56, "edges": 128}


@pytest.fixture(scope="module")
def photographs() -> np.ndarray:
    return strangers("photograph", 6, 96)


@pytest.mark.parametrize("name", sorted(ALL))
@pytest.mark.parametrize("side", [32, 64, 200])
def test_a_view_has_one_row_an_image_whatever_their_size(name, side):
    found = getattr(views, name)(strangers("text", 3, side))
    assert found.dtype == np.float32
    assert found.shape == (3, ALL[name])
    assert np.isfinite(found).all()


@pytest.mark.parametrize("name", sorted(ALL))
def test_flat_images_have_finite_views(name):
    assert np.isfinite(getattr(views, name)(np.zeros((2, 64, 64, 3), np.uint8))).all()


def test_layout_does_not_see_brightness_and_contrast(photographs):
    dull = (photographs * 0.5 + 40).astype(np.uint8)
    assert np.abs(views.layout(dull) - views.layout(photographs)).max() < 0.02


def test_layout_sees_where_things_lie(photographs):
    assert np.linalg.norm(views.layout(photographs[:, ::-1]) - views.layout(photographs), axis=1).min() > 0.1


def test_texture_tells_rough_from_smooth():
    random = np.random.default_rng(0)
    smooth = np.linspace(0, 255, 64).astype(np.uint8)[None, :, None] * np.ones((64, 1, 3), np.uint8)
    rough = (smooth * 0.8 + random.uniform(0, 50, (64, 64, 1))).astype(np.uint8)
    found = views.texture(np.stack([smooth, rough]))
    assert (found[1, :16] > found[0, :16]).all()  # the finest scale, everywhere
    assert found[1, -1] > found[0, -1] + 1  # the highest frequencies


def test_edges_tell_directions():
    across = np.zeros((64, 64, 3), np.uint8)
    across[:, ::8] = 255
    found = views.edges(np.stack([across, across.transpose(1, 0, 2)])).reshape(2, 8, 16)
    assert found[0, 0].min() > 2 > found[0, 4].max()  # changes from left to right
    assert found[1, 4].min() > 2 > found[1, 0].max()


def test_statistics_see_colour():
    grey, red = np.full((2, 32, 32, 3), 90, np.uint8)
    red[..., 0] = 200
    assert views.statistics(np.stack([grey, red]))[:, 3].tolist() == [0, 110]


def test_the_same_images_give_the_same_bits_wherever_they_lie_in_memory():
    chance = np.random.default_rng(0)
    images = chance.integers(0, 256, (3, 64, 64, 3)).astype(np.uint8)
    kept, found = [], set()
    for _ in range(60):
        kept.append(np.empty(int(chance.integers(1, 5000)), np.uint8))
        found.add(b"".join(getattr(views, name)(images.copy()).tobytes() for name in ALL))
    assert len(found) == 1
