# %% [markdown]
# # 1. Quick start
#
# `iem` finds the object in a photograph without labels, without training and without weights: it moves a mask until
# the two sides of its outline have as little in common as can be. This notebook segments one photograph, watches the
# mask move, and then looks at all nine photographs that come with the library, the failures among them.
#
# No notebook needs a network. With `IEM_FAST=1` in the environment they take fewer and smaller pictures.

# %%
import torch
from figures import FAST, show, show_film, show_table

import iem
from iem.datasets import Samples
from iem.images import resize
from iem.metrics.overlap import iou
from iem.visualise import cutout, on_checkerboard, overlay

# %% [markdown]
# ## One photograph
#
# A picture is a tensor `[b, 3, h, w]` with values in [0, 1]. `iem.images.read("photo.jpg").image` reads one from a
# file; here we take a sample, which also has the outline that a person drew.

# %%
photo = Samples(only=["temple"])[0]
masks = []
solution = iem.segment(photo.image, callback=lambda progress: masks.append(progress.mask))

print("picture ", tuple(photo.image.shape))
print("mask    ", tuple(solution.mask.shape), "between", solution.mask.min().item(), "and", solution.mask.max().item())
print("ended   ", solution.status[0].value, "after", solution.steps[0].item(), "steps")
print("IoU     ", round(iou(solution.mask, photo.truth).item(), 3))

# %% [markdown]
# The white line is the mask that was found, the dashed yellow one what the person drew. The cut-out has soft edges:
# the mask was searched on a picture of 128 pixels and then sharpened along the edges of the large one.

# %%
show(
    [
        [
            photo.image,
            overlay(photo.image, solution.mask, truth=photo.truth),
            on_checkerboard(cutout(photo.image, solution.mask)),
        ]
    ],
    ["photograph", "mask and truth", "cut-out"],
    height=240,
)

# %% [markdown]
# ## How it got there
#
# The search begins with a square, and at each step the pixels on its boundary change sides where that raises the
# score. The callback was shown every mask on the way, so we can watch.

# %%
size = tuple(photo.image.shape[-2:])
start = iem.presets.best().initialiser(resize(photo.image, masks[0].shape[-2:]))
steps = [start, *masks][:: 4 if FAST else 1]
frames = [overlay(photo.image, resize(mask, size).clamp(0, 1)) for mask in [*steps, masks[-1]]]
show_film([*frames, overlay(photo.image, solution.mask)])

# %% [markdown]
# ## Nine photographs
#
# Nothing was tuned for any of them. IoU is the common area of mask and truth over the area of both together: 1 is
# perfect.

# %%
samples = Samples(only=["flower", "coffee", "rocket"]) if FAST else Samples()
rows, pictures = [], []
for sample in samples:
    found = iem.segment(sample.image)
    rows.append([sample.name, iou(found.mask, sample.truth).item(), found.status[0].value, found.steps[0].item()])
    pictures.append(overlay(sample.image, found.mask, truth=sample.truth))
show([pictures[i : i + 3] for i in range(0, len(pictures), 3)], height=200)
show_table(["photograph", "IoU", "ended", "steps"], rows)

# %% [markdown]
# An object that differs from its surroundings in colour or texture is found: flower, cameraman, temple. A thin one is
# not (the rocket), nor are many at once (the coins: the search looks for *one* region, and starts in the middle). And
# what stands out most need not be what a person would outline. Notebook 4 takes scenes apart region by region, and
# notebook 6 shows how a click or a box helps.
#
# The published method is one word away. It predicts each side of the mask from the other by a blur; notebook 2 looks
# at that closely.

# %%
published = torch.cat([iou(iem.segment(sample.image, preset="paper").mask, sample.truth) for sample in samples])
print(f"mean IoU of {len(samples)} photographs: best {torch.tensor([row[1] for row in rows]).mean():.3f}, ", end="")
print(f"paper {published.mean():.3f}")

# %% [markdown]
# From a shell, the same is
#
# ```bash
# iem segment photo.jpg -o out            # mask, cut-out and overlay; --films for the film
# ```
