"""How networks of any depth are laid out: the sides of their feature maps, and how many channels each has."""

MOST = 8
"""Channels grow with each halving of the side to at most this many times those next to the image."""


def sides(image_size: int) -> tuple[int, ...]:
    """Sides of the feature maps in pixels, ascending: from 4 to 7 pixels, by doubling, to the image's."""
    side = image_size
    while side > 7:
        side //= 2
    found = [side]
    while found[-1] < image_size:
        found.append(2 * found[-1])
    return tuple(found)


def widths(image_size: int, width: int) -> tuple[int, ...]:
    """Channels of the feature maps of those sides."""
    return tuple(min(image_size // side, MOST) * width for side in sides(image_size))
