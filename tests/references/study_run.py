"""A run's folder as ``iem study build`` reads it: noise, and noise that the methods have left their mark on."""

import json
from pathlib import Path

import numpy as np
from PIL import Image


def study_run(folder: Path, *, methods=("iem", "sam", "clipseg"), names=("street", "park"), text: bool = True) -> Path:
    """Each method paints a square of its own colour, so that it can be told who is who."""
    prompts = {}
    for i, name in enumerate(names):
        values = np.random.default_rng(i).integers(90, 120, (48, 64, 3), dtype=np.uint8)
        save(folder / "photos" / f"{name}.png", values)
        wanted = {"text": f"thing {i}"} if text else {"click": [20, 20]}
        prompts[f"{name}.png"] = {**wanted, "box": [10, 10, 30, 30]}
        for k, method in enumerate(methods):
            painted = values.copy()
            painted[10:30, 10:30] = COLOURS[k]
            save(folder / "painted" / method / f"{name}.png", painted)
    (folder / "prompts.json").write_text(json.dumps(prompts))
    return folder


COLOURS = ((220, 30, 30), (30, 200, 40), (30, 40, 220), (220, 220, 30))


def save(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)


def answers(key: dict, said, *, person: str = "aa", saved: str = "2024-05-01T10:00:00.000Z") -> dict:
    """A file of answers; ``said(method, picture) -> (removed, altered, harmony)``."""
    given = {}
    for item, about in key["items"].items():
        removed, altered, harmony = said(about["method"], about["picture"])
        given[item] = {"removed": removed, "altered": altered, "harmony": harmony}
    return {"kind": "iem study answers", "format": 1, "study": key["study"], "person": person, "saved": saved,
            "answers": given}  # fmt: skip
