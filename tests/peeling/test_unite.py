"""What is alike a neighbour is united with it; ids, parents and rounds follow."""

import pytest
import torch
from references.pictures import noise

from iem.interfaces import Verdict
from iem.peeling import ShiftTest
from iem.peeling.unite import unite
from iem.regions import Region, RegionTree, Round, StopReason

SIZE = (24, 36)


class Colours:
    """Two regions differ if their mean colours do; keeps the areas of what it was asked about."""

    def __init__(self):
        self.asked = []

    def __call__(self, image, mask, within):
        rest = within - mask
        self.asked.append({int(mask.sum()), int(rest.sum())})
        means = [float((image[:, :1] * side).sum() / side.sum()) for side in (mask, rest)]
        return Verdict(abs(means[0] - means[1]), 0.5, abs(means[0] - means[1]) > 0.1)


def scene(drawing, parents, levels, rounds=()):
    """A tree from rows of digits, each a block of 4 x 4 pixels and the id of its region."""
    labels = torch.tensor([[int(digit) for digit in row] for row in drawing.split()])
    labels = labels.repeat_interleave(4, dim=0).repeat_interleave(4, dim=1)
    image = torch.tensor(levels)[labels].expand(1, 3, -1, -1)
    regions = tuple(
        Region(number, parent, (labels == number).float()[None, None], score=0.1 * number, round=number)
        for number, parent in enumerate(parents)
    )
    return RegionTree(image, regions, tuple(rounds), StopReason.NOTHING_FOUND)


def blocks(tree):
    """The drawing of a tree."""
    return " ".join("".join(str(int(label)) for label in row) for row in tree.labels()[::4, ::4])


def parents(tree):
    return [region.parent for region in tree.regions]


def whole(tree):
    """Ids without gaps, and masks that share and leave out no pixel."""
    assert [region.id for region in tree.regions] == list(range(len(tree.regions)))
    assert torch.equal(sum(region.mask for region in tree.regions), torch.ones_like(tree.image[:, :1]))
    assert all(parent is None or 0 <= parent < len(tree.regions) for parent in parents(tree))
    assert parents(tree).count(None) == 1


@pytest.mark.parametrize("test", [None, Colours()], ids=["no test", "test"])
def test_what_has_come_to_be_too_small_goes_to_the_neighbour_it_touches_most(test):
    """Whatever it looks like: region 2 is a rim of two blocks, nearly all around it region 1."""
    tree = scene("000000 011100 012110 012110 011110 000000", [None, 0, 1], [0.1, 0.5, 0.9])
    united = unite(tree, test, min_area=0.06)
    assert blocks(united) == "000000 011100 011110 011110 011110 000000"
    whole(united)


def test_what_is_small_enough_to_keep_stays():
    tree = scene("000000 011100 012110 012110 011110 000000", [None, 0, 1], [0.1, 0.5, 0.9])
    united = unite(tree, Colours(), min_area=0.05)
    assert blocks(united) == blocks(tree)
    assert parents(united) == [None, 0, 1]


def test_two_halves_of_a_wall_become_one():
    tree = scene("111222 111222 003300 003300", [None, 0, 0, 0], [0.1, 0.5, 0.52, 0.9])
    united = unite(tree, Colours(), min_area=0.01)
    assert blocks(united) in ("111111 111111 002200 002200", "222222 222222 001100 001100")
    assert len(united.regions) == 3
    whole(united)


def test_without_a_test_only_the_small_are_united():
    tree = scene("111222 111222 003300 003300", [None, 0, 0, 0], [0.1, 0.5, 0.5, 0.9])
    assert blocks(unite(tree, None, min_area=0.01)) == blocks(tree)


def test_one_that_looks_like_the_scene_goes_to_it():
    tree = scene("000000 011220 011220 000000", [None, 0, 0], [0.1, 0.1, 0.9])
    united = unite(tree, Colours(), min_area=0.01)
    assert blocks(united) == "000000 000110 000110 000000"
    assert united.regions[1].score == pytest.approx(0.2)
    whole(united)


def test_one_after_the_other_until_all_differ():
    tree = scene("112233 112233 445566 445566", [None, 0, 0, 0, 0, 0, 0], [0.1, 0.5, 0.5, 0.5, 0.9, 0.9, 0.9])
    tree = RegionTree(tree.image, tree.regions)
    united = unite(tree, Colours(), min_area=0.0)
    assert len(united.labels().unique()) == 2
    top, bottom = united.labels()[:8], united.labels()[8:]
    assert len(top.unique()) == len(bottom.unique()) == 1


def test_a_region_is_told_from_each_neighbour_once():
    test = Colours()
    tree = scene("000000 011220 011220 333333", [None, 0, 0, 0], [0.1, 0.4, 0.7, 1.0])
    unite(tree, test, min_area=0.01)
    # Every pair touches.
    assert len(test.asked) == 6


def test_the_parts_of_a_small_rim_outlive_it():
    """Region 1 is a rim by now; its part 2, with a part of its own, lies where it lay, and belongs to its parent."""
    tree = scene("000000 022220 023320 012220 000000", [None, 0, 1, 2], [0.1, 0.4, 0.6, 0.9])
    united = unite(tree, Colours(), min_area=0.04)
    assert len(united.regions) == 3
    assert blocks(united).replace("2", "x").count("0") + blocks(united).count("1") >= 28
    assert parents(united) == [None, 0, 1]
    assert united.labels()[8, 8] == 2
    whole(united)


def test_a_region_with_several_parts_leaves_them_a_place():
    """Region 1 looks like the scene and goes to it; 2, 3 and 4 were its parts."""
    tree = scene("111111 122331 122331 144441 000000", [None, 0, 1, 1, 1], [0.1, 0.1, 0.4, 0.6, 0.9])
    united = unite(tree, Colours(), min_area=0.01)
    assert len(united.regions) == 4
    expected = torch.tensor([0.1, 0.4, 0.6, 0.9])
    for region in united.regions:
        levels = tree.image[0, 0][region.mask[0, 0] > 0].unique()
        assert len(levels) == 1
        assert levels[0] in expected
    whole(united)


def test_a_region_with_parts_is_united_after_ids_have_gone():
    """Region 1 is small and goes first; then 2, which has parts 3 and 4, the latter with a part of its own."""
    tree = scene("100000 222222 233442 233552 222222 000000", [None, 0, 0, 2, 2, 4], [0.1, 0.2, 0.1, 0.4, 0.6, 0.8])
    united = unite(tree, Colours(), min_area=0.03)
    assert blocks(united).count("0") >= 26
    assert len(united.regions) < 5
    whole(united)


def test_rounds_keep_to_the_regions_they_found():
    image = torch.zeros(1, 3, 16, 24)
    mask = image[:, :1]
    rounds = [
        Round(1, "paint", 0, image, mask, region=1),
        Round(2, "split", 0, image, mask, region=2),
        Round(3, "split", 2, image, mask, region=3),
        Round(4, "split", 3, image, mask, reason=StopReason.NOTHING_FOUND),
    ]
    tree = scene("000000 011230 011230 000000", [None, 0, 0, 2], [0.1, 0.1, 0.5, 0.9], rounds)
    united = unite(tree, Colours(), min_area=0.01)
    # Region 1 is gone; 2 and 3 are 1 and 2 now.
    assert blocks(united) == "000000 000120 000120 000000"
    assert [each.region for each in united.rounds] == [None, 1, 2, None]
    assert [each.within for each in united.rounds] == [0, 0, 1, 2]
    assert united.reason == tree.reason


def test_the_arguments_stay():
    tree = scene("111222 111222 003300 003300", [None, 0, 0, 0], [0.1, 0.5, 0.52, 0.9])
    copies = [region.mask.clone() for region in tree.regions]
    unite(tree, Colours(), min_area=0.01)
    assert all(torch.equal(region.mask, copy) for region, copy in zip(tree.regions, copies, strict=True))


def test_the_shift_test_unites_a_noisy_wall_and_keeps_what_hangs_on_it():
    tree = scene("111222 111222 111222 033300 033300 000000", [None, 0, 0, 0], [0.2, 0.5, 0.5, 0.8])
    image = (tree.image + 0.03 * (noise(1, *tree.image.shape, dtype=torch.float32) - 0.5)).repeat_interleave(2, 2)
    regions = tuple(
        Region(each.id, each.parent, each.mask.repeat_interleave(2, 2).repeat_interleave(2, 3)) for each in tree.regions
    )
    united = unite(RegionTree(image.repeat_interleave(2, 3), regions), ShiftTest(), min_area=0.01)
    assert len(united.regions) == 3
    assert len(united.labels()[:24].unique()) == 1
    whole(united)
