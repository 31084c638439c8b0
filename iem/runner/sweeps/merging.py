"""Shards of one run joined into the result that the whole run would have had."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iem.runner.histories import histories
from iem.runner.means import means
from iem.runner.provenance import data_fingerprint
from iem.runner.results import read_events, read_json, write_json
from iem.runner.run import Result, write_result
from iem.runner.sweeps.jobs import read_sweep

Row = dict[str, Any]
FILES = ("mask", "cutout", "overlay", "film")
_ONLY_IN_LOG = ("f_fixed", "f_oracle")
WHOLE = {"index": 0, "count": 1}


@dataclass(frozen=True)
class _Shard:
    """A finished part of a run: where it is, and what it found."""

    folder: Path
    index: int
    count: int
    settings: Mapping[str, Any]  #: those of the whole run
    result: Mapping[str, Any]

    @property
    def names(self) -> list[str]:
        return [row["name"] for row in self.result["rows"]]

    @property
    def log(self) -> Path:
        return self.folder / "metrics.jsonl"


def merge(folders: Sequence[Path], output: Path) -> Result:
    """Join finished shards: rows in the data set's order, means of all, log, pictures and report.

    What is written is what one run over the whole data set would have left, but for times and machines. Pictures are
    hard links where the disk allows, else copies. The result appears whole or not at all.

    Args:
        folders: of the shards, or of sweeps that hold them, in any order.
        output: does not exist yet, or holds the same result.

    Raises:
        ValueError: a shard is missing, not finished, or not of this run; or ``output`` holds something else.
    """
    shards = _complete([_read(folder) for folder in _expanded(folders)])
    settings, places = shards[0].settings, _places(shards)
    rows, failures = _ordered(shards, places)
    events = {name: lines for shard in shards for name, lines in _events(shard)}
    lacking = [row["name"] for row in rows if row["name"] not in events]
    if lacking:
        raise ValueError(f"{lacking[0]}: expected it in the log of its shard, got none; run that shard anew")
    curves = [{**row, **_curves_of(events[row["name"]])} for row in rows]
    result = Result(rows, means(curves), 0, failures, output, output / "report.html")
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        earlier = read_json(output / "result.json") or {}
        if [row.get("name") for row in earlier.get("rows", ())] == [row["name"] for row in rows] and (
            earlier.get("settings") == settings and _same_numbers(earlier, result)
        ):
            return result
        raise ValueError(f"{output}: expected a folder that is not there yet, got another result; name another folder")
    _write(shards, result, settings, events)
    return result


def _expanded(folders: Sequence[Path]) -> list[Path]:
    """The folders of runs, in place of those of sweeps."""
    found = [job.folder for folder in folders for job in read_sweep(folder).jobs if job.folder is not None]
    return list({path.resolve(): path for path in found}.values())


def _read(folder: Path) -> _Shard:
    result = read_json(folder / "result.json")
    if result is None:
        raise ValueError(f"{folder}: expected a finished shard, got one without a result; run it to its end first")
    settings = dict(result.get("settings", {}))
    shard = settings.get("shard") or WHOLE
    if shard.get("count", 1) < 2:
        raise ValueError(f"{folder}: expected a shard, got a whole run; it needs no merging")
    return _Shard(folder, shard["index"], shard["count"], {**settings, "shard": dict(WHOLE)}, result)


def _complete(shards: Sequence[_Shard]) -> list[_Shard]:
    """All shards of one run, each once, in order."""
    if not shards:
        raise ValueError("shards: expected at least two folders, got none; name them")
    first = shards[0]
    for shard in shards:
        if shard.count != first.count:
            raise ValueError(
                f"{shard.folder}: expected one of {first.count} shards like {first.folder}, got one of {shard.count}; "
                "merge shards of one run"
            )
        if different := _difference(first.settings, shard.settings):
            raise ValueError(
                f"{shard.folder}: expected the settings of {first.folder}, got another {different}; "
                "merge shards of one run"
            )
    by_index: dict[int, _Shard] = {}
    for shard in shards:
        if shard.index in by_index:
            raise ValueError(
                f"{shard.folder}: expected each shard once, got number {shard.index} also in "
                f"{by_index[shard.index].folder}; leave one out"
            )
        by_index[shard.index] = shard
    if missing := [str(i) for i in range(first.count) if i not in by_index]:
        raise ValueError(
            f"shards: expected all {first.count}, got {len(by_index)}; run shard.index={','.join(missing)} as well"
        )
    return [by_index[i] for i in range(first.count)]


def _difference(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> str | None:
    """The dotted name of the first setting that differs."""
    for key in {**ours, **theirs}:
        one, other = ours.get(key), theirs.get(key)
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            if (below := _difference(one, other)) is not None:
                return f"{key}.{below}"
        elif one != other or (key in ours) != (key in theirs):
            return key
    return None


def _places(shards: Sequence[_Shard]) -> dict[str, int]:
    """Name -> place in the whole data set; shard ``i`` of ``n`` has the places ``i``, ``i + n``, ``i + 2 n``, ..."""
    count = len(shards)
    if any(shard.result.get("failures") for shard in shards):
        names = _names_of_dataset(shards[0])
        unknown = [name for shard in shards for name in shard.names if name not in names[shard.index :: count]]
        if unknown:
            raise ValueError(f"{unknown[0]}: expected it in the data set, got none; it has changed since")
        return {name: place for place, name in enumerate(names)}
    places = {name: shard.index + count * i for shard in shards for i, name in enumerate(shard.names)}
    total = sum(len(shard.names) for shard in shards)
    for shard in shards:
        expected = len(range(shard.index, total, count))
        if len(shard.names) != expected:
            raise ValueError(
                f"{shard.folder}: expected {expected} of {total} pictures, got {len(shard.names)}; "
                "the shards do not have one data set: run them anew"
            )
    if len(places) != total:
        raise ValueError("shards: expected each picture once, got one in two shards; they do not have one data set")
    return places


def _names_of_dataset(shard: _Shard) -> tuple[str, ...]:
    """Where a picture could not be read, only the data set knows the places of the others."""
    from hydra.utils import instantiate

    try:
        names: tuple[str, ...] = tuple(instantiate(shard.settings["dataset"], _convert_="all").names)
    except Exception as error:
        reason = " ".join(str(error.__cause__ or error).split())
        raise ValueError(
            f"shards: pictures could not be read, so the data set is needed for their order, and it cannot be opened: "
            f"{reason}"
        ) from error
    return names


def _ordered(shards: Sequence[_Shard], places: Mapping[str, int]) -> tuple[list[Row], list[str]]:
    """Rows and failures in the data set's order."""
    rows = sorted((row for shard in shards for row in shard.result["rows"]), key=lambda row: places[row["name"]])
    failed: list[tuple[int, str]] = []
    for shard in shards:
        having = {places[name] for name in shard.names}
        empty = [place for place in range(shard.index, len(places), len(shards)) if place not in having]
        failed += list(zip(empty, shard.result.get("failures", ()), strict=False))
    return rows, [sentence for _, sentence in sorted(failed)]


def _events(shard: _Shard) -> Iterator[tuple[str, list[bytes]]]:
    """Name -> the log's lines of that picture, those of its last search alone."""
    open_lines: dict[str, list[bytes]] = {}
    wanted = set(shard.names)
    for line in shard.log.read_bytes().splitlines(keepends=True):
        if not line.endswith(b"\n"):
            continue
        event = json.loads(line)
        name = event["name"]
        if event["event"] == "step" and event["step"] == 1:
            open_lines[name] = []
        open_lines.setdefault(name, []).append(line)
        if event["event"] == "picture" and name in wanted:
            yield name, open_lines.pop(name)


def _curves_of(lines: Sequence[bytes]) -> Row:
    event = json.loads(lines[-1])
    return {key: event[key] for key in _ONLY_IN_LOG if key in event}


def _same_numbers(earlier: Mapping[str, Any], result: Result) -> bool:
    numbers = [key for row in result.rows[:1] for key in row if key != "seconds"]
    pairs = zip(earlier["rows"], result.rows, strict=True)
    return all(one.get(key) == other.get(key) for one, other in pairs for key in numbers)


def _write(
    shards: Sequence[_Shard], result: Result, settings: Mapping[str, Any], events: Mapping[str, Sequence[bytes]]
) -> None:
    """Everything beside ``result.folder``, which then takes its name."""
    output = result.folder
    output.parent.mkdir(parents=True, exist_ok=True)
    beside = output.parent / f".{output.name}.merging-{os.getpid()}"
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir()
    try:
        write_json(beside / "settings.json", settings)
        _write_command(shards[0], output, beside)
        with (beside / "metrics.jsonl").open("wb") as log:
            for row in result.rows:
                log.writelines(events[row["name"]])
            log.flush()
            os.fsync(log.fileno())
        owners = {name: shard.folder for shard in shards for name in shard.names}
        for row in result.rows:
            for kind in FILES:
                if row.get(kind):
                    _carry(owners[row["name"]] / row[kind], beside / row[kind])
        placed = Result(result.rows, result.means, 0, result.failures, beside, beside / "report.html")
        found = histories(read_events(beside / "metrics.jsonl"), list(owners))
        write_result(
            placed,
            settings,
            title=output.name,
            found={row["name"]: found[row["name"]] for row in result.rows if row["name"] in found},
            provenance=lambda _settings, rows: _provenance(shards, rows),
        )
        if output.exists():
            output.rmdir()  # it is empty
        beside.rename(output)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise


def _write_command(shard: _Shard, output: Path, beside: Path) -> None:
    """How the whole run would be started."""
    noted = read_json(shard.folder / "command.json")
    if noted is None:
        return
    bound = ("shard.", "+shard.", "hydra.run.dir=", "hydra.mode=")
    kept = [each for each in noted.get("overrides", ()) if not str(each).startswith(bound)]
    place = str(output).replace("\\", "\\\\").replace("'", "\\'")
    write_json(beside / "command.json", {**noted, "overrides": [*kept, "hydra.mode=RUN", f"hydra.run.dir='{place}'"]})


def _carry(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except FileNotFoundError as error:
        raise ValueError(f"{source}: expected a picture that its shard has written, got none; run it anew") from error
    except OSError:
        shutil.copy2(source, target)


def _provenance(shards: Sequence[_Shard], rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What the shards have in common, their time together, and where each of them ran."""
    each = [dict(shard.result.get("provenance", {})) for shard in shards]
    common = {key: value for key, value in each[0].items() if all(other.get(key) == value for other in each)}
    started = [str(one["started"]) for one in each if one.get("started")]
    return {
        **common,
        "data": data_fingerprint(rows),
        "started": min(started, default=None),
        "seconds": round(sum(float(one.get("seconds") or 0) for one in each), 3),
        "shards": each,
    }
