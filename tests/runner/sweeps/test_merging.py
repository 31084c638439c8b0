import json
import shutil
import sys
import types

import pytest
import torch

from iem import presets
from iem.images import ImageError
from iem.interfaces import Sample
from iem.runner.results import read_events, read_json, write_json
from iem.runner.run import run
from iem.runner.shards import Shard
from iem.runner.sweeps.merging import merge

COUNT = 7


class Discs:
    """Discs of several sizes of pictures; those in ``broken`` cannot be read."""

    def __init__(self, broken=()):
        self.broken = broken

    @property
    def names(self):
        return tuple(f"disc{i}" for i in range(COUNT))

    def __len__(self):
        return COUNT

    def __getitem__(self, index):
        if index in self.broken:
            raise ImageError(f"disc{index}.png", "truncated; save it again")
        size = 20 + 4 * (index % 3)
        rows, columns = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
        truth = ((rows - size / 2) ** 2 + (columns - size / 2 + index) ** 2 < (size / 4) ** 2).float()[None, None]
        noise = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(index)) * 0.3
        return Sample(self.names[index], (truth * 0.6 + noise).clamp(0, 1), truth)


def begin(folder, shard=None, pictures=False, broken=()):
    shard = shard or Shard()
    settings = {"size": 16, "shard": {"index": shard.index, "count": shard.count}}
    if broken:
        settings["dataset"] = {"_target_": "discs_for_merging.Discs", "broken": list(broken)}
    run(
        Discs(broken), presets.paper(), folder=folder, settings=settings, size=16, shard=shard,
        write_pictures=pictures, batch_size=2,
    )  # fmt: skip
    return folder


def comparable(folder):
    """A result without times and machines."""
    result = read_json(folder / "result.json")
    for row in result["rows"]:
        del row["seconds"]
    return {
        **{key: result[key] for key in ("rows", "means", "failures", "settings")},
        "data": result["provenance"]["data"],
    }


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shards")
    return [begin(folder / f"shard{i}", Shard(i, 3), pictures=True) for i in range(3)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return begin(tmp_path_factory.mktemp("whole") / "run", pictures=True)


def test_the_result_is_that_of_the_whole_run(shards, whole, tmp_path):
    merge([shards[2], shards[0], shards[1]], tmp_path / "out")
    assert comparable(tmp_path / "out") == comparable(whole)

    def events(folder):
        return [{**event, "seconds": 0} for event in read_events(folder / "metrics.jsonl")]

    assert events(tmp_path / "out") == events(whole)
    files = {path.relative_to(whole) for path in whole.rglob("*") if path.is_file()}
    assert {path.relative_to(tmp_path / "out") for path in (tmp_path / "out").rglob("*") if path.is_file()} == files
    for path in files:
        if path.parts[0] in ("masks", "cutouts", "overlays", "films"):
            assert (tmp_path / "out" / path).read_bytes() == (whole / path).read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_merged_run_is_one_that_is_finished(shards, whole, tmp_path):
    out = tmp_path / "out"
    merge(shards, out)
    again = run(
        Discs(), presets.paper(), folder=out, settings=read_json(out / "settings.json"), size=16, write_pictures=False
    )
    assert again.kept == COUNT


def test_a_picture_begun_twice_is_merged_once(shards, whole, tmp_path):
    copy = shutil.copytree(shards[0], tmp_path / "copy")
    log = (copy / "metrics.jsonl").read_bytes().splitlines(keepends=True)
    (copy / "metrics.jsonl").write_bytes(b"".join([*log[:2], *log, log[0][:9]]))
    merge([copy, *shards[1:]], tmp_path / "out")
    assert len(list(read_events(tmp_path / "out/metrics.jsonl"))) == len(list(read_events(whole / "metrics.jsonl")))


def test_a_second_time_changes_nothing(shards, tmp_path):
    merge(shards, tmp_path / "out")
    before = (tmp_path / "out/result.json").stat().st_mtime_ns
    merge(shards, tmp_path / "out")
    assert (tmp_path / "out/result.json").stat().st_mtime_ns == before


def test_a_folder_with_something_else_is_refused(shards, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match=r"expected a folder that is not there yet, got another result"):
        merge(shards, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_sweep_of_shards_is_taken_whole(shards, whole, tmp_path):
    merge([shards[0].parent], tmp_path / "out")
    assert comparable(tmp_path / "out") == comparable(whole)


def test_a_missing_shard_is_named(shards, tmp_path):
    with pytest.raises(ValueError, match=r"expected all 3, got 1; run shard.index=0,2 as well"):
        merge([shards[1]], tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_a_shard_given_twice_is_named(shards, tmp_path):
    copy = shutil.copytree(shards[1], tmp_path / "copy")
    with pytest.raises(ValueError, match=r"copy: expected each shard once, got number 1 also in .*shard1"):
        merge([*shards, copy], tmp_path / "out")
    merge([*shards, shards[1]], tmp_path / "out")  # the same folder is only one


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"size": 24}, "got another size"),
        ({"inpainter": {"sigma": 3}}, "got another inpainter"),
        ({"shard": {"index": 2, "count": 4}}, "expected one of 3 shards .* got one of 4"),
        ({"shard": {"index": 0, "count": 1}}, "expected a shard, got a whole run"),
    ],
)
def test_shards_of_other_runs_are_refused(shards, tmp_path, change, sentence):
    copy = shutil.copytree(shards[2], tmp_path / "copy")
    result = read_json(copy / "result.json")
    write_json(copy / "result.json", {**result, "settings": {**result["settings"], **change}})
    with pytest.raises(ValueError, match=sentence):
        merge([*shards[:2], copy], tmp_path / "out")


def test_an_unfinished_shard_is_refused(shards, tmp_path):
    copy = shutil.copytree(shards[2], tmp_path / "copy")
    (copy / "result.json").unlink()
    with pytest.raises(ValueError, match=r"copy: expected a finished shard, got one without a result"):
        merge([*shards[:2], copy], tmp_path / "out")


def test_shards_of_a_data_set_that_has_grown_are_refused(shards, tmp_path):
    copy = shutil.copytree(shards[0], tmp_path / "copy")
    result = read_json(copy / "result.json")
    write_json(copy / "result.json", {**result, "rows": result["rows"][:1]})
    with pytest.raises(ValueError, match=r"copy: expected 2 of 5 pictures, got 1; the shards do not have one data set"):
        merge([copy, *shards[1:]], tmp_path / "out")


def test_pictures_that_could_not_be_read_keep_the_order(tmp_path, monkeypatch):
    module = types.ModuleType("discs_for_merging")
    module.Discs = Discs
    broken = (1, 4, 6)
    parts = [begin(tmp_path / f"{i}", Shard(i, 3), broken=broken) for i in range(3)]
    alone = begin(tmp_path / "alone", broken=broken)
    with pytest.raises(ValueError, match=r"the data set is needed for their order, and it cannot be opened"):
        merge(parts, tmp_path / "out")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    result = merge(parts, tmp_path / "out")
    assert [row["name"] for row in result.rows] == ["disc0", "disc2", "disc3", "disc5"]
    assert [failure.split(":")[0] for failure in result.failures] == ["disc1.png", "disc4.png", "disc6.png"]
    assert comparable(tmp_path / "out") == comparable(alone)


def test_a_disk_that_fills_up_leaves_nothing_half_done(shards, tmp_path, monkeypatch):
    def full(*arguments, **named):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("iem.runner.sweeps.merging.write_result", full)
    with pytest.raises(OSError, match="No space"):
        merge(shards, tmp_path / "out")
    assert not list(tmp_path.iterdir())
    assert json.loads((shards[0] / "result.json").read_text())["rows"]
