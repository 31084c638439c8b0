# %% [markdown]
# # 2. What IEM maximises
#
# Inpainting error maximisation (Savarese et al., CVPR 2021) says what an object is in one sentence: **its outline is
# the place at which painting fails most**. Cut the object out and paint the hole from what is around it; cut the
# surroundings out and paint them from the object. If the outline is right, both paintings are wrong everywhere. If it
# is not, part of the hole can be painted from its own kind, and that part of the error is gone.
#
# With the mask $M$, the inpainter $\phi$ and its error $e$ per pixel, the objective is
#
# $$J(M) = \frac{1}{|M|} \sum_{p \in M} e_M(p) + \frac{1}{|1 - M|} \sum_{p \notin M} e_{1 - M}(p),
# \qquad e_H = | x - \phi(x, H) |.$$
#
# Here we look at every piece of it, and measure whether the true outline really is at a peak.

# %%
import matplotlib.pyplot as plt
import numpy as np
import torch
from figures import FAST, chart, name_ends, show, show_table
from scipy import ndimage

import iem
from iem.datasets import Samples
from iem.images import resize, resize_mask, short_side
from iem.initialisers import Square
from iem.inpainters import GaussianInpainter
from iem.masks import boundary
from iem.metrics.overlap import iou
from iem.objectives import InpaintingError
from iem.visualise import error_maps, overlay
from iem.visualise.palette import BLUE, VERMILLION

photos = {}
for sample in Samples(only=["temple", "cameraman", "coins"] if FAST else None):
    small = short_side(sample.image, 128)  # what the search sees
    photos[sample.name] = small, resize_mask(sample.truth, small.shape[-2:])
painter = GaussianInpainter()  # a hidden pixel is the Gaussian mean of the known ones around it
objective = InpaintingError(painter)

# %% [markdown]
# ## Four masks of one photograph
#
# The true mask (drawn by a person), the same eroded and dilated by six pixels, and shifted by sixteen.


# %%
def grown(mask, pixels):
    """The mask grown by so many pixels; shrunk, if they are negative."""
    inside = mask[0, 0].numpy() > 0.5
    beyond = ndimage.distance_transform_edt(~inside) - ndimage.distance_transform_edt(inside)
    return torch.from_numpy(beyond <= pixels + 0.5 * np.sign(beyond)).float()[None, None]


def shifted(mask, right, down=0):
    """The mask moved; what leaves the picture is lost."""
    return torch.from_numpy(ndimage.shift(mask[0, 0].numpy(), (down, right), order=0))[None, None]


def drawn(image, mask, truth=None):
    """The mask on a larger copy of the picture, so that its line is thin."""
    size = [3 * side for side in image.shape[-2:]]
    large = resize(image, size, mode="bicubic").clamp(0, 1)
    return overlay(large, resize_mask(mask, size), truth=None if truth is None else resize_mask(truth, size))


image, truth = photos["temple"]
masks = {
    "true": truth,
    "eroded by 6": grown(truth, -6),
    "dilated by 6": grown(truth, 6),
    "shifted by 16": shifted(truth, 16),
}

columns = []
for mask in masks.values():
    object_gone, surroundings_gone = painter(image, mask), painter(image, 1 - mask)
    columns.append([drawn(image, mask), object_gone, surroundings_gone])
    both = torch.where(mask > 0.5, object_gone, surroundings_gone)  # every pixel as the other side predicts it
    columns[-1].append(error_maps(image, both, high=0.5)[0])
labels = [f"{name}: J = {objective(image, mask).item():.3f}" for name, mask in masks.items()]
show(list(zip(*columns, strict=True)), labels, height=165)

# %% [markdown]
# From top to bottom: the mask; the object painted away; the surroundings painted away; and how wrong the two
# paintings are (black: right, light: wrong by half the range or more). With the true mask the temple's error is high
# up to its very outline. With the others there is a dark band along it: there the painter sees more of the same on
# the other side of the outline and simply continues it.
#
# ## The peak
#
# Now the outline moves in and out pixel by pixel, on all photographs. The curves are relative to the true outline,
# whose value is 1.

# %%
steps = list(range(-8, 9, 2 if FAST else 1))
curves = {}
for name, (picture, mask) in photos.items():
    prepared = objective.prepare(picture)
    values = torch.stack([prepared(picture, grown(mask, step)) for step in steps])
    curves[name] = (values / objective(picture, mask)).flatten().tolist()

axes = chart("J of the true outline, moved inwards and outwards", "pixels (of 128) by which the true mask is grown")
for curve in curves.values():
    kept = [(step, value) for step, value in zip(steps, curve, strict=True) if value > 0]  # a rocket erodes to nothing
    axes.plot(*zip(*kept, strict=True), color="#8c8c8c", lw=1.0)
whole = [np.mean([curve[i] for name, curve in curves.items() if name != "rocket"]) for i in range(len(steps))]
axes.plot(steps, whole, color=BLUE, lw=3)
axes.axvline(0, color=VERMILLION, lw=1, ls="--")
axes.annotate("as drawn", (0, 0.25), xytext=(6, 0), textcoords="offset points", color=VERMILLION)
axes.set_ylim(0.2, 1.04)
name_ends(axes, {name: (steps[-1], curve[-1]) for name, curve in curves.items()})
plt.show()

peaks = {name: steps[int(np.argmax(curve))] for name, curve in curves.items()}
print("the highest value is at", peaks)

# %% [markdown]
# On every one of the photographs the highest value is exactly at the outline that a person drew. And the peak is
# sharp: one pixel in or out costs up to a quarter of the value. (The thick line is the mean without the rocket, which
# is so thin that it vanishes when eroded.)
#
# Shifting the true mask costs as much:

# %%
distances = [0, 1, 2, 4, 8, 16] if FAST else [0, 1, 2, 3, 4, 6, 8, 12, 16, 24]
directions = [(1, 0), (-1, 0), (0, 1), (0, -1)]
axes = chart("J of the true mask, shifted", "pixels by which it is shifted; mean of four directions")
ends = {}
for name, (picture, mask) in photos.items():
    prepared = objective.prepare(picture)
    best = prepared(picture, mask).item()
    moved = [[shifted(mask, d * x, d * y) for x, y in directions] for d in distances]
    curve = [np.mean([prepared(picture, one).item() for one in four]) / best for four in moved]
    axes.plot(distances, curve, color=BLUE if name == "coins" else "#8c8c8c", lw=2.5 if name == "coins" else 1.0)
    ends[name] = distances[-1], curve[-1]
name_ends(axes, ends)
plt.show()

# %% [markdown]
# Every curve falls at first. Some rise again further out, where the mask comes to lie on something else: the coins
# stand in rows, and after a dozen pixels every mask reaches for its neighbour.
#
# ## The gradient on the outline
#
# `value_and_gradient` tells for every pixel whether $J$ would rise if it were a little more in the mask. The search
# asks only the pixels on the boundary. Here is a mask that is wrong on purpose: the true one, shifted. Blue pixels
# want in, vermillion ones want out.

# %%
wrong = shifted(truth, 8, 5)
_, slope = objective.value_and_gradient(image, wrong)
edge = boundary(wrong > 0.5, frame=False)
wants_in, wants_out = edge & (slope > 0), edge & (slope < 0)
grey = 0.35 + 0.5 * image.mean(1, keepdim=True).expand_as(image)
votes = torch.where(wants_in, torch.tensor(BLUE).view(1, 3, 1, 1), grey)
votes = torch.where(wants_out, torch.tensor(VERMILLION).view(1, 3, 1, 1), votes)
large = [3 * side for side in image.shape[-2:]]
labels = ["a wrong mask (white) and the truth", "where its boundary wants to go"]
show([[drawn(image, wrong, truth), resize(votes, large, mode="area")]], labels, height=300)

disputed = edge & ((wrong > 0.5) != (truth > 0.5))  # pixels on the boundary that are on the wrong side
agreed = torch.where(wants_in, truth > 0.5, truth < 0.5) & edge
print(f"{(agreed & edge).sum() / edge.sum():.0%} of the boundary pixels want to be where the truth has them")
print(f"{(agreed & disputed).sum() / disputed.sum():.0%} of those that are on the wrong side")

# %% [markdown]
# ## A peak, but not the only one
#
# That the truth is *at* a peak does not mean that a search ends there. Below, the published search starts from a
# square, and we compare the objective of the mask it found with that of the true mask. (`paper` has a second term,
# which asks each side to be of one colour; its sum is what is compared.)

# %%
paper = iem.presets.paper()
rows, pictures = [], []
for name, (picture, mask) in photos.items():
    found = iem.maximise(paper.objective, paper.optimiser, picture, Square(inset=5)(picture)).mask
    scores = [paper.objective(picture, one).item() for one in (mask, found)]
    rows.append([name, *scores, "higher" if scores[1] > scores[0] else "lower", iou(found, mask).item()])
    pictures.append(drawn(picture, found, mask))
show_table(["photograph", "score of the truth", "score found", "which is", "IoU"], rows)
show([pictures[i : i + 3] for i in range(0, len(pictures), 3)], height=190)

# %% [markdown]
# Two things can go wrong, and the table tells them apart. Where the score found is *lower* than that of the truth, the
# search is to blame: it starts in the middle, moves a boundary, and ends on another peak. Where it is *higher* and the
# IoU is low, the question is: what is least predictable in a picture need not be what a person would call its object.
#
# The preset `best` keeps the search and asks another question, about colours and textures instead of a blur; notebook
# 1 shows what it finds. Clicks and boxes (notebook 6) help against both.
