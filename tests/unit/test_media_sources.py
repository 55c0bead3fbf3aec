"""All ways in give the same bytes, the same digest and the same samples."""

import hashlib
import io
import os
import socket
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import signals

from assay.errors import EmptyMedia, MediaNotFound, MediaUnreadable, UnsupportedMedia
from assay.media import open_media, source
from assay.settings import Settings

SETTINGS = Settings()
DATA = signals.wav(signals.noise(rate=44_100, channels=2), 44_100)


def whole(media):
    return np.concatenate(list(media.blocks()), axis=1)


@pytest.fixture(params=[source.IN_MEMORY_BYTES, 1000], ids=["small", "large"])
def _threshold(request, monkeypatch):
    monkeypatch.setattr(source, "IN_MEMORY_BYTES", request.param)


@pytest.mark.usefixtures("_threshold")
def test_path_bytes_file_and_stdin_give_one_digest_and_the_same_samples(tmp_path, monkeypatch):
    path = tmp_path / "a.wav"
    path.write_bytes(DATA)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(DATA)))
    with path.open("rb") as file:
        sources = {str(path): str(path), path: str(path), DATA: "<bytes>", "-": "-", file: str(path)}
        media = {shown: open_media(given, settings=SETTINGS) for given, shown in sources.items()}
        media["<file>"] = open_media(io.BytesIO(DATA), settings=SETTINGS)
    expected = whole(open_media(DATA, settings=SETTINGS))
    for shown, one in media.items():
        assert one.path == shown
        assert one.sha256 == hashlib.sha256(DATA).hexdigest()
        assert np.array_equal(whole(one), expected)


def test_an_array_gives_the_samples_of_the_file_it_was_read_from():
    array = signals.noise(rate=44_100, channels=2)
    file = open_media(signals.wav(array, 44_100, "FLOAT"), settings=SETTINGS)
    assert np.array_equal(whole(open_media((array, 44_100), settings=SETTINGS)), whole(file))


def test_bytearray_and_memoryview_are_bytes():
    for given in (bytearray(DATA), memoryview(DATA)):
        assert open_media(given, settings=SETTINGS).sha256 == hashlib.sha256(DATA).hexdigest()


def test_a_name_replaces_the_path_in_results_and_messages():
    assert open_media(DATA, settings=SETTINGS, name="upload.wav").path == "upload.wav"
    with pytest.raises(EmptyMedia, match=r"'upload\.wav' is empty"):
        open_media(b"", settings=SETTINGS, name="upload.wav")


@pytest.mark.usefixtures("_threshold")
def test_a_medium_can_be_decoded_twice(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(DATA)
    for given in (path, io.BytesIO(DATA)):
        media = open_media(given, settings=SETTINGS)
        assert np.array_equal(whole(media), whole(media))


def test_two_readings_of_a_spooled_stream_do_not_disturb_each_other(monkeypatch):
    monkeypatch.setattr(source, "IN_MEMORY_BYTES", 1000)
    media = open_media(io.BytesIO(DATA), settings=SETTINGS)
    first, second = media.blocks(block_s=0.1), media.blocks(block_s=0.1)
    pairs = list(zip(first, second, strict=True))
    assert len(pairs) == 5
    assert all(np.array_equal(a, b) for a, b in pairs)


def test_a_temporary_file_goes_with_its_medium(monkeypatch):
    monkeypatch.setattr(source, "IN_MEMORY_BYTES", 1000)
    _, spooled = source.open_bytes(io.BytesIO(DATA), SETTINGS)
    file = spooled._file
    del spooled
    assert file.closed


def test_a_missing_file_is_an_error_that_names_it(tmp_path):
    for name in ("nothing.wav", "a\0b.wav", "x" * 300 + ".wav"):
        with pytest.raises((MediaNotFound, MediaUnreadable), match=r"\.wav"):
            open_media(tmp_path / name, settings=SETTINGS)
    with pytest.raises(MediaNotFound, match="Check the path"):
        open_media(tmp_path / "nothing.wav", settings=SETTINGS)


def test_a_path_through_a_file_is_not_found(tmp_path):
    (tmp_path / "a.wav").write_bytes(DATA)
    with pytest.raises(MediaNotFound):
        open_media(tmp_path / "a.wav" / "b.wav", settings=SETTINGS)


@pytest.mark.parametrize("given", [b"", io.BytesIO()])
def test_no_bytes_are_an_error(given):
    with pytest.raises(EmptyMedia, match="is empty"):
        open_media(given, settings=SETTINGS)


def test_an_empty_file_is_an_error_that_names_the_file(tmp_path):
    (tmp_path / "empty.wav").touch()
    with pytest.raises(EmptyMedia, match=r"empty\.wav"):
        open_media(tmp_path / "empty.wav", settings=SETTINGS)


def test_a_folder_is_refused_with_the_way_to_list_it(tmp_path):
    with pytest.raises(UnsupportedMedia, match="assay scan"):
        open_media(tmp_path, settings=SETTINGS)


def test_pipes_sockets_and_devices_are_refused_without_being_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(tmp_path / "socket"))
        for path in (tmp_path / "pipe", tmp_path / "socket", "/dev/zero"):
            with pytest.raises(MediaUnreadable, match="only regular files"):
                open_media(path, settings=SETTINGS)


def test_a_symbolic_link_is_followed_and_a_dangling_one_is_not_found(tmp_path):
    (tmp_path / "a.wav").write_bytes(DATA)
    (tmp_path / "link").symlink_to("a.wav")
    (tmp_path / "dangling").symlink_to("gone")
    (tmp_path / "loop").symlink_to("loop")
    assert open_media(tmp_path / "link", settings=SETTINGS).container == "wav"
    with pytest.raises(MediaNotFound):
        open_media(tmp_path / "dangling", settings=SETTINGS)
    with pytest.raises(MediaUnreadable, match="loop"):
        open_media(tmp_path / "loop", settings=SETTINGS)


def test_a_file_without_permission_is_unreadable(tmp_path, monkeypatch):
    # Tests may run as root, for whom every file is readable, so the system's answer is played.
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    (tmp_path / "a.wav").write_bytes(DATA)
    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(MediaUnreadable, match=r"Permission denied\. Check its permissions"):
        open_media(tmp_path / "a.wav", settings=SETTINGS)


def test_a_large_file_that_changes_after_it_was_opened_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(source, "IN_MEMORY_BYTES", 1000)
    path = tmp_path / "a.wav"
    path.write_bytes(DATA)
    changed, vanished = (open_media(path, settings=SETTINGS) for _ in range(2))
    path.write_bytes(DATA + b"more")
    with pytest.raises(MediaUnreadable, match="changed while it was read"):
        list(changed.blocks())
    path.unlink()
    with pytest.raises(MediaNotFound):
        list(vanished.blocks())


def test_a_large_file_that_changes_while_it_is_decoded_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(source, "IN_MEMORY_BYTES", 1000)
    path = tmp_path / "a.wav"
    path.write_bytes(DATA)
    blocks = open_media(path, settings=SETTINGS).blocks(block_s=0.1)
    next(blocks)
    with path.open("ab") as file:
        file.write(b"more")
    with pytest.raises(MediaUnreadable, match="changed while it was read"):
        list(blocks)


def test_a_small_file_is_held_so_that_later_changes_do_not_matter(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(DATA)
    media = open_media(path, settings=SETTINGS)
    path.unlink()
    assert whole(media).shape == (1, 8_000)


def test_file_objects_that_give_no_bytes_are_refused_with_the_reason(tmp_path):
    closed = io.BytesIO(DATA)
    closed.close()
    with pytest.raises(MediaUnreadable, match="closed file"):
        open_media(closed, settings=SETTINGS)
    with pytest.raises(MediaUnreadable, match="Open it in binary mode"):
        open_media(io.StringIO("text"), settings=SETTINGS)
    with pytest.raises(MediaUnreadable, match="NoneType instead of bytes"):
        open_media(SimpleNamespace(read=lambda _: None), settings=SETTINGS)


@pytest.mark.parametrize("given", [None, 42, object(), {"path": "a.wav"}])
def test_a_source_of_another_type_is_refused_with_what_is_accepted(given):
    with pytest.raises(UnsupportedMedia, match="Give a path"):
        open_media(given, settings=SETTINGS)


def test_without_standard_input_the_error_says_so(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(MediaUnreadable, match="standard input"):
        open_media("-", settings=SETTINGS)
