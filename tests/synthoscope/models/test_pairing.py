from synthoscope.models.pairing import pair
from synthoscope.models.predictions import ImagePredictions


def said(classes, images, labels, predicted, groups):
    return ImagePredictions("test", "tenants/t/datasets/d/versions/v", classes, images, labels, predicted, groups)


def test_images_are_matched_by_their_bytes_and_classes_by_name():
    first = said(("a", "b"), ("x", "y", "z", "only"), (0, 1, 0, 0), (0, 0, 0, 0), (0, 1, 2, 3))
    second = said(("b", "a", "c"), ("other", "z", "y", "x"), (2, 1, 0, 1), (2, 2, 0, 1), (0, 1, 2, 3))
    paired = pair(first, second)
    assert paired.first.tolist() == [True, False, True]  # of x, y, z
    assert paired.second.tolist() == [True, True, False]
    assert paired.group_count == 3


def test_images_that_are_called_otherwise_by_now_are_left_out():
    first = said(("a", "b"), ("x", "y"), (0, 1), (0, 1), (0, 1))
    second = said(("a", "b"), ("x", "y"), (1, 1), (1, 1), (0, 1))
    assert len(pair(first, second).groups) == 1


def test_an_image_that_is_there_twice_counts_once():
    first = said(("a", "b"), ("x", "x"), (0, 0), (0, 0), (0, 0))
    assert len(pair(first, first).groups) == 1


def test_images_are_of_one_group_when_either_says_so():
    first = said(("a",), tuple("uvwxyz"), (0,) * 6, (0,) * 6, (0, 0, 1, 2, 3, 4))
    second = said(("a",), tuple("uvwxyz"), (0,) * 6, (0,) * 6, (9, 8, 8, 7, 6, 6))
    groups = pair(first, second).groups.tolist()
    assert groups[0] == groups[1] == groups[2]
    assert groups[4] == groups[5]
    assert len(set(groups)) == 3
    assert pair(first, second).group_count == 3


def test_nothing_in_common():
    first, second = said(("a",), ("x",), (0,), (0,), (0,)), said(("a",), ("y",), (0,), (0,), (0,))
    assert pair(first, second).group_count == 0
