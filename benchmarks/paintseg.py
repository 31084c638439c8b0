"""How much one run of experiments/segment.py gains over another on the same pictures, with its interval.

python experiments/segment.py preset=paper dataset=image_mask_folder dataset.root=DIR write_pictures=false
python experiments/segment.py experiment=paintseg_paper dataset=image_mask_folder dataset.root=DIR
python benchmarks/paintseg.py FOLDER_OF_THE_FIRST FOLDER_OF_THE_SECOND [MORE SHARDS OF THE SECOND ...]
"""

import argparse
import json
from pathlib import Path

import numpy as np


def values(folders: list[Path], metric: str) -> dict[str, float]:
    """Picture -> number, of all shards of a run."""
    rows = [row for folder in folders for row in json.loads((folder / "result.json").read_text())["rows"]]
    return {row["name"]: row[metric] for row in rows if row[metric] is not None}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path, nargs="+")
    parser.add_argument("--metric", default="iou_fixed")
    asked = parser.parse_args()
    before, after = values([asked.before], asked.metric), values(asked.after, asked.metric)
    names = sorted(before.keys() & after.keys())
    gains = np.array([after[name] - before[name] for name in names])
    draws = np.random.default_rng(0).integers(0, len(gains), (10_000, len(gains)))
    low, high = np.quantile(gains[draws].mean(1), [0.025, 0.975])
    first, second = (np.mean([found[name] for name in names]) for found in (before, after))
    print(f"{asked.metric} over {len(names)} pictures: {first:.4f} before, {second:.4f} after")
    print(f"gain {gains.mean():+.4f}, 95 % interval {low:+.4f} to {high:+.4f} (bootstrap over pictures)")
    print(f"better on {(gains > 0.005).sum()}, worse on {(gains < -0.005).sum()}, median {np.median(gains):+.4f}")


if __name__ == "__main__":
    main()
