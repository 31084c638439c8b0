"""What prompts fix, and what they speak for, against both written out pixel by pixel."""

import math

import pytest
import torch
from references.derivatives import finite_differences, relative_error
from references.pictures import smooth

from iem import presets
from iem.prompts import Box, Points, Scribble
from iem.segmenters.constraints import Constraints
from iem.segmenters.evidence import Evidence, pull

SIZE = (20, 26)


def places():
    return ((i, j) for i in range(SIZE[0]) for j in range(SIZE[1]))


def nearest(places_marked, place):
    return min((math.dist(place, each) for each in places_marked), default=math.inf)


def test_every_pixel_belongs_to_the_nearest_click_within_reach():
    """In a picture of half the size: a click at (x, y) is on the pixel in row y/2, column x/2."""
    prompts = [Points([(10, 12), (20.9, 14)], [True, False]), Points([(40, 30)]), Box(3, 2, 48, 37)]
    drawn = Constraints.of(prompts, (40, 52), SIZE)
    inside, outside = drawn.inside(4), drawn.outside(4)
    for row, column in places():
        on, beside = nearest([(6, 5), (15, 20)], (row, column)), nearest([(7, 10)], (row, column))
        boxed = 2 <= 2 * row + 1 < 37 and 3 <= 2 * column + 1 < 48
        assert inside[0, 0, row, column] == (boxed and on <= 4 and on < beside)
        assert outside[0, 0, row, column] == (not boxed or (beside <= 4 and beside <= on))
    assert not (inside & outside).any()
    assert drawn.inside(0).nonzero()[:, 2:].tolist() == [[6, 5], [15, 20]]


def test_strokes_are_certain_as_they_are_drawn_and_starts_reach_farther():
    stroke = Scribble([(4, 10), (20, 10)], 3)
    drawn = Constraints.of([stroke, Points([(24, 17)], [False])], SIZE, SIZE)
    covered = stroke.to_mask(SIZE) > 0.5
    assert (drawn.inside(5) == covered).all()
    assert (drawn.around(3) & ~covered).any()
    assert not (drawn.around(30) & drawn.outside(6)).any()
    assert (drawn.around(30) | drawn.outside(30)).all()


def test_the_ellipse_touches_the_box_in_the_middle_of_its_sides():
    ellipse = Constraints.of([Box(4, 3, 21, 16)], SIZE, SIZE).ellipse()[0, 0]
    for row, column in places():
        inside = ((column + 0.5 - 12.5) / 8.5) ** 2 + ((row + 0.5 - 9.5) / 6.5) ** 2 <= 1
        assert ellipse[row, column] == inside
    assert ellipse[9, 4]
    assert ellipse[3, 12]


def test_the_pull_is_that_of_the_most_alike_and_nearest_click():
    shares = torch.rand(1, 4, *SIZE, generator=torch.Generator().manual_seed(0)).softmax(1)
    drawn = Constraints.of([Points([(3, 3), (20, 5), (9, 15)], [True, True, False])], SIZE, SIZE)
    found = pull(shares, drawn.clicked, drawn.beside, weight=2.0, reach=6.0, sharpness=3.0)

    def kin(a, b):
        pairs = zip(shares[0, :, a[0], a[1]].tolist(), shares[0, :, b[0], b[1]].tolist(), strict=True)
        alike = sum(math.sqrt(x * y) for x, y in pairs)
        return alike**3 * math.exp(-(math.dist(a, b) ** 2) / 72)

    for row, column in [(0, 0), (3, 3), (15, 9), (12, 14), (19, 25)]:
        place = row, column
        expected = 2 * (max(kin(place, (3, 3)), kin(place, (5, 20))) - kin(place, (15, 9)))
        assert float(found[0, 0, row, column]) == pytest.approx(expected, abs=1e-5)
    nothing = torch.zeros_like(drawn.clicked)
    assert float(pull(shares, nothing, nothing, weight=2.0, reach=6.0, sharpness=3.0).abs().max()) == 0


def test_the_gradient_is_that_of_the_score_for_every_mask():
    image = smooth(3, 1, 3, *SIZE)
    prepared = presets.best().objective.prepare(image)
    masks = torch.rand(3, 1, *SIZE, dtype=image.dtype, generator=torch.Generator().manual_seed(1))
    bent = Evidence(prepared, torch.randn(1, 1, *SIZE, dtype=image.dtype, generator=torch.Generator().manual_seed(2)))
    score, gradient = bent.value_and_gradient(image.expand(3, -1, -1, -1), masks)
    assert torch.equal(score, bent(image.expand(3, -1, -1, -1), masks))
    entries = torch.arange(0, masks[0].numel(), 37)
    numeric = finite_differences(bent, image.expand(3, -1, -1, -1), masks, entries)
    assert relative_error(gradient.flatten(1)[:, entries], numeric) < 1e-5
    for i in range(3):
        assert float(Evidence(prepared)(image, masks[i : i + 1])) == pytest.approx(
            float(prepared(image, masks[i : i + 1])), abs=1e-12
        )
