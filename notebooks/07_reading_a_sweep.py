# %% [markdown]
# # 7. Reading a sweep
#
# An experiment is a command, a sweep is the same command with several values. Each job writes its settings, every
# picture's numbers as soon as they are there, and `result.json` last; so whatever happens, what is finished can be read
# and is never done twice. Here we run a small sweep for real and read it with the library's own functions.

# %%
import subprocess
import sys
import tempfile
from pathlib import Path

from figures import FAST, show, show_png, show_table

from iem.images import read
from iem.runner.sweeps.charts import progress_chart, setting_chart
from iem.runner.sweeps.comparison import compare
from iem.runner.sweeps.jobs import read_sweep

# %% [markdown]
# ## Running it
#
# How far should the published inpainter see? `inpainter.sigma` is the width of its blur. From a shell:
#
# ```bash
# python experiments/segment.py -m preset=paper inpainter.sigma=1,2,5,10 features=rgb,lab size=64
# ```
#
# The pictures are small here, and few, so that it takes seconds; the result is therefore an example of how to read a
# sweep, and no answer to the question.

# %%
sigmas = "1,5,10" if FAST else "1,2,5,10"
features = "rgb" if FAST else "rgb,lab"
pictures = 2 if FAST else 6
temporary = tempfile.TemporaryDirectory()
folder = Path(temporary.name, "width")
command = [
    *(sys.executable, Path("..", "experiments", "segment.py"), "-m", "preset=paper"),
    *(f"inpainter.sigma={sigmas}", f"features={features}", "size=64", f"dataset.limit={pictures}"),
    *(f"watch={pictures}", "tracker=jsonl", f"hydra.sweep.dir={folder}"),
]
finished = subprocess.run(command, capture_output=True, text=True, check=False)
print("exit code", finished.returncode, finished.stderr[-1000:] if finished.returncode else "")

# %% [markdown]
# ## How far is it?
#
# `iem sweep status DIR` shows this table; the function behind it reads what the jobs have left on the disk, while they
# run or afterwards.

# %%
sweep = read_sweep(folder)
show_table(
    ["job", "state", "pictures", "mean IoU, oracle"],
    [
        [label, job.state, f"{job.pictures} of {job.total}", job.means["iou_oracle"]]
        for job, label in zip(sweep.jobs, sweep.labels(), strict=True)
    ],
)
print("complete:", sweep.complete)

# %% [markdown]
# Had one failed, `job.command` would be what runs it again, alone. The whole command again does what is missing and
# nothing else:

# %%
before = {job.name: (job.folder / "result.json").stat().st_mtime_ns for job in sweep.jobs}
again = subprocess.run(command, capture_output=True, text=True, check=False)
after = {job.name: (job.folder / "result.json").stat().st_mtime_ns for job in read_sweep(folder).jobs}
print("exit code", again.returncode, "and nothing was written again:", before == after)

# %% [markdown]
# ## What came out
#
# `compare` puts the finished jobs side by side, the best first, and finds out by itself in which settings they differ.
# Six photographs are few: the last columns say how much each job differs from the best one on the same photographs, and
# the standard error of that difference. Where the difference is not a few times its error, there is nothing to tell.

# %%
comparison = compare(sweep)
rows = []
for each in comparison.finished:
    gap, error = comparison.difference(each)
    told = "" if each is comparison.finished[0] else f"{gap:+.3f} ± {error:.3f}"
    rows.append([*each.values.values(), each.mean("iou_oracle"), each.mean("iou_fixed"), told, round(each.seconds, 2)])
show_table([*comparison.columns, "IoU, oracle", "IoU, fixed", "less than the best", "seconds"], rows)

# %% [markdown]
# Against the setting (bars: one standard error over the photographs), and step by step, where the masks are measured
# at the size of the search, before they are brought to that of the photographs:

# %%
for chart in (setting_chart(comparison, "inpainter.sigma"), progress_chart(comparison)):
    show_png(chart, width=760)

# %% [markdown]
# ## Picture by picture
#
# A mean hides what it is made of. `contested` names the photographs on which the jobs differ most, with the job that
# does best on it and the one that does worst; their overlays are in the jobs' folders.

# %%
sheet = []
for name, best, worst in comparison.contested(1 if FAST else 3):
    found = [next((each.job.folder / "overlays").glob(f"{name}.*")) for each in (best, worst)]
    sheet.append([read(path).image for path in found])
    for word, each in (("best", best), ("worst", worst)):
        print(f"{name:11s} {word:6s} {each.rows[name]['iou_oracle']:.3f}  {each.label}")
show(sheet, ["best job", "worst job"], height=190)
temporary.cleanup()

# %% [markdown]
# `iem sweep report DIR` writes all of this, and more, to one HTML file that needs no network. Sweeps that answer a
# question, with the numbers they gave, are in `conf/experiment` and `experiments/README.md`.
