import numpy as np
import pytest
import torch

from synthoscope.images.centre_view import centre_view, placed
from synthoscope.images.placement import Placement


def test_without_a_share_it_is_the_picture_itself():
    images = torch.rand(2, 3, 32, 32)
    assert centre_view(images, 0.0) is images


def test_the_centre_fills_the_view():
    images = torch.zeros(1, 3, 40, 40)
    images[:, :, 5:35, 5:35] = 1.0
    view = centre_view(images, 0.25)
    assert view.shape == images.shape
    assert view.eq(1).all()
    assert not centre_view(images, 0.2).eq(1).all()


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5])
def test_what_is_seen_is_found_where_it_lies(share):
    side = 64
    images = torch.zeros(1, 3, side, side)
    images[:, :, 40, 25] = 1.0
    view = centre_view(images, share)[0, 0].numpy()
    rows, columns = np.mgrid[:side, :side]
    there = np.array([[(columns * view).sum(), (rows * view).sum()]]) / view.sum()
    ((x, y),) = placed(Placement.whole(side, side), side, share).to_original(there)
    assert (x, y) == (pytest.approx(25, abs=0.2), pytest.approx(40, abs=0.2))
