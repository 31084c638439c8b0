"""One run of W&B, from its first call to its last. Here things may fail; ``WandbTracker`` answers for them."""

import contextlib
import math
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from glob import escape
from pathlib import Path
from typing import Any, Literal

import torch

from iem.images import resize_mask, short_side
from iem.interfaces import Image, Mask, RunIdentity
from iem.runner.results import plain
from iem.runner.tracking.transaction_log import written_rows

_LABELS = {0: "background", 1: "foreground"}
_AXES = {"opt/*": "opt/iter", "watch/*": "opt/iter", "data/*": "data/pictures"}
_LARGEST_COUNTS = ("opt/iou_fixed", "opt/iou_oracle", "opt/dice_fixed", "opt/dice_oracle")
_TAG_LENGTH = 64
_WRITING = 5.0  # seconds that W&B has for its file after the end


class WandbSession:
    """Opens a run of W&B; every method may raise what W&B raises.

    Args:
        identity: of the run; W&B writes below its folder.
        mode: "offline", or None for what the environment says, which is online unless it says otherwise.
        options: further arguments of ``wandb.init``.
        init_timeout: seconds that the server has to answer.
        finish_timeout: seconds that the last rows have to arrive.
    """

    table_rows = 10_000  # W&B shows no more

    def __init__(
        self,
        identity: RunIdentity,
        *,
        mode: Literal["online", "offline"] | None,
        options: Mapping[str, Any],
        init_timeout: float,
        finish_timeout: float,
    ) -> None:
        import wandb  # a second, which only those who use it shall pay

        self._wandb, self._caches, self.rows = wandb, identity.folder / "wandb", 0  # rows that were logged
        settings = wandb.Settings(
            console="off",
            finish_timeout=finish_timeout,
            finish_timeout_raises=True,
            init_timeout=init_timeout,
            silent=True,
            x_disable_stats=True,
            x_save_requirements=False,  # half a second; the versions that matter are in result.json
            x_transaction_log_flush_interval=1.0,  # what a killed run may lose of its file
        )
        with _folders_below(self._caches):
            self._run = wandb.init(
                id=identity.id,
                name=identity.name,
                dir=str(identity.folder),
                config=plain(identity.config),
                resume="allow",
                mode=mode,
                reinit="create_new",  # never another run of this process
                settings=settings,
                **options,
            )
        for glob, axis in _AXES.items():
            self._run.define_metric(axis, hidden=True)
            self._run.define_metric(glob, step_metric=axis)
        for key in _LARGEST_COUNTS:
            self._run.define_metric(key, step_metric="opt/iter", summary="max,last")

    @property
    def is_offline(self) -> bool:
        """Whether it only writes files."""
        return bool(self._run.offline)

    @property
    def address(self) -> str | None:
        """Where the run can be looked at; None offline."""
        return None if self._run.offline or self._run.disabled else self._run.url

    @property
    def folder(self) -> Path:
        """Where W&B writes this run."""
        return Path(self._run.dir).parent

    @property
    def segments(self) -> list[Path]:
        """The folders of what was recorded offline under this run's id and is not uploaded, the earliest first."""
        found = sorted(self._caches.glob(f"offline-run-*-{escape(self._run.id)}*"))
        return [each for each in found if not any(each.glob("*.synced"))]

    def missing_rows(self) -> int:
        """After the end: how many rows were logged and are not in the run's file, which W&B may still be writing."""
        if self._run.disabled:
            return 0
        path, until = self.folder / f"run-{self._run.id}.wandb", time.monotonic() + _WRITING
        while (missing := self.rows - written_rows(path)) > 0 and time.monotonic() < until:
            time.sleep(0.05)
        return missing

    def log(self, step: int, metrics: Mapping[str, float], axis: str) -> None:
        """One row. NaN is left out: it would stay the largest value for ever, and a curve has a gap there anyway."""
        self._row({axis: step, **_without_nan(metrics)})

    def image(self, key: str, step: int, image: Image, masks: Mapping[str, Mask], axis: str, size: int) -> None:
        """A picture of at most that short side, and its masks as overlays that can be switched on and off."""
        small = short_side(image, size, enlarge=False)
        shape = (small.shape[-2], small.shape[-1])
        pixels = (small[0].clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).cpu().numpy()
        overlays = {
            name: {
                "mask_data": (resize_mask(mask, shape)[0, 0] > 0.5).to(torch.uint8).cpu().numpy(),
                "class_labels": _LABELS,
            }
            for name, mask in masks.items()
        }
        self._row({axis: step, key: self._wandb.Image(pixels, masks=overlays)})

    def table(self, key: str, rows: Sequence[Mapping[str, object]]) -> None:
        """A table, of at most ``table_rows`` rows."""
        shown = rows[: self.table_rows]
        columns = list(dict.fromkeys(column for row in shown for column in row))
        cells = [[_cell(row.get(column)) for column in columns] for row in shown]
        with _folders_below(self._caches):
            self._row({key: self._wandb.Table(columns=columns, data=cells, allow_mixed_types=True)})

    def finish(self, summary: Mapping[str, float], exit_code: int) -> None:
        """Write what is left; online, wait until it has arrived."""
        with _folders_below(self._caches):
            try:
                self._run.summary.update(_without_nan(summary))
            finally:
                self._run.finish(exit_code=exit_code)

    def _row(self, row: dict[str, Any]) -> None:
        self._run.log(row)  # without a step of W&B's own, which must never go back
        self.rows += 1


def abandon_service() -> None:
    """End W&B's helper process, which would refuse a run's id as long as a failed attempt lingers there."""
    import wandb

    wandb.teardown()


def server() -> str:
    """The address that W&B would talk to."""
    import wandb

    return str(wandb.setup().settings.base_url)


def options(
    identity: RunIdentity,
    *,
    project: str,
    entity: str | None,
    group: str | None,
    job_type: str | None,
    tags: Sequence[str],
    notes: str | None,
) -> dict[str, Any]:
    """What is not the same for each run of W&B; the identity's own where nothing is given."""
    return {
        "project": project,
        "entity": entity,
        "group": group or identity.group,
        "job_type": job_type or identity.job_type,
        "tags": tuple(dict.fromkeys(tag[:_TAG_LENGTH] for tag in (*tags, *identity.tags) if tag)),
        "notes": notes or identity.notes or None,
    }


def _without_nan(metrics: Mapping[str, float]) -> dict[str, float]:
    numbers = {key: float(value) for key, value in metrics.items() if value is not None}
    return {key: value for key, value in numbers.items() if not math.isnan(value)}


def _cell(value: object) -> object:
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


@contextlib.contextmanager
def _folders_below(folder: Path) -> Iterator[None]:
    """In this block W&B's caches are below ``folder``, unless the environment says where, and it asks no questions.

    Its settings do not know these folders. The environment is as it was afterwards.
    """
    wanted = {
        "WANDB_CACHE_DIR": str(folder / "cache"),
        "WANDB_DATA_DIR": str(folder / "data"),
        "WANDB_SILENT": "true",
    }
    added = {key: value for key, value in wanted.items() if key not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for key in added:
            os.environ.pop(key, None)
