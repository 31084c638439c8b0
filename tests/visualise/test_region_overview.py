"""Pages of a scene whose pictures are flat colours: each must be found on the page, whole, as often as it should be."""

import math
from dataclasses import replace

import pytest
import torch
from references.peeled_scene import PHOTOGRAPH, WITHOUT_ONE, WITHOUT_TWO, nothing_found, peeled_scene
from scipy.ndimage import find_objects, label

from iem.interfaces import Verdict
from iem.regions import Region, RegionTree, Round, StopReason
from iem.visualise import region_overview
from iem.visualise.region_legend import ending, legend, legend_width, number
from iem.visualise.region_overview import _NARROWEST, _cell
from iem.visualise.region_rounds import Storyboard, shrunk


def patches(page, colour, least=60):
    """Height and width of every patch of one colour that is wider than a letter."""
    close = (page[0] - torch.tensor(colour).view(3, 1, 1)).abs().amax(0) < 0.02
    sizes = [[side.stop - side.start for side in place] for place in find_objects(label(close.numpy())[0])]
    return [(h, w) for h, w in sizes if w >= least]


def test_photograph_regions_rounds_and_what_came_of_them_are_on_the_page():
    page = region_overview(peeled_scene())
    assert page.shape[:2] == (1, 3)
    assert page.shape[3] == 1800
    large, *small = sorted(patches(page, PHOTOGRAPH), reverse=True)
    assert large == pytest.approx((large[1] * 60 / 90, large[1]), abs=1)  # the photograph, not squeezed
    assert large[1] > 800
    assert len(small) >= 1  # what round 1 saw
    assert len(patches(page, WITHOUT_ONE)) == 2  # after round 1, and what round 2 saw
    assert len(patches(page, WITHOUT_TWO)) == 1


@pytest.mark.parametrize(("h", "w"), [(60, 90), (90, 60), (60, 60), (40, 400), (400, 40)])
def test_nothing_is_cut_off_at_the_page(h, w):
    page = region_overview(peeled_scene(h, w), width=1200)[0]
    assert page.shape[2] == 1200
    margin = 10
    for edge in (page[:, :margin], page[:, -margin:], page[:, :, :margin], page[:, :, -margin:]):
        assert (edge == 1).all()


@pytest.mark.parametrize("count", [0, 1, 2, 5, 24])
@pytest.mark.parametrize("size", [(24, 48), (48, 24)])
def test_any_number_of_regions(count, size):
    """Strips side by side, all split off."""
    h, w = size
    image = torch.rand(1, 3, h, w, generator=torch.Generator().manual_seed(0))
    owner = (torch.arange(w) * (count + 1) // w).expand(1, 1, h, w)
    regions = tuple(Region(i, 0 if i else None, (owner == i).float(), 0.5, 0.01, i) for i in range(count + 1))
    rounds = tuple(
        Round(i, "split", 0, image, regions[i].mask, Verdict(0.5, 0.01, True), i) for i in range(1, count + 1)
    )
    page = region_overview(RegionTree(image, regions, rounds), width=1000)
    assert page.shape[3] == 1000
    assert 0 <= page.min() <= page.max() <= 1


def test_the_last_refusal_is_shown_and_earlier_ones_are_not():
    tree = peeled_scene()
    refused = replace(tree.rounds[3], number=9, picture=torch.full_like(tree.image, 0.5), kind="paint")
    grey = (0.5, 0.5, 0.5)
    assert patches(region_overview(tree, width=900), grey) == []
    assert len(patches(region_overview(replace(tree, rounds=(*tree.rounds, refused)), width=900), grey)) == 1
    assert patches(region_overview(replace(tree, rounds=(refused, *tree.rounds)), width=900), grey) == []


def test_pictures_that_are_not_finite_have_a_page():
    tree = nothing_found(StopReason.NONFINITE)
    page = region_overview(replace(tree, image=tree.image * math.nan))
    assert torch.isfinite(page).all()
    assert len(patches(page, (0.0, 0.0, 0.0))) >= 1


def test_a_pixel_that_is_not_finite_does_not_spread():
    image = torch.full((1, 3, 40, 60), 0.5)
    image[0, 0, 10, 10], image[0, 1, 20, 20], image[0, 2, 30, 30] = math.nan, math.inf, 7.0
    shown = shrunk(image, (20, 30))
    assert torch.isfinite(shown).all()
    assert ((shown - 0.5).abs() > 1e-4).sum() < 150


def test_headings_fit_the_narrowest_rounds():
    tree = peeled_scene(400, 40)
    board = Storyboard.of(tree, (100, 10))
    for tried in tree.rounds[:3]:
        renamed = replace(tried, number=88)
        assert _cell(board, renamed, 20, 24).width <= _NARROWEST * 20


@pytest.mark.parametrize(
    ("reason", "first", "later"),
    [
        (StopReason.NOTHING_FOUND, "No region: nothing was found.", "3 regions; then nothing more was found."),
        (StopReason.ROUND_LIMIT, "No region: the rounds ran out.", "3 regions; then the rounds ran out."),
        (StopReason.CONSTANT, "No region: the picture is one flat colour.", None),
        (StopReason.NONFINITE, "No region: the picture holds NaN or infinity.", None),
    ],
)
def test_the_end_is_told_in_words(reason, first, later):
    assert ending(nothing_found(reason)) == first
    if later:
        assert ending(replace(peeled_scene(), reason=reason)) == later


def test_every_reason_has_words_and_a_refusal_its_p_value():
    for reason in StopReason:
        assert ending(nothing_found(reason)).endswith(".")
    assert ending(peeled_scene()) == "3 regions; then what was found next does not stand out enough (p = 0.310)."
    untested = replace(peeled_scene(), rounds=peeled_scene().rounds[:3])
    assert ending(untested) == "3 regions; then what was found next does not stand out enough."


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (0.31, "0.310"), (0.00049, "5e-04"), (-0.5, "-0.500"), (12.34, "12.3"), (2e6, "2e6")],
)
def test_numbers_are_short(value, text):
    assert number(value) == text.replace("e-0", "e-")
    assert number(math.inf) == number(math.nan) == "-"


def test_the_table_has_a_row_for_every_region_and_stays_within_its_width():
    tree = peeled_scene()
    letter = 20
    table = legend(tree, width=legend_width(letter), letter=letter)
    assert table.width == legend_width(letter)
    assert table.height == round(1.7 * letter) * (1 + 4)
    # Long ones continue beside themselves.
    many = tuple(replace(tree.regions[1], id=i) for i in range(1, 13))
    long = replace(tree, regions=(tree.regions[0], *many))
    assert legend(long, width=1800, letter=letter).height < legend(long, width=600, letter=letter).height


def test_a_partition_grows_round_by_round():
    tree = peeled_scene()
    board = Storyboard.of(tree, (60, 90))
    one, two, three, refused = tree.rounds
    assert board.partition(before=one).unique().tolist() == [0]
    assert board.partition(after=one).unique().tolist() == [0, 1]
    assert torch.equal(board.partition(before=two), board.partition(after=one))
    # Before it was split, the second region had its part.
    assert torch.equal((board.partition(after=two) == 2).float(), tree.extent(2)[0, 0])
    assert torch.equal(board.partition(after=three), tree.labels())
    assert torch.equal(board.partition(after=refused), tree.labels())
    assert torch.equal(board.partition(), tree.labels())


def test_a_split_shows_only_what_was_split():
    tree = peeled_scene()
    board = Storyboard.of(tree, (60, 90))
    seen = board.seen(tree.rounds[2])[0]
    bright = seen.amax(0)
    assert bright[30, 50] > 0.85  # in region 2, beside its part
    assert bright[2:10].max() < 0.4  # outside


def test_wrong_widths_are_named():
    for width in (100, 1e9, "wide"):
        with pytest.raises(ValueError, match="width: expected a whole number from 900 to 8000"):
            region_overview(peeled_scene(), width=width)
