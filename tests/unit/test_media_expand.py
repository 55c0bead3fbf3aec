"""Paths, folders and patterns to recordings."""

import itertools
import os
import sys

import pytest
import signals

from assay.errors import MediaError, MediaNotFound, MediaUnreadable, UnsupportedMedia
from assay.media import expand
from assay.media import expand as expand_function

WAV, MP3 = signals.seeds()["wav"], signals.seeds()["mp3"]


@pytest.fixture
def folder(tmp_path):
    """Sound in files, in hidden files and in subfolders; an MP3 named a.dat; text and nothing named .wav."""
    for name in ("sub/deep", ".git", "empty"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("b.wav", ".hidden.wav", "sub/c.wav", "sub/deep/d.wav", ".git/e.wav"):
        (tmp_path / name).write_bytes(WAV)
    (tmp_path / "a.dat").write_bytes(MP3)
    (tmp_path / "notes.wav").write_text("not sound")
    (tmp_path / "none.wav").touch()
    return tmp_path


def found(sources, folder, recursive=False):
    """What `expand` yields, with paths relative to the folder and errors as their class."""
    items = expand(sources, recursive=recursive)
    return [
        type(item) if isinstance(item, MediaError) else item if item == "-" else str(item.relative_to(folder))
        for item in items
    ]


def test_a_folder_gives_its_sound_by_content_sorted(folder):
    assert found([folder], folder) == ["a.dat", "b.wav"]


def test_a_folder_with_its_subfolders(folder):
    assert found([folder], folder, recursive=True) == ["a.dat", "b.wav", "sub/c.wav", "sub/deep/d.wav"]


def test_a_named_file_is_passed_on_whatever_it_is(folder):
    named = [folder / "notes.wav", folder / ".hidden.wav", folder / "gone.wav", "-"]
    assert found(named, folder) == ["notes.wav", ".hidden.wav", "gone.wav", "-"]


def test_a_pattern_gives_only_sound(folder):
    assert found([str(folder / "*.wav")], folder) == ["b.wav"]
    assert found([str(folder / "**/*.wav")], folder) == ["b.wav", "sub/c.wav", "sub/deep/d.wav"]


def test_an_existing_file_wins_over_a_pattern_of_the_same_spelling(folder):
    (folder / "take[1].wav").write_bytes(WAV)
    (folder / "take1.wav").write_bytes(WAV)
    assert found([str(folder / "take[1].wav")], folder) == ["take[1].wav"]


@pytest.mark.parametrize(
    "order",
    list(itertools.permutations(["b.wav", "", "*.wav", "./b.wav"])),
    ids=lambda order: "|".join(order),
)
def test_nothing_comes_twice_whatever_the_order(folder, order):
    names = found([os.path.join(folder, name) for name in order], folder)  # noqa: PTH118 - keeps "./"
    assert sorted(names) == ["a.dat", "b.wav"]


def test_overlapping_folders_give_each_file_once(folder):
    names = found([folder / "sub", folder, folder / "sub/deep"], folder, recursive=True)
    assert names == ["sub/c.wav", "sub/deep/d.wav", "a.dat", "b.wav"]
    assert found(["-", "-"], folder) == ["-"]


def test_a_file_that_its_folder_left_out_can_still_be_named(folder):
    names = found([folder, folder / "notes.wav", folder / ".hidden.wav"], folder)
    assert names == ["a.dat", "b.wav", "notes.wav", ".hidden.wav"]


def test_a_folder_without_sound_is_an_error_and_the_list_goes_on(folder):
    assert found([folder / "empty", folder / "b.wav"], folder) == [MediaNotFound, "b.wav"]


def test_the_error_of_a_folder_tells_of_its_subfolders(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.wav").write_bytes(WAV)
    (tmp_path / "readme.txt").write_text("text")
    (error,) = expand([tmp_path], recursive=False)
    assert "--recursive" in str(error)
    assert str(tmp_path) in str(error)
    assert error.context == {"looked_at": 1, "subfolders": 1, "path": str(tmp_path)}
    (tmp_path / "in" / "a.wav").unlink()
    (error,) = expand([tmp_path], recursive=True)
    assert "--recursive" not in str(error)


def test_a_pattern_without_sound_is_an_error_that_names_it(folder):
    (error,) = expand([str(folder / "*.ogg")], recursive=False)
    assert isinstance(error, MediaNotFound)
    assert "*.ogg" in str(error)
    (error,) = expand([str(folder / "not*")], recursive=False)
    assert "1 matching file" in str(error)


def test_a_url_and_an_impossible_name_are_errors_and_the_list_goes_on(folder):
    given = ["https://example.org/a.wav", "x" * 5000, folder / "b.wav"]
    kinds = found(given, folder)
    assert kinds[0] is UnsupportedMedia
    assert kinds[1] in (MediaUnreadable, MediaNotFound)
    assert kinds[2] == "b.wav"


def test_what_cannot_be_looked_into_is_reported(folder, monkeypatch):
    opened = os.open

    def refuse(path, *arguments):
        if str(path).endswith("b.wav"):
            raise PermissionError(13, "Permission denied")
        return opened(path, *arguments)

    monkeypatch.setattr(os, "open", refuse)
    assert found([folder], folder) == ["a.dat", MediaUnreadable]


def test_pipes_are_skipped_and_links_to_folders_not_followed(folder):
    os.mkfifo(folder / "pipe.wav")
    (folder / "again").symlink_to(folder)
    (folder / "link.wav").symlink_to("b.wav")
    names = found([folder], folder, recursive=True)
    assert names == ["a.dat", "b.wav", "link.wav", "sub/c.wav", "sub/deep/d.wav"]


def test_videos_are_listed_and_so_is_sound_in_their_containers(tmp_path):
    sound = signals.sine(rate=44_100)
    (tmp_path / "a.mp4").write_bytes(signals.muxed("mp4", "aac", sound, 44_100, picture="mpeg4"))
    (tmp_path / "b.mp4").write_bytes(signals.muxed("mp4", "aac", sound, 44_100))
    assert found([tmp_path], tmp_path) == ["a.mp4", "b.mp4"]


def test_only_what_is_asked_for_is_looked_into(folder, monkeypatch):
    looked = []
    module = sys.modules[expand_function.__module__]
    look = module._look
    monkeypatch.setattr(module, "_look", lambda path: looked.append(path.name) or look(path))
    first = next(expand([folder], recursive=True))
    assert first.name == "a.dat"
    assert looked == ["a.dat"]


def test_sources_may_be_an_endless_stream_of_names(folder):
    names = (folder / f"{n}.wav" for n in itertools.count())
    assert len(list(itertools.islice(expand(names, recursive=False), 5))) == 5


def test_an_error_carries_the_name_it_was_given(tmp_path):
    (tmp_path / "empty").mkdir()
    for given in (tmp_path / "empty", "nothing-*.wav", "https://example.org/a.wav"):
        (found,) = expand([given], recursive=False)
        assert found.context["path"] == str(given)
