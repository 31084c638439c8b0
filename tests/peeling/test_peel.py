"""The loop with parts whose answers are known: what each is given, what is refused and why, what the tree holds."""

import dataclasses

import pytest
import torch
from references.pictures import noise
from skimage.draw import disk

from iem.interfaces import Verdict
from iem.peeling import peel
from iem.regions import StopReason

SIDE = 40
PLAIN = {"refiner": None, "test": None, "grow": None, "joint": False, "parts": False}  # nothing but the loop


def picture(seed=1):
    return noise(seed, 1, 3, SIDE, SIDE, dtype=torch.float32)


def box(top, bottom, left, right):
    mask = torch.zeros(1, 1, SIDE, SIDE)
    mask[..., top:bottom, left:right] = 1
    return mask


LEFT, RIGHT = box(5, 25, 2, 16), box(8, 30, 20, 36)
EVERYTHING = box(0, SIDE, 0, SIDE)


class Proposes:
    """One mask after the other, then nothing; keeps what it was shown."""

    def __init__(self, *masks):
        self.masks = list(masks)
        self.shown = []

    def __call__(self, image, within):
        self.shown.append((image, within))
        return self.masks.pop(0).clone() if self.masks else torch.zeros_like(within)


class Says:
    """The same of every proposal; keeps what it was asked."""

    def __init__(self, significant, score=0.25, p_value=0.01):
        self.verdict = Verdict(score, p_value, significant)
        self.asked = []

    def __call__(self, image, mask, within):
        self.asked.append((image, mask, within))
        return self.verdict


class Paints:
    """Every hole in a colour of its own; keeps what it was given."""

    differentiable = False

    def __init__(self, *colours):
        self.colours = list(colours) or [0.2, 0.4, 0.6]
        self.given = []

    def __call__(self, image, hole):
        colour = self.colours[len(self.given)]
        self.given.append((image, hole))
        return torch.where(hole > 0, torch.tensor(colour), image)


class Refuses:
    """A painter that must not be called."""

    differentiable = False

    def __call__(self, image, hole):
        raise AssertionError


def peeled(*masks, **options):
    return peel(picture(), **{"finder": Proposes(*masks), "painter": Paints(), **PLAIN, **options})


def found(tree):
    return [(region.id, region.parent, int(region.mask.sum())) for region in tree.regions]


def partition(tree):
    return torch.equal(sum(region.mask for region in tree.regions), torch.ones_like(tree.image[:, :1]))


def test_one_region_after_the_other_until_nothing_is_found():
    tree = peeled(LEFT, RIGHT)
    assert found(tree) == [(0, None, 1600 - 280 - 352), (1, 0, 280), (2, 0, 352)]
    assert torch.equal(tree.regions[1].mask, LEFT)
    assert torch.equal(tree.regions[2].mask, RIGHT)
    assert partition(tree)
    assert tree.reason is StopReason.NOTHING_FOUND
    assert [(each.number, each.kind, each.within, each.region, each.reason) for each in tree.rounds] == [
        (1, "paint", 0, 1, None),
        (2, "paint", 0, 2, None),
        (3, "paint", 0, None, StopReason.NOTHING_FOUND),
    ]
    assert [region.round for region in tree.regions] == [0, 1, 2]


def test_the_finder_is_shown_the_whole_painted_picture():
    finder, image = Proposes(LEFT, RIGHT), picture()
    tree = peel(image, finder=finder, painter=Paints(), **PLAIN)
    first, second, third = (shown for shown, _ in finder.shown)
    assert all(torch.equal(within, EVERYTHING) for _, within in finder.shown)
    assert torch.equal(first, image)
    assert torch.equal(second, torch.where(LEFT > 0, 0.2, image))
    assert torch.equal(third, torch.where(RIGHT > 0, 0.4, torch.where(LEFT > 0, 0.4, image)))
    for each, shown in zip(tree.rounds, (first, second, third), strict=True):
        assert torch.equal(each.picture, shown)


def test_with_repainting_all_holes_of_the_photograph_are_painted():
    painter = Paints()
    peeled(LEFT, RIGHT, painter=painter, repaint=True)
    assert [torch.equal(image, picture()) for image, _ in painter.given] == [True, True]
    assert torch.equal(painter.given[0][1], LEFT)
    assert torch.equal(painter.given[1][1], LEFT + RIGHT)


def test_without_repainting_one_more_hole_of_what_was_painted_last():
    painter = Paints()
    tree = peeled(LEFT, RIGHT, painter=painter, repaint=False)
    assert torch.equal(painter.given[0][0], picture())
    assert torch.equal(painter.given[1][0], torch.where(LEFT > 0, 0.2, picture()))
    assert torch.equal(painter.given[1][1], RIGHT)
    assert torch.equal(tree.rounds[1].painted, torch.where(RIGHT > 0, 0.4, torch.where(LEFT > 0, 0.2, picture())))


def test_the_hole_is_the_region_grown_and_the_region_stays():
    larger = box(3, 27, 0, 18)
    tree = peeled(LEFT, grow=lambda image, mask: torch.maximum(mask, larger))
    assert torch.equal(tree.rounds[0].hole, larger)
    assert torch.equal(tree.rounds[0].painted, torch.where(larger > 0, 0.2, picture()))
    assert torch.equal(tree.regions[1].mask, LEFT)
    assert torch.equal(peeled(LEFT, grow=None).rounds[0].hole, LEFT)


def test_the_refiner_has_the_last_word_on_the_mask():
    tree = peeled(LEFT, refiner=lambda image, mask: 0.7 * mask * RIGHT.flip(-1))
    refined = LEFT * RIGHT.flip(-1)
    assert torch.equal(tree.regions[1].mask, refined)
    torch.testing.assert_close(tree.rounds[0].proposal, 0.7 * refined)
    assert torch.equal(peeled(0.8 * LEFT, refiner=None).rounds[0].proposal, 0.8 * LEFT)


def test_what_a_painter_overdoes_is_cut_off():
    tree = peeled(LEFT, RIGHT, painter=Paints(1.5, -0.5))
    assert [float(each.painted.max()) for each in tree.rounds[:1]] == [1.0]
    assert float(tree.rounds[1].painted.min()) == 0.0


def test_the_test_judges_the_photograph_and_what_is_free_of_it():
    """The second proposal lies partly on the first region."""
    test, overlapping = Says(True), box(5, 25, 10, 36)
    tree = peeled(LEFT, overlapping, test=test)
    (image, mask, within), (image_2, mask_2, within_2) = test.asked
    assert torch.equal(image, picture())
    assert torch.equal(image_2, picture())
    assert torch.equal(mask, LEFT)
    assert torch.equal(within, EVERYTHING)
    assert torch.equal(mask_2, overlapping * (1 - LEFT))
    assert torch.equal(within_2, 1 - LEFT)
    assert (tree.regions[1].score, tree.regions[1].p_value) == (0.25, 0.01)
    assert tree.rounds[0].verdict == test.verdict
    assert partition(tree)


@pytest.mark.parametrize(
    ("masks", "options", "reason", "regions"),
    [
        ([], {}, StopReason.NOTHING_FOUND, 1),
        ([EVERYTHING], {}, StopReason.NOTHING_FOUND, 1),
        ([0.5 * LEFT], {}, StopReason.NOTHING_FOUND, 1),
        ([LEFT, 1 - LEFT], {}, StopReason.NOTHING_FOUND, 2),
        ([LEFT, box(30, 33, 30, 35)], {}, StopReason.TOO_SMALL, 2),
        ([LEFT, RIGHT], {"min_area": 0.2}, StopReason.TOO_SMALL, 2),
        ([LEFT, RIGHT], {"test": Says(False)}, StopReason.NOT_SIGNIFICANT, 1),
        ([LEFT, LEFT], {}, StopReason.NOTHING_NEW, 2),
        ([LEFT, box(5, 25, 2, 19)], {}, StopReason.NOTHING_NEW, 2),
        ([LEFT, box(5, 25, 2, 21)], {}, StopReason.NOTHING_FOUND, 3),
        ([LEFT, box(5, 25, 2, 21)], {"min_new": 0.5}, StopReason.NOTHING_NEW, 2),
    ],
)
def test_why_it_ends(masks, options, reason, regions):
    if options.get("min_area") == 0.2:
        masks = [box(0, 20, 0, 40), RIGHT * box(25, 40, 0, 40)]
    tree = peeled(*masks, **options)
    assert tree.reason is reason
    assert tree.rounds[-1].reason is reason
    assert tree.rounds[-1].region is None
    assert (tree.rounds[-1].hole, tree.rounds[-1].painted) == (None, None)
    assert len(tree.regions) == regions
    assert partition(tree)


@pytest.mark.parametrize(("rounds", "regions"), [(1, 2), (2, 3)])
def test_it_ends_with_the_last_round_allowed(rounds, regions):
    tree = peeled(LEFT, RIGHT, box(32, 39, 3, 20), max_rounds=rounds)
    assert tree.reason is StopReason.ROUND_LIMIT
    assert len(tree.rounds) == rounds
    assert len(tree.regions) == regions


@pytest.mark.parametrize(("value", "reason"), [(None, StopReason.CONSTANT), (torch.nan, StopReason.NONFINITE)])
@pytest.mark.parametrize("mode", ["paint", "split"])
def test_a_picture_without_anything_to_see_is_not_looked_at(value, reason, mode):
    image = torch.full((1, 3, SIDE, SIDE), 0.4)
    image[:, 0] = 0.6
    if value is not None:
        image[0, 1, 3, 4] = value
    finder = Proposes(LEFT)
    tree = peel(image, finder=finder, painter=Refuses(), mode=mode)
    assert tree.reason is reason
    assert found(tree) == [(0, None, 1600)]
    assert tree.rounds == ()
    assert finder.shown == []


def test_what_lies_behind_becomes_the_parent():
    """The small disc is found first, then, with it painted away, the large one that it lies on."""
    small, large, beside = EVERYTHING * 0, EVERYTHING * 0, box(33, 39, 30, 39)
    small[(0, 0, *disk((16, 16), 5))] = 1
    large[(0, 0, *disk((18, 18), 13))] = 1
    tree = peeled(small, beside, large)
    assert [region.parent for region in tree.regions] == [None, 3, 0, 0]
    assert torch.equal(tree.regions[3].mask, large - small)
    assert torch.equal(tree.extent(3), large)
    assert partition(tree)


def test_what_lies_on_a_region_is_its_part_if_found_later():
    small, large = EVERYTHING * 0, EVERYTHING * 0
    small[(0, 0, *disk((16, 16), 5))] = 1
    large[(0, 0, *disk((18, 18), 13))] = 1
    finder = Proposes(large, EVERYTHING * 0, EVERYTHING * 0, small)
    tree = peel(picture(), finder=finder, painter=Paints(), **{**PLAIN, "parts": True})
    assert [region.parent for region in tree.regions] == [None, 0, 1]
    assert torch.equal(tree.regions[1].mask, large - small)
    assert torch.equal(tree.extent(1), large)
    assert tree.rounds[3].kind == "split"
    assert tree.rounds[3].within == 1


def test_the_largest_region_is_divided_first_and_none_twice_that_refused():
    finder = Proposes(box(0, 40, 0, 12), box(0, 10, 12, 40))
    tree = peel(picture(), finder=finder, painter=Refuses(), mode="split", **PLAIN)
    areas = [int(within.sum()) for _, within in finder.shown]
    # The picture, its right side, what is left of that; then the two others, the larger one first.
    assert areas == [1600, 1120, 840, 480, 280]
    assert [each.within for each in tree.rounds] == [0, 0, 0, 1, 2]
    assert [each.kind for each in tree.rounds] == ["split"] * 5
    assert found(tree) == [(0, None, 840), (1, 0, 480), (2, 0, 280)]
    assert all(torch.equal(image, picture()) for image, _ in finder.shown)


def test_in_a_region_only_its_own_pixels_are_proposed():
    finder = Proposes(LEFT, EVERYTHING * 0, EVERYTHING * 0, box(0, 15, 0, 40))
    tree = peel(picture(), finder=finder, painter=Paints(), **{**PLAIN, "parts": True})
    assert torch.equal(tree.regions[2].mask, box(5, 15, 2, 16))
    assert tree.regions[2].parent == 1


def test_a_region_too_small_to_divide_is_not_looked_into():
    finder = Proposes(LEFT)
    peel(picture(), finder=finder, painter=Refuses(), mode="split", **PLAIN, min_area=0.1)
    assert [int(within.sum()) for _, within in finder.shown] == [1600, 1320]


def test_without_parts_no_region_is_looked_into():
    finder = Proposes(LEFT)
    peel(picture(), finder=finder, painter=Paints(), **PLAIN)
    assert len(finder.shown) == 2


@pytest.mark.parametrize("mode", ["paint", "split"])
def test_the_callback_sees_every_round_as_it_is_decided(mode):
    seen = []
    finder = Proposes(LEFT, RIGHT)

    def watch(each):
        seen.append(each)
        assert len(finder.shown) == len(seen)

    tree = peel(picture(), finder=finder, painter=Paints(), mode=mode, callback=watch, **PLAIN)
    assert len(seen) == len(tree.rounds) > 2
    assert [(each.number, each.region, each.reason) for each in seen] == [
        (each.number, each.region, each.reason) for each in tree.rounds
    ]
    assert all(one.proposal is other.proposal for one, other in zip(seen, tree.rounds, strict=True))


@pytest.mark.parametrize("mode", ["paint", "split"])
@pytest.mark.parametrize("last", [1, 3])
def test_what_the_callback_raises_ends_the_search(mode, last):
    finder = Proposes(LEFT, RIGHT)

    def stop(each):
        if each.number == last:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        peel(picture(), finder=finder, painter=Paints(), mode=mode, callback=stop, **PLAIN)
    assert len(finder.shown) == last


def test_found_twice_where_nothing_need_be_new():
    """The second leaves the first no pixel of its own; it lies behind it all the same."""
    tree = peeled(LEFT, LEFT, RIGHT, min_new=0.0)
    assert found(tree) == [(0, None, 968), (1, 2, 280), (2, 0, 0), (3, 0, 352)]
    assert sorted(tree.labels().unique().tolist()) == [0, 1, 3]
    assert torch.equal(tree.extent(2), LEFT)
    assert tree.depth(1) == 2
    assert partition(tree)


@pytest.mark.parametrize("joint", [False, True])
def test_a_region_without_pixels_passes_through_to_the_end(joint):
    options = {**PLAIN, "parts": True, "joint": joint, "min_new": 0.0}
    image = torch.where(LEFT > 0, 0.8, torch.where(RIGHT > 0, 0.5, 0.2)).expand(-1, 3, -1, -1)
    tree = peel(image, finder=Proposes(LEFT, LEFT, RIGHT), painter=Paints(), **options)
    assert partition(tree)
    assert [region.id for region in tree.regions] == list(range(len(tree.regions)))
    assert len(tree.labels().unique()) == 3


def test_moving_boundaries_jointly_keeps_ids_and_parents():
    image = torch.where(LEFT > 0, 0.8, torch.where(RIGHT > 0, 0.5, 0.2)).expand(-1, 3, -1, -1)
    rough = [LEFT.roll(1, -1), RIGHT.roll(-1, -2)]
    before, after = (
        peel(image, finder=Proposes(*rough), painter=Paints(), **{**PLAIN, "joint": joint}) for joint in (False, True)
    )
    assert [(each.id, each.parent, each.round) for each in after.regions] == [
        (each.id, each.parent, each.round) for each in before.regions
    ]
    assert torch.equal(after.regions[1].mask, LEFT)
    assert torch.equal(after.regions[2].mask, RIGHT)
    assert not torch.equal(before.regions[2].mask, RIGHT)
    assert partition(after)


def test_the_picture_and_the_masks_are_not_written_to():
    image, masks = picture(), [LEFT.clone(), RIGHT.clone()]
    peel(image, finder=lambda image, within: masks[0] if within.all() else masks[1], painter=Paints(), min_area=0.05)
    assert torch.equal(image, picture())
    assert torch.equal(masks[0], LEFT)
    assert torch.equal(masks[1], RIGHT)


def test_parts_that_can_be_prepared_are_asked_once_for_a_picture():
    @dataclasses.dataclass
    class Prepared(Says):
        significant: bool = True

        def __post_init__(self):
            super().__init__(True)
            self.pictures = []

        def prepare(self, image):
            self.pictures.append(image)
            return Says(False)

    test = Prepared()
    tree = peeled(LEFT, test=test)
    assert len(test.pictures) == 1
    assert test.asked == []
    assert tree.reason is StopReason.NOT_SIGNIFICANT


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            {"image": torch.rand(2, 3, 16, 16)},
            ValueError,
            r"^image: expected one picture, \[1, 3, h, w\], got a batch of 2",
        ),
        ({"image": torch.rand(3, 16, 16)}, ValueError, r"^image: expected shape \[b, 3, h, w\], got \[3, 16, 16\]"),
        ({"image": torch.rand(1, 1, 16, 16)}, ValueError, r"^image: expected shape \[b, 3, h, w\].*convert to RGB"),
        ({"image": torch.zeros(1, 3, 16, 16).byte()}, TypeError, r"^image: expected a floating-point tensor"),
        ({"image": 255 * torch.rand(1, 3, 16, 16)}, ValueError, r"^image: expected values in \[0, 1\].*divide by 255"),
        ({"mode": "peel"}, ValueError, r"^mode: expected one of paint, split, got 'peel'"),
        ({"min_area": 2.0}, ValueError, r"^min_area: expected a finite number from 0 to 1, got 2.0"),
        ({"min_new": -1.0}, ValueError, r"^min_new: expected a finite number from 0 to 1, got -1.0"),
        ({"max_rounds": 0}, ValueError, r"^max_rounds: expected a whole number of at least 1, got 0"),
    ],
)
def test_wrong_input_is_refused(change, error, message):
    with pytest.raises(error, match=message):
        peel(**{"image": torch.rand(1, 3, 16, 16), "finder": Proposes(), "painter": Refuses(), **change})
