# %% [markdown]
# # 5. Painters compared
#
# A painter (inpainter) fills a hole from what is around it. `iem` has seven that need no weights, and adapters for
# networks (`iem models list` shows them, with their licences). Here the ones without weights fill the same holes, and
# we measure how near they come to what was really there.

# %%
import time

import matplotlib.pyplot as plt
import torch
from figures import FAST, chart, name_ends, show, show_table
from torchmetrics import MetricCollection

from iem.datasets import Samples
from iem.images import resize_mask, short_side
from iem.masks.holes import blob_hole, box_hole, object_hole, thin_hole
from iem.metrics import HoleBoundaryError, HolePSNR, HoleSSIM
from iem.metrics.painting import psnr
from iem.runner.painters import KINDS, make_painter, readiness
from iem.visualise import error_maps
from iem.visualise.palette import LINES

# %% [markdown]
# `iem.runner.painters` knows all of them by name, what each needs, and (`readiness`) whether that is here.

# %%
show_table(
    ["painter", "what it does", "needs weights"],
    [[f"`{name.value}`", kind.about, "yes" if kind.takes_weights else "no"] for name, kind in KINDS.items()],
)
painters = {
    name.value: make_painter(name.value)
    for name, kind in KINDS.items()
    if not kind.takes_weights and readiness(name).ready  # two of them need the extra `opencv`
}

# %% [markdown]
# ## Four kinds of holes
#
# Thin strokes (scratches, wires), a box, smooth blobs, and the outline of an object: each hides a given share of the
# picture, to the pixel. The same seed gives the same hole.

# %%
SIDE = 96 if FAST else 192
names = ["coffee", "temple"] if FAST else ["coffee", "temple", "flower", "cat", "motorcycle", "rocket"]
photos = []
for sample in Samples(only=names):
    small = short_side(sample.image, SIDE)
    photos.append((small, resize_mask(sample.truth, small.shape[-2:])))

outline = photos[names.index("temple")][1]  # what the object's holes are shaped like
kinds = {
    "thin": thin_hole,
    "box": box_hole,
    "blob": blob_hole,
    "object": lambda size, share, generator: object_hole(outline, size, share, generator)[0],
}


def hole_of(kind, image, share, seed):
    return kinds[kind](tuple(image.shape[-2:]), share, torch.Generator().manual_seed(seed))


def blackened(image, hole):
    return torch.where(hole > 0, 0.0, image)


cases = []
for seed, kind in enumerate(kinds):
    image, _ = photos[seed % len(photos)]
    cases.append((image, hole_of(kind, image, 0.1, seed)))
rows = [
    [blackened(image, hole), *(painter(image, hole).clamp(0, 1) for painter in painters.values())]
    for image, hole in cases
]
show(rows, ["hole", *(name.replace("_", " ") for name in painters)], height=120)

# %% [markdown]
# And how wrong each of them is, all on one scale (light: wrong by 0.4 or more; the picture's range is 0 to 1):

# %%
rows = []
for image, hole in cases[-2:]:
    painted = [painter(image, hole).clamp(0, 1) for painter in painters.values()]
    rows.append([blackened(image, hole), *error_maps(image, *painted, high=0.4)])
show(rows, ["hole", *(name.replace("_", " ") for name in painters)], height=120)

# %% [markdown]
# ## Numbers
#
# All inside the hole alone: PSNR and SSIM (larger is better), and the seam, the error of the step across the hole's
# border (smaller is better). Times are of one thread of whatever machine this ran on: read them as ratios.

# %%
cases = [(kind, image, hole_of(kind, image, 0.1, seed)) for kind in kinds for seed, (image, _) in enumerate(photos)]
metrics = MetricCollection([HolePSNR(), HoleSSIM(), HoleBoundaryError()])
by_kind, rows = {}, []
for name, painter in painters.items():
    started = time.perf_counter()
    painted = [painter(image, hole).clamp(0, 1) for _, image, hole in cases]
    seconds = (time.perf_counter() - started) / len(cases)
    metrics.reset()
    for answer, (kind, image, hole) in zip(painted, cases, strict=True):
        metrics.update(answer, image, hole)
        by_kind.setdefault((name, kind), []).append(psnr(answer, image, hole).item())
    found = metrics.compute()
    wanted = ("HolePSNR_psnr", "HoleSSIM_ssim", "HoleBoundaryError_boundary")
    means = [found[f"{metric}_image_mean"].item() for metric in wanted]
    rows.append([f"`{name}`", *means, round(1e3 * seconds)])
rows.sort(key=lambda row: -row[1])
show_table(["painter", "PSNR in dB", "SSIM", "seam", "ms per picture"], rows)

# %%
axes = chart("PSNR inside the hole, by its kind", "dB; one dot is the mean over the photographs", height=4.2)
order = [row[0].strip("`") for row in reversed(rows)]
for kind, colour, marker in zip(kinds, LINES, "osD^", strict=False):
    means = [sum(by_kind[name, kind]) / len(photos) for name in order]
    axes.scatter(means, range(len(order)), color=colour, marker=marker, s=55, label=kind, zorder=3)
axes.set_yticks(range(len(order)), [name.replace("_", " ") for name in order])
axes.legend(title="hole", loc="lower right")
plt.show()

# %% [markdown]
# ## Larger holes
#
# The deeper a pixel lies in the hole, the less the border tells of it.

# %%
shares = [0.02, 0.1, 0.3] if FAST else [0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5]
axes = chart("PSNR inside a blob, by its size", "share of the picture that is hidden")
ends = {}
for name, painter in painters.items():
    curve = []
    for share in shares:
        values = [psnr(painter(x, h).clamp(0, 1), x, h) for x, _ in photos[:4] for h in [hole_of("blob", x, share, 7)]]
        curve.append(torch.cat(values).mean().item())
    axes.plot(
        shares, curve, color=LINES[len(ends) % len(LINES)], ls="-" if len(ends) < len(LINES) else "--", marker="o", ms=4
    )
    ends[name.replace("_", " ")] = shares[-1], curve[-1]
axes.set_xscale("log")
axes.set_xticks(shares, [f"{share:.0%}" for share in shares])
axes.minorticks_off()
axes.set_ylabel("dB")
name_ends(axes, ends)
plt.show()

# %% [markdown]
# What these say, on six photographs:
#
# - The harmonic fill, `iem`'s default, has the highest PSNR of them, and keeps it as holes grow: it is smooth, so it is
#   never far off. On thin strokes the biharmonic one is better, because it continues slopes; on a box it overshoots.
# - Telea and Navier-Stokes carry edges into the hole. That looks crisper, and is wrong as often as right.
# - The blur of the search (`gaussian`) is no painter for people: out of its reach there is one flat colour.
# - **PSNR rewards blur.** None of them invents texture; for that, a network is needed: `iem models get big-lama`, then
#   `make_painter("lama")`, and it takes its place in every cell above.
