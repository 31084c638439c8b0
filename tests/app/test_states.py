"""What becomes of a proposal, against a plain account; values never change."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from iem.app.pngs import mask_png, read_png_mask
from iem.app.refusals import Refused
from iem.app.states import Candidate, Shown, State, edited, switched, without
from iem.interfaces import Proposal


def blob():
    mask = np.zeros((30, 40), np.float32)
    mask[10:20, 12:25] = 1
    mask[8:12, 0:6] = 1  # touches the edge
    return torch.from_numpy(mask)[None, None]


def shown(*masks, kind="propose"):
    candidates = tuple(Candidate.of(Proposal(mask, 1.0 - i, f"thing {i}")) for i, mask in enumerate(masks))
    return State(Shown(candidates, kind=kind))


def mask_of(state):
    return read_png_mask(state.proposal.candidate.png)


def disc(radius):
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    return x * x + y * y <= radius * radius


@pytest.mark.parametrize("pixels", [1, 3])
def test_growing_and_shrinking_move_the_edge_by_so_many_pixels(pixels):
    before = shown(blob())
    kept = before.proposal.candidate.png
    inside = blob()[0, 0].numpy() > 0
    grown = edited(before, "grow", pixels=pixels)
    assert ((mask_of(grown)[0, 0].numpy() > 0.5) == ndimage.binary_dilation(inside, disc(pixels))).all()
    shrunk = edited(before, "shrink", pixels=pixels)
    expected = ndimage.binary_erosion(inside, disc(pixels), border_value=1)
    assert ((mask_of(shrunk)[0, 0].numpy() > 0.5) == expected).all()
    assert shrunk.proposal.candidate.area == pytest.approx(expected.mean())
    assert before.proposal.candidate.png is kept


def test_soft_masks_stay_soft():
    soft = torch.linspace(0, 1, 256)[None, None, None].repeat(1, 1, 4, 1)
    assert torch.equal(read_png_mask(mask_png(soft)), (soft * 255).round() / 255)
    inverted = mask_of(edited(shown(soft), "invert"))
    torch.testing.assert_close(inverted, 1 - soft, atol=1 / 255, rtol=0)


def test_nothing_is_never_what_is_left():
    for action in ("shrink", "invert"):
        mask = torch.ones(1, 1, 8, 8) if action == "invert" else torch.zeros(1, 1, 8, 8)
        mask[..., 3, 3] = 1
        with pytest.raises(Refused, match="leaves nothing"):
            edited(shown(mask), action, pixels=5)


def test_keeping_makes_an_object_and_ends_the_question():
    state = edited(shown(blob(), 1 - blob()), "choose", index=1)
    state = edited(state, "keep")
    assert state.proposal is None
    assert [(each.id, each.label, each.on) for each in state.objects] == [(1, "thing 1", True)]
    assert torch.equal(read_png_mask(state.objects[0].png), 1 - blob())


def test_of_what_was_found_the_others_can_be_kept_next():
    state = edited(edited(shown(blob(), 1 - blob(), kind="find"), "choose", index=1), "keep")
    assert [each.label for each in state.proposal.candidates] == ["thing 0"]
    assert state.proposal.chosen == 0
    assert edited(state, "keep").proposal is None


def test_numbers_of_objects_are_never_used_again():
    state = shown(blob(), blob(), blob(), kind="find")
    state = edited(edited(state, "keep"), "keep")
    state = edited(without(state, 2), "keep")
    assert [each.id for each in state.objects] == [1, 3]
    off = switched(state, 3, False)
    assert [each.id for each in off.on] == [1]
    assert [each.id for each in state.on] == [1, 3]


@pytest.mark.parametrize("action", ["keep", "discard", "grow", "shrink", "invert", "choose"])
def test_without_a_proposal_there_is_nothing_to_do(action):
    with pytest.raises(Refused, match="click on an object") as refused:
        edited(State(), action)
    assert refused.value.status_code == 409


def test_what_is_not_there_is_refused():
    with pytest.raises(Refused, match="from 0 to 0, got 1"):
        edited(shown(blob()), "choose", index=1)
    for change in (lambda: without(State(), 1), lambda: switched(State(), 1, True)):
        with pytest.raises(Refused, match="no object 1"):
            change()
    with pytest.raises(Refused, match="empty"):
        edited(shown(torch.zeros(1, 1, 4, 4)), "keep")
