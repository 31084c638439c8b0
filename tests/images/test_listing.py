import os
from pathlib import PurePath

import pytest
import torch

from iem.images import ImageError, Listed, list_pictures, write_mask

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40


@pytest.fixture
def make(tmp_path):
    def make(*names, data=PNG):
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes(data)
        return tmp_path

    return make


def places(entries):
    return [entry.relative.as_posix() for entry in entries]


def test_a_folder_is_walked_in_the_order_of_names_and_its_tree_is_kept(make):
    folder = make("b.png", "a.png", "z/c.png", "birds/owls/d", ".hidden/e.png", "._f.png")
    make("notes.txt", "birds/list.csv", data=b"words")
    entries = list_pictures([folder])
    assert places(entries) == ["a.png", "b.png", "birds/owls/d", "z/c.png"]
    assert [entry.path for entry in entries] == [folder / entry.relative for entry in entries]
    assert all(entry.error is None for entry in entries)
    assert entries[2].output("out dir", "_mask.png").as_posix() == "out dir/birds/owls/d_mask.png"


def test_what_counts_as_a_picture_in_a_folder(make):
    """By content; and by name, so that damaged pictures and those of unsupported kinds are told rather than skipped."""
    folder = make("by_content.xyz")
    make("phone.HEIC", "empty.png", data=b"")
    make("BMW.txt", data=b"BMW is a maker of cars and this is a text")
    assert places(list_pictures([folder])) == ["by_content.xyz", "empty.png", "phone.HEIC"]


def test_a_file_named_itself_is_kept_whatever_it_is(make):
    folder = make("notes.txt", ".hidden.png", data=b"words")
    entries = list_pictures([folder / "notes.txt", str(folder / ".hidden.png")])
    assert places(entries) == ["notes.txt", ".hidden.png"]


def test_entries_that_cannot_be_read_are_errors_not_exceptions(make):
    folder = make("good.png", "none/notes.txt", data=b"words")
    (folder / "none/notes.txt").write_bytes(b"words")
    (folder / "broken.png").symlink_to(folder / "gone")
    (folder / "ignored link").symlink_to(folder / "gone")
    os.mkfifo(folder / "pipe.png")
    os.mkfifo(folder / "ignored pipe")
    entries = list_pictures([folder, folder / "missing.png", "/dev/zero", "nul\0byte", folder / "none"])
    reasons = {entry.path.name: str(entry.error) for entry in entries}
    assert list(reasons) == ["broken.png", "good.png", "pipe.png", "missing.png", "zero", "nul\0byte", "none"]
    assert reasons["good.png"] == "None"
    for name, part in [
        ("broken.png", "no such file"),
        ("pipe.png", "pipe"),
        ("missing.png", "no such file"),
        ("zero", "device"),
        ("nul\0byte", "NUL"),
        ("none", "no picture in this folder"),
    ]:
        assert part in reasons[name]
    assert all(isinstance(entry.error, ImageError) for entry in entries if entry.path.name != "good.png")


def test_missing_permission_is_told(make, monkeypatch):
    folder = make("a.png", "unknown", "closed/b.png")
    real_open, real_list = os.open, os.listdir

    def refuse_open(path, *arguments):
        if os.fspath(path).endswith("unknown"):
            raise PermissionError(13, "Permission denied")
        return real_open(path, *arguments)

    def refuse_list(path):
        if os.fspath(path).endswith("closed"):
            raise PermissionError(13, "Permission denied")
        return real_list(path)

    monkeypatch.setattr("iem.images.sources.os.open", refuse_open)
    monkeypatch.setattr("iem.images.listing.os.listdir", refuse_list)
    entries = list_pictures([folder])
    assert places(entries) == ["a.png", "unknown", "closed"]
    assert [entry.error is None for entry in entries] == [True, False, False]
    assert "no permission" in str(entries[2].error)


def test_37_loops_of_links_end(make):
    folder = make("a.png", "deep/b.png")
    (folder / "deep/up").symlink_to(folder)
    (folder / "self").symlink_to(folder / "self")
    (folder / "again").symlink_to(folder / "deep")
    names = [entry.path.name for entry in list_pictures([folder])]
    assert names == ["a.png", "b.png"]


def test_37_the_output_folder_is_not_read_again(make):
    folder = make("a.png", "out/a_mask.png", "out/deep/b_mask.png")
    (folder / "link").symlink_to(folder / "out")
    assert places(list_pictures([folder], exclude=folder / "out")) == ["a.png"]
    assert places(list_pictures([folder], exclude=folder / "new")) == [
        "a.png",
        "link/a_mask.png",
        "link/deep/b_mask.png",
    ]
    assert places(list_pictures([folder / "out/a_mask.png"], exclude=folder / "out")) == ["a_mask.png"]
    (entry,) = list_pictures([folder], exclude=f"{folder}/out/..")
    assert "output folder is the input folder" in str(entry.error)


def test_every_file_once(make, monkeypatch):
    folder = make("a.png", "b.png")
    monkeypatch.chdir(folder)
    entries = list_pictures(["b.png", ".", folder, folder / "a.png"])
    assert places(entries) == ["b.png", "a.png"]


def stems(entries):
    return [entry.stem for entry in entries]


def test_38_equal_stems_are_told_apart(make):
    folder = make("a.png", "a.jpg", "b.png", "sub/a.png", "c", "c.png")
    entries = list_pictures([folder])
    assert dict(zip(places(entries), stems(entries), strict=True)) == {
        "a.jpg": "a_jpg",
        "a.png": "a_png",
        "b.png": "b",
        "c": "c",
        "c.png": "c_png",
        "sub/a.png": "a",
    }
    assert list_pictures([folder]) == entries, "the same every time"


def test_38_stems_that_differ_by_capitals_unicode_form_or_folder_only(make, tmp_path):
    folder = make(
        "A.png", "a.png", "e\u0301.png", "\u00e9.png", "x.y.png", "x.png", "a_png.gif", "one/s.png", "two/s.png"
    )
    entries = list_pictures([folder, folder / "one/s.png"])
    entries += list_pictures([folder / "one/s.png", folder / "two/s.png"])
    outputs = {os.path.normcase(entry.output("out", "_mask.png")).casefold() for entry in entries}
    assert len({entry.stem for entry in entries[-2:]}) == 2
    assert all(entry.stem.startswith("s_png_") for entry in entries[-2:])
    assert len(outputs) == len(entries)


@pytest.mark.parametrize(
    "name",
    ["two words.png", "-dash.png", "new\nline.png", "e\u0301.png", "x" * 251 + ".png", "\u732b" * 83 + ".png", "..png"],
)
def test_38_every_name_gives_one_that_can_be_written(make, tmp_path, name):
    folder = make(f"in/{name}")
    (entry,) = list_pictures([folder / "in"])
    output = entry.output(folder / "out", "_a_rather_long_ending.png")
    assert len(os.fsencode(output.name)) <= 255
    assert "\n" not in output.name
    write_mask(output, torch.zeros(1, 1, 2, 2))
    assert output.exists()


def test_38_undecodable_names(make, tmp_path):
    folder = make("a.png")
    with open(os.path.join(os.fsencode(folder), b"\xff\xfe.png"), "wb") as file:  # noqa: PTH118, PTH123
        file.write(PNG)
    for entry in list_pictures([folder]):
        entry.output("out", ".png").as_posix().encode("utf-8")
        str(entry.path.name.encode(errors="surrogateescape"))


def test_long_names_that_begin_alike_differ(make):
    folder = make("x" * 240 + "1.png", "x" * 240 + "2.png")
    assert len(set(stems(list_pictures([folder])))) == 2


def test_one_path_instead_of_a_list():
    with pytest.raises(TypeError, match="expected a list of paths, got one str"):
        list_pictures("folder")


def test_a_listing_can_be_compared_and_hashed(tmp_path):
    entry = Listed(tmp_path / "a.png", PurePath("a.png"), "a")
    assert entry in {entry}
