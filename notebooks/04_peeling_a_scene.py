# %% [markdown]
# # 4. Peeling a scene
#
# A photograph holds more than one object. `iem.peel` takes it apart: it finds the region that is most independent of
# the rest, paints it away, looks again, and goes on until what it finds could be there by chance. Then it looks for
# parts inside every region. What comes out is a tree.

# %%
from figures import FAST, show, show_film, show_table

import iem
from iem.datasets import Planted, Samples
from iem.images import short_side
from iem.metrics import partition_scores
from iem.visualise import region_film_frames, region_overlay, region_overview

# %% [markdown]
# ## Where the answer is known
#
# `Planted` draws scenes whose regions are known to the pixel. The adjusted Rand index compares two partitions: 1 if
# they are equal, about 0 if they have no more in common than chance would give them.

# %%
rows = []
for style in ("flat", "textured"):
    scenes = [Planted(style=style, seed=5)[index] for index in range(2 if FAST else 5)]
    trees = [iem.peel(scene.image) for scene in scenes]
    for scene, tree in zip(scenes, trees, strict=True):
        scores = partition_scores(tree.labels(), scene.labels)
        rows.append([style, scores.true_regions, scores.regions, scores.adjusted_rand_index])
    found = [region_overlay(tree.image, tree, numbers=False) for tree in trees]
    show([[scene.image for scene in scenes], found], height=150)
show_table(["style", "regions planted", "regions found", "adjusted Rand index"], rows)

# %% [markdown]
# And where there is nothing to find, it finds nothing: noise, one texture, uneven light.

# %%
empty = Planted(style="empty")
trees = [iem.peel(empty[i].image) for i in range(3)]
show([[empty[i].image for i in range(3)]], height=150)
for tree in trees:
    print(len(tree.regions) - 1, "regions beside the scene itself; reason:", tree.reason.value)

# %% [markdown]
# ## A photograph
#
# The whole story on one page: the photograph, its regions, how each of them was found, and why there are no more.

# %%
photo = Samples(128 if FAST else None, only=["astronaut"])[0]
rounds = []
tree = iem.peel(photo.image, callback=rounds.append)
page = region_overview(tree, width=1200)
show([[page]], height=page.shape[2])

# %% [markdown]
# `score` is how much, in nats, the place of a pixel close to the boundary tells about its colours; `p` is the share of
# shifted copies of the same mask that do as well, which is only asked of scores below 0.35. A callback sees every
# attempt as it is decided. (Regions that turn out to be alike are united at the very end, and numbered anew.)

# %%
show_table(
    ["round", "kind", "within", "score", "p", "accepted as", "or refused because"],
    [
        [
            tried.number,
            tried.kind,
            tried.within,
            f"{tried.verdict.score:.3f}" if tried.verdict else "",
            f"{tried.verdict.p_value:.1g}" if tried.verdict else "",
            "" if tried.region is None else tried.region,
            "" if tried.reason is None else tried.reason.value,
        ]
        for tried in rounds
    ],
)

# %% [markdown]
# As a film: every region lights up and is painted away, or is split off.

# %%
frames = region_film_frames(tree, width=320)
show_film(frames, width=320, seconds=len(frames) / 6)

# %% [markdown]
# ## The tree
#
# Regions are disjoint and cover the picture; each knows what it lies in. `labels()` is the partition as one map.


# %%
def branch(region, depth=0):
    name = "scene" if region.parent is None else f"region {region.id}"
    print(f"{'    ' * depth}{name}: {region.mask.mean():.1%} of the picture")
    for child in tree.children(region.id):
        branch(child, depth + 1)


branch(tree.regions[0])
print("labels:", tuple(tree.labels().shape), "from", tree.labels().min().item(), "to", tree.labels().max().item())

# %% [markdown]
# ## More photographs

# %%
names = ["rocket"] if FAST else ["flower", "cat", "coffee", "rocket", "temple", "motorcycle"]
sheet = []
for sample in Samples(only=names):
    image = short_side(sample.image, 128 if FAST else 256)
    sheet.append(region_overlay(image, iem.peel(image)))
show([sheet[i : i + 3] for i in range(0, len(sheet), 3)], height=200)

# %% [markdown]
# Regions are what differs in colour or texture, with evidence. They are not things: the cup comes apart into what is
# lit and what lies in shadow, and the temple into its storeys. What is thinner than a twentieth of the picture is
# mostly missed.
#
# From a shell: `iem peel photo.jpg -o scenes` writes label map, masks, cut-outs, this page and the film.
