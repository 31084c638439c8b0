# %% [markdown]
# # 6. Removing objects
#
# Say where an object is, look at the mask, paint it away. All of it here works without weights: the mask by IEM under
# what you said, the paint by the harmonic fill.

# %%
from figures import FAST, show, show_table

import iem
from iem.datasets import Samples
from iem.metrics.overlap import iou
from iem.prompts import Box, Points, Scribble
from iem.removal import united, usual_feather, usual_grow
from iem.runner.painters import make_painter, readiness
from iem.segmenters import PromptedIEM
from iem.visualise import overlay

segmenter = PromptedIEM()


def picture_of(name):
    return Samples(only=[name])[0]


# %% [markdown]
# ## Saying where
#
# Prompts are in pixels (x, y) of the photograph. All prompts of one call are about the same object. What comes back is
# a list of proposals, the best first, each with a score; an empty list is an honest answer.

# %%
cat = picture_of("cat")
prompts = {
    "a click": [Points([(215, 150)])],
    "a box": [Box(0, 0, 395, 300)],
    "a box and a click": [Box(0, 0, 395, 300), Points([(120, 265)])],
}
drawn, rows = [], []
for words, given in prompts.items():
    mask = segmenter(cat.image, given)[0].mask
    drawn.append(overlay(cat.image, mask, truth=cat.truth))
    rows.append([words, iou(mask, cat.truth).item()])
show([drawn], [row[0] for row in rows], height=200)
show_table(["what was said", "IoU"], [["nothing", iou(iem.segment(cat.image).mask, cat.truth).item()], *rows])

# %% [markdown]
# A click alone may mean the face or the whole cat; a box says how far it reaches, and a click where the box's mask was
# wrong repairs that. What was clicked is in the mask, what lies beyond the box is not, always.
#
# ## Removing
#
# Two dahlias, one mask each; `united` makes one hole of them. A mask ends where the object ends, but a photograph does
# not: the last pixels are a mixture of object and background, there are petals that the mask missed, and whatever is
# left of it at the rim is drawn into the paint. That is why `remove` grows the hole and fades its rim, by default by
# 1.5 % and 0.5 % of the short side.

# %%
flower = picture_of("flower")
size = tuple(flower.image.shape[-2:])
large = segmenter(flower.image, [Box(165, 80, 475, 390)])[0].mask
small = segmenter(flower.image, [Box(270, 370, 480, 427)])[0].mask
hole = united([large, small])

tight = iem.remove(flower.image, hole, grow=0, feather=0)
grown = iem.remove(flower.image, hole)
print("grown by", usual_grow(size), "pixels, faded over", usual_feather(size))
show(
    [[flower.image, overlay(flower.image, hole)], [tight.image, grown.image]],
    height=240,
)

# %% [markdown]
# Above: the photograph and the two masks. Below: with the hole exactly as the masks are, and grown. The tight one
# leaves a ghost: the rim of the petals, and their colour all over the paint. The same at the size of the pixels:

# %%
window = (slice(None), slice(None), slice(60, 240), slice(320, 500))
show([[each.image[window] for each in (flower, tight, grown)]], ["photograph", "tight", "grown"], height=270)

outside = (grown.hole == 0).expand_as(grown.image)
print("pixels outside the hole are what they were:", bool((grown.image == flower.image)[outside].all()))

# %% [markdown]
# How much to grow? Enough to hide the rim; beyond that, every pixel is one that was known before. (Here without the
# fading, so that the rim shows.)

# %%
growths = [0, 3, 12] if FAST else [0, 1, 3, 7, 15]
painted = [iem.remove(flower.image, hole, grow=grow, feather=0).image[window] for grow in growths]
show([painted], [f"grown by {grow}" for grow in growths], height=180)

# %% [markdown]
# ## More of them
#
# One coin of many. A rocket, which is far too thin for the search to find by itself: a box and a stroke along it do.

# %%
wanted = {
    "coins": [Box(128, 26, 182, 80)],
    "rocket": [Box(295, 125, 352, 405), Scribble([(323, 134), (324, 385)], 12)],
}
rows = []
for name, given in wanted.items():
    photo = picture_of(name)
    mask = segmenter(photo.image, given)[0].mask
    rows.append([photo.image, overlay(photo.image, mask), iem.remove(photo.image, mask).image])
show(rows, ["photograph", "mask", "removed"], height=210)

# %% [markdown]
# ## Nothing said at all
#
# `peel` takes a scene apart (notebook 4), and each of its regions can go. Here the first region that it finds.

# %%
temple = picture_of("temple")
tree = iem.peel(temple.image, parts=False, max_rounds=1 if FAST else 3)
region = tree.regions[1].mask
gone = iem.remove(temple.image, region)
show([[temple.image, overlay(temple.image, region), gone.image]], ["photograph", "region 1", "removed"], height=210)

# %% [markdown]
# Where it is trees that are missing, a smooth fill is a blur. The steps are the same with every painter:

# %%
names = [name for name in ("harmonic", "biharmonic", "telea", "nearest") if readiness(name).ready]
rocket = picture_of("rocket")
mask = segmenter(rocket.image, wanted["rocket"])[0].mask
window = (slice(None), slice(None), slice(100, 427), slice(215, 435))
painted = [iem.remove(rocket.image, mask, make_painter(name)).image[window] for name in names[: 1 if FAST else None]]
show([[rocket.image[window], *painted]], ["photograph", *names[: len(painted)]], height=300)

# %% [markdown]
# With weights (`iem models list` shows what there is, and under which licence) `make_painter("lama")` and the diffusion
# painters go in the same place, and so do segmenters that understand words. From a shell: `iem remove --help`; and
# `iem app` opens a page on which all of this is done with the mouse.
