"""The heat map as a picture."""

import io

import numpy as np
import pytest
from PIL import Image

from air_core.evidence.overlay import AGAINST, FOR, overlay_png, paint, strongest


def test_for_against_and_neither():
    region = np.zeros((4, 4), np.float32)
    region[0, 0], region[3, 3] = 2.0, -2.0
    picture = paint(region, 2.0, (40, 40))
    assert picture.shape == (40, 40, 4)
    assert tuple(picture[3, 3, :3]) == FOR
    assert tuple(picture[36, 36, :3]) == AGAINST
    assert picture[3, 3, 3] > 150
    assert picture[36, 36, 3] > 150
    assert picture[3, 36, 3] == 0


def test_what_is_strong_is_bounded_and_without_colour_one_can_tell_for_from_against():
    def line(region):
        return (paint(region, 1.0, (120, 120))[:, :, :3] == 255).all(axis=2)

    region = np.zeros((6, 6), np.float32)
    region[2:4, 2:4] = 1.0
    solid, dashed = line(region), line(-region)
    assert solid.sum() > 100
    assert 0.3 < dashed.sum() / solid.sum() < 0.7
    assert not (dashed & ~solid).any()
    assert not line(0.3 * region).any()


def test_a_region_lies_over_its_own_part_of_the_picture():
    region = np.zeros((7, 7), np.float32)
    region[1, 5] = 1.0
    alpha = paint(0.4 * region, 1.0, (70, 140))[:, :, 3].astype(float)
    y, x = (float((alpha * axis).sum() / alpha.sum()) for axis in np.mgrid[:140, :70])
    assert abs(x - 54.5) < 1
    assert abs(y - 29.5) < 1


def test_strength_is_relative_to_the_scale_and_nothing_at_all_is_transparent():
    region = np.full((2, 2), 0.5, np.float32)
    assert paint(region, 1.0, (4, 4))[0, 0, 3] < paint(region, 0.5, (4, 4))[0, 0, 3]
    assert not paint(region * 0, 0.0, (4, 4))[:, :, 3].any()


def test_the_file_is_a_png_with_transparency():
    picture = Image.open(io.BytesIO(overlay_png(np.eye(3), 1.0, (30, 20))))
    assert (picture.format, picture.mode, picture.size) == ("PNG", "RGBA", (30, 20))


@pytest.mark.parametrize(
    ("cell", "words"),
    [((3, 3), "centre"), ((2, 2), "centre"), ((0, 3), "upper centre"), ((4, 6), "middle right"),
     ((6, 0), "lower left")],
)  # fmt: skip
def test_where_it_is_strongest_in_words(cell, words):
    region = np.full((7, 7), 0.1)
    region[cell] = 1.0
    assert strongest(region, 1.0) == words
    assert strongest(region, 10.0) == ""
