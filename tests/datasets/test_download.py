"""Against a local server that breaks off, forgets, lies and changes."""

import hashlib
import io
import json
import shutil
import tarfile
import zipfile

import numpy as np
import pytest
from references.moody_server import serve

from iem import transfer
from iem.datasets import download as module
from iem.datasets.catalogue import CATALOGUE, CatalogueEntry, RemoteFile, find_entry
from iem.datasets.download import DownloadError, get
from iem.transfer import ResumingDownloader

CONTENT = np.random.default_rng(0).integers(0, 256, 700_000, dtype=np.uint8).tobytes()


@pytest.fixture
def server():
    with serve() as moods:
        yield moods


def archive(**files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as opened:
        for name, content in files.items():
            opened.writestr(name.replace("__", "/"), content)
    return buffer.getvalue()


def entry_of(server, name="/set.zip", *, content=None, **settings):
    server.files[name] = archive(images__a=CONTENT) if content is None else content
    remote = RemoteFile(server.address + name, len(server.files[name]), **settings)
    return CatalogueEntry("set", "a set", 1, "none", "http://localhost", (remote,))


def sha256(data):
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def fetch(entry, folder, **settings):
    return get(entry, folder, pause=0.01, timeout=5, **settings)


def test_a_download_is_unpacked_and_remembered(server, tmp_path):
    entry = entry_of(server)
    (got,) = fetch(entry, tmp_path)
    assert (tmp_path / "images" / "a").read_bytes() == CONTENT
    assert got.trust == "first"
    assert f"sha256:{got.sha256}" == sha256(server.files["/set.zip"])
    record = json.loads((tmp_path / "download.json").read_text())[entry.files[0].url]
    assert (record["sha256"], record["names"]) == (got.sha256, ["images"])
    assert not (tmp_path / ".downloads").exists()
    assert fetch(entry, tmp_path)[0].trust == "there already"
    assert len(server.requests) == 1


def test_a_broken_download_goes_on_where_it_was(server, tmp_path):
    server.break_after = [300_000, 1, 150_000]
    entry = entry_of(server, sum=sha256(archive(images__a=CONTENT)))
    (got,) = fetch(entry, tmp_path)
    assert got.trust == "pinned"
    assert (tmp_path / "images" / "a").read_bytes() == CONTENT
    starts = [int(asked[6:-1]) if asked else 0 for _, asked in server.requests]
    assert starts[0] == 0
    assert starts[1:] == sorted(starts[1:])
    assert starts[-1] > 250_000
    assert len(starts) == 4


def test_the_next_call_goes_on_where_the_last_one_failed(server, tmp_path):
    server.break_after = [300_000, 0, 0]
    entry = entry_of(server)
    with pytest.raises(DownloadError, match=r"the download was interrupted 3 times .* bytes are kept, run the same"):
        fetch(entry, tmp_path, attempts=3)
    fetch(entry, tmp_path)
    assert int(server.requests[-1][1][6:-1]) > 250_000
    assert (tmp_path / "images" / "a").read_bytes() == CONTENT


def test_a_server_without_ranges_is_asked_for_all(server, tmp_path):
    server.ranges, server.break_after = False, [300_000]
    fetch(entry_of(server), tmp_path)
    assert (tmp_path / "images" / "a").read_bytes() == CONTENT
    assert server.requests[-1][1] is not None


def test_a_file_that_changed_meanwhile_is_begun_anew(server, tmp_path):
    server.break_after = [300_000, 0]
    entry = entry_of(server)
    with pytest.raises(DownloadError):
        fetch(entry, tmp_path, attempts=1)
    server.files["/set.zip"], server.etag, server.break_after = archive(images__a=CONTENT[::-1]), '"two"', []
    fetch(entry, tmp_path)
    assert (tmp_path / "images" / "a").read_bytes() == CONTENT[::-1]
    asked = int(server.requests[-1][1].removeprefix("bytes=").rstrip("-"))
    assert 200_000 < asked <= 300_000


def test_a_whole_part_is_not_fetched_again(server, tmp_path):
    server.files["/x"] = CONTENT
    part = tmp_path / "x.part"
    part.write_bytes(CONTENT)
    (tmp_path / "x.part.json").write_text(json.dumps({"url": f"{server.address}/x", "validator": '"one"'}))
    ResumingDownloader(part)(f"{server.address}/x", str(tmp_path / "x"))
    assert (tmp_path / "x").read_bytes() == CONTENT
    assert server.requests == [("/x", "bytes=700000-")]
    part.write_bytes(CONTENT + b"more")
    (tmp_path / "x.part.json").write_text(json.dumps({"url": f"{server.address}/x", "validator": '"one"'}))
    ResumingDownloader(part, pause=0.01)(f"{server.address}/x", str(tmp_path / "x"))
    assert (tmp_path / "x").read_bytes() == CONTENT


def test_a_part_of_something_else_is_not_continued(server, tmp_path):
    (tmp_path / ".downloads").mkdir()
    (tmp_path / ".downloads" / "set.zip.part").write_bytes(b"what is this?")
    fetch(entry_of(server), tmp_path)
    assert server.requests == [("/set.zip", None)]


def test_a_busy_server_is_asked_again(server, tmp_path):
    server.statuses = [503, 429]
    fetch(entry_of(server), tmp_path)
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("status", "message"),
    [(404, r"there is no such file \(404\); it has moved"), (403, "the server forbids it"), (418, "answered 418")],
)
def test_a_refusal_is_final_and_said_in_one_sentence(server, tmp_path, status, message):
    server.statuses = [status]
    with pytest.raises(DownloadError, match=message) as caught:
        fetch(entry_of(server), tmp_path)
    assert "\n" not in str(caught.value)
    assert len(server.requests) == 1


def test_no_network(tmp_path):
    entry = CatalogueEntry("set", "", 1, "", "", (RemoteFile("http://127.0.0.1:9/set.zip", 10),))
    with pytest.raises(DownloadError, match="the connection was refused; check the network"):
        fetch(entry, tmp_path, attempts=2)


def test_a_server_that_never_sends_all_of_it(server, tmp_path):
    server.lie, server.ranges = True, False
    with pytest.raises(DownloadError, match="the download was interrupted"):
        fetch(entry_of(server), tmp_path, attempts=2)


def test_a_web_page_is_no_archive(server, tmp_path):
    server.content_type = "text/html; charset=utf-8"
    with pytest.raises(DownloadError, match="the server sent a web page instead of the file"):
        fetch(entry_of(server, content=b"<html>log in</html>"), tmp_path)
    server.content_type = "application/zip"
    with pytest.raises(DownloadError, match=r"set\.zip: expected a \.zip or \.tar archive, got a web page"):
        fetch(entry_of(server, content=b"<html>log in</html>"), tmp_path)
    fetch(entry_of(server), tmp_path)  # the bad one is not in the way


@pytest.mark.parametrize("algorithm", ["sha256", "md5"])
def test_a_wrong_sum_is_refused(server, tmp_path, algorithm):
    wrong = f"{algorithm}:{hashlib.new(algorithm, b'other').hexdigest()}"
    entry = entry_of(server, sum=wrong, sum_from="somebody")
    with pytest.raises(
        DownloadError, match=rf"expected the {algorithm} sum .* \(as somebody states\), got .*; the file"
    ):
        fetch(entry, tmp_path)
    assert not (tmp_path / "images").exists()
    assert fetch(entry, tmp_path, accept_changed=True)[0].trust == "accepted"


def test_the_first_sum_is_trusted_and_a_later_one_compared(server, tmp_path):
    entry = entry_of(server)
    fetch(entry, tmp_path)
    shutil.rmtree(tmp_path / "images")
    assert fetch(entry, tmp_path)[0].trust == "remembered"
    shutil.rmtree(tmp_path / "images")
    server.files["/set.zip"] = archive(images__a=b"another")
    with pytest.raises(DownloadError, match="as of the first download"):
        fetch(entry, tmp_path)


def test_no_room(server, tmp_path, monkeypatch):
    entry = entry_of(server)
    monkeypatch.setattr(module.shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 10, 0))
    with pytest.raises(
        DownloadError, match=r"expected 0\.0 GB of free space \(set, packed and unpacked\), found 0\.0 GB"
    ):
        fetch(entry, tmp_path)
    assert server.requests == []


def test_no_room_for_more_than_was_expected(server, tmp_path, monkeypatch):
    server.files["/x"] = CONTENT
    monkeypatch.setattr(transfer.shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 10, 0))
    with pytest.raises(transfer.TransferError, match="of free space for the download"):
        ResumingDownloader(tmp_path / "x.part")(f"{server.address}/x", str(tmp_path / "x"))


def test_files_that_are_no_archives_and_folders(server, tmp_path):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as opened:
        info = tarfile.TarInfo("masks/b.png")
        info.size = 3
        opened.addfile(info, io.BytesIO(b"png"))
    server.files |= {"/m.tgz": buffer.getvalue(), "/split.txt": b"1 0\n"}
    files = (
        RemoteFile(f"{server.address}/m.tgz?download=1", 10, folder="top"),
        RemoteFile(f"{server.address}/split.txt", 4, folder="top", unpack=False),
    )
    server.files["/m.tgz?download=1"] = server.files["/m.tgz"]
    fetch(CatalogueEntry("set", "", 1, "", "", files), tmp_path, keep_archives=True)
    assert (tmp_path / "top/masks/b.png").read_bytes() == b"png"
    assert (tmp_path / "top/split.txt").read_text() == "1 0\n"
    assert (tmp_path / ".downloads/m.tgz").is_file()


def test_two_at_once(server, tmp_path):
    entry = entry_of(server)
    fetch(entry, tmp_path)
    shutil.rmtree(tmp_path / "images")
    (tmp_path / ".downloads").mkdir()
    with (
        module._alone(tmp_path / ".downloads" / "lock", tmp_path),
        pytest.raises(DownloadError, match="another process"),
    ):
        fetch(entry, tmp_path)


def test_a_damaged_record(server, tmp_path):
    (tmp_path / "download.json").write_text("{")
    with pytest.raises(DownloadError, match=r"download\.json: expected the record of downloads, but it is damaged"):
        fetch(entry_of(server), tmp_path)


def test_the_catalogue_is_in_order():
    assert len({entry.name for entry in CATALOGUE}) == len(CATALOGUE)
    for entry in CATALOGUE:
        assert find_entry(entry.name.upper().replace("_", "-")) is entry
        assert entry.licence
        assert entry.pictures > 0
        for file in entry.files:
            assert file.url.startswith("http")
            assert file.size > 0
            if file.sum:
                algorithm, _, value = file.sum.partition(":")
                assert len(bytes.fromhex(value)) == hashlib.new(algorithm).digest_size
                assert file.sum_from
    with pytest.raises(ValueError, match="expected one of flowers, cub"):
        find_entry("voc")
