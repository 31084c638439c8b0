"""Downloading and registering single files: against a server that breaks off, lies and changes."""

import dataclasses
import io
import json
import os
import shutil
import zipfile
from collections import namedtuple

import pytest

from iem.weights import cache_folder, digest, find_file
from iem.weights.fetching import FetchError, fetch, register

ENOUGH = namedtuple("Usage", "total used free")


def get(entry, **settings):
    return fetch(entry, pause=0.01, timeout=5, attempts=3, **settings)


def refused(entry, match, **settings) -> str:
    with pytest.raises(FetchError, match=match) as caught:
        get(entry, **settings)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_file_is_kept_and_its_sum_remembered(entry, weights, server):
    seen = []
    got = get(entry, on_bytes=lambda done, total: seen.append((done, total)))
    assert got.path.read_bytes() == weights
    assert (got.trust, got.sha256) == ("first", digest(got.path))
    assert seen[-1] == (len(weights), len(weights))
    record = json.loads((got.path.parent / "record.json").read_text())
    assert (record["sha256"], record["size"], record["origin"]) == (got.sha256, len(weights), entry.address)
    assert sorted(path.name for path in got.path.parent.iterdir()) == [".lock", "record.json", "tiny.pth"]
    assert get(entry).trust == "there already"
    assert len(server.requests) == 1


def test_a_broken_download_goes_on(entry, weights, server):
    server.break_after = [150_000, 100_000]
    assert get(entry).path.read_bytes() == weights
    starts = [int(asked[6:-1]) if asked else 0 for _, asked in server.requests]
    assert starts[0] == 0 < starts[1] < starts[2]


def test_the_next_call_goes_on_where_the_last_one_failed(entry, weights, server):
    server.break_after = [200_000, 0, 0]
    refused(entry, r"interrupted 3 times .* bytes are kept, run the same command to go on")
    assert not (cache_folder() / "tiny" / "tiny.pth").exists()
    assert get(entry).path.read_bytes() == weights
    assert int(server.requests[-1][1][6:-1]) > 100_000


def test_a_pinned_sum_is_compared(entry, weights, server, listed):
    pinned = listed(dataclasses.replace(entry, sha256="0" * 64, sha256_from="its authors"))
    refused(
        pinned, r"expected the sha256 sum 0{64} \(as stated by its authors\), got .*; the file is truncated or alter"
    )
    assert [path.name for path in (cache_folder() / "tiny").iterdir()] == [".lock"], "nothing of it is kept"
    accepted = get(pinned, accept_changed=True)
    assert accepted.trust == "accepted"
    assert find_file("tiny", key="checkpoint", wanted="weights") == accepted.path
    right = listed(dataclasses.replace(entry, sha256=accepted.sha256, sha256_from="its authors"))
    shutil.rmtree(accepted.path.parent)
    assert get(right).trust == "pinned"


def test_later_downloads_are_compared_with_the_first(entry, weights, server):
    path = get(entry).path
    path.unlink()
    server.files["/tiny.pth"] = weights[:-1] + b"!"
    refused(entry, r"as of the first download\), got")
    server.files["/tiny.pth"] = weights
    assert get(entry).trust == "remembered"


def test_an_altered_file_is_fetched_anew(entry, weights):
    path = get(entry).path
    path.write_bytes(b"spoilt")
    assert get(entry).trust == "remembered"
    assert path.read_bytes() == weights


def test_what_holds_no_weights_is_not_kept(entry, server):
    server.files["/tiny.pth"] = b"<html>sign in</html>" * 100
    refused(entry, r"^tiny: expected pickle of tensors in http://.*, got a file that is truncated or holds no weights")
    server.content_type = "text/html; charset=utf-8"
    refused(entry, "the server sent a web page instead of the file")
    assert not (cache_folder() / "tiny" / "tiny.pth").exists()


def test_statuses_are_sentences(entry, server):
    server.files.clear()
    assert "data set" not in refused(
        entry, r"there is no such file \(404\); it has moved, look for it on its home page"
    )
    server.statuses = [503, 503, 503]
    refused(entry, "interrupted 3 times .the server answered 503")


def test_no_connection_is_a_sentence(entry):
    refused(
        dataclasses.replace(entry, address="http://127.0.0.1:9/tiny.pth"), "connection was refused; check the network"
    )


def test_a_full_disk_is_found_before(entry, monkeypatch, server):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: ENOUGH(10, 9, 1))
    refused(entry, r"expected 0.00 GB of free space for tiny, found 0.00 GB; free some")
    assert server.requests == []


def test_a_folder_that_cannot_be_written(entry, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("IEM_WEIGHTS", str(tmp_path / "file"))
    refused(entry, "a part of its path is a file, not a folder")


@pytest.mark.skipif(os.name != "posix", reason="locks as POSIX has them")
def test_two_at_once_do_not_mix(entry, server):
    import fcntl

    folder = cache_folder() / "tiny"
    folder.mkdir(parents=True)
    with (folder / ".lock").open("wb") as file:  # a lock belongs to the open file, not to the process
        fcntl.flock(file, fcntl.LOCK_SH)
        refused(entry, "tiny: another process is fetching it; wait for it, or end it")
        assert server.requests == []
    assert get(entry).trust == "first"


def packed(name: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, content)
        archive.writestr("readme.txt", "hello")
    return buffer.getvalue()


def test_a_file_is_taken_out_of_an_archive(entry, weights, server, listed):
    server.files["/all.zip"] = packed("a/tiny.pth", weights)
    inside = listed(dataclasses.replace(entry, address=f"{server.address}/all.zip", member="a/tiny.pth"))
    got = get(inside)
    assert got.path.read_bytes() == weights
    assert sorted(path.name for path in got.path.parent.iterdir()) == [".lock", "record.json", "tiny.pth"]


def test_a_damaged_archive_is_refused(entry, weights, server):
    whole = packed("a/tiny.pth", weights)
    server.files["/all.zip"] = whole[:1000] + b"!!!!" + whole[1004:]
    inside = dataclasses.replace(entry, address=f"{server.address}/all.zip", member="a/tiny.pth")
    refused(inside, r"expected an archive with a/tiny.pth, got one that is damaged")


def test_an_archive_without_the_file_is_refused(entry, weights, server, listed):
    server.files["/all.zip"] = packed("b/other.pth", weights)
    inside = dataclasses.replace(entry, address=f"{server.address}/all.zip", member="a/tiny.pth", sha256="0" * 64)
    refused(inside, "expected the sha256 sum 0000")


def test_a_page_is_opened_by_hand_and_its_file_registered(entry, weights, tmp_path, listed):
    page = listed(dataclasses.replace(entry, kind="page", address="https://drive.example/1"))
    refused(page, r"open https://drive.example/1 in a browser, then: iem models get tiny --from tiny.pth$")
    source = tmp_path / "downloaded (1).pth"
    source.write_bytes(weights)
    got = register(page, source)
    assert (got.trust, got.path.read_bytes()) == ("first", weights)
    assert source.read_bytes() == weights
    assert find_file("tiny", key="checkpoint", wanted="weights") == got.path
    source.write_bytes(weights + b"!")
    with pytest.raises(FetchError, match=r"as of the first download"):
        register(page, source)
    assert got.path.read_bytes() == weights


def test_files_that_cannot_be_registered(entry, tmp_path):
    with pytest.raises(FetchError, match=r"^tiny: expected the file tiny.pth, got a path where nothing is"):
        register(entry, tmp_path / "nothing")
    with pytest.raises(FetchError, match=r"^tiny: expected the file tiny.pth, got a folder"):
        register(entry, tmp_path)
    (tmp_path / "page.html").write_text("<html>Google Drive: can't scan this file for viruses</html>")
    with pytest.raises(FetchError, match=r"got a file that is truncated or holds no weights; it was not kept"):
        register(entry, tmp_path / "page.html")
    with pytest.raises(FetchError, match=r"it is a folder of the hub, not a file"):
        register(dataclasses.replace(entry, kind="hub", address="me/mine"), tmp_path / "page.html")
    assert not (cache_folder() / "tiny" / "tiny.pth").exists()
