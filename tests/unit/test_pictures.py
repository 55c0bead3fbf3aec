"""Pictures decode upright into 8-bit sRGB whatever they were stored as; what cannot is refused by name."""

import io
import os
import struct
import subprocess
import sys
import warnings
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor

import drawings
import numpy as np
import pytest
from PIL import Image, ImageFile

from assay.errors import DecodeError, EmptyMedia, LimitExceeded, MediaNotFound, UnsupportedMedia
from assay.media.pictures import open_picture
from assay.settings import Settings

SETTINGS = Settings()
TOLERANCE = {"jpeg": 6, "heic": 24, "avif": 24}  # levels, away from edges; heic and avif halve the colours' resolution


def read(data, **limits):
    return open_picture(data, settings=Settings(**limits))


def away_from_edges(pixels):
    """Pixels at least four away from the borders between the corners of the drawing."""
    height, width = pixels.shape[:2]
    rows = np.r_[0 : height // 2 - 4, height // 2 + 4 : height]
    columns = np.r_[0 : width // 2 - 4, width // 2 + 4 : width]
    return pixels[np.ix_(rows, columns)].astype(int)


def assert_same(pixels, wanted, tolerance=0):
    assert pixels.shape == wanted.shape
    if tolerance:
        pixels, wanted = away_from_edges(pixels), away_from_edges(wanted)
    assert np.abs(pixels.astype(int) - wanted.astype(int)).max() <= tolerance


@pytest.mark.parametrize("name", drawings.FORMATS)
def test_every_format_gives_its_pixels_and_facts(name):
    data = drawings.encoded(name)
    picture = read(data)
    assert_same(picture.pixels, drawings.drawing(), TOLERANCE.get(name, 0))
    assert picture.pixels.dtype == np.uint8
    assert picture.pixels.flags.c_contiguous
    assert not picture.pixels.flags.writeable
    assert (picture.width, picture.height) == (picture.stored_width, picture.stored_height) == (48, 32)
    assert (picture.format, picture.bits, picture.frames, picture.orientation) == (name, 8, 1, 1)
    assert (picture.icc, picture.has_alpha, picture.trailing_bytes, picture.notes) == ("none", False, 0, ())
    assert picture.data == data
    assert picture.path == "<bytes>"


def test_path_bytes_and_stream_give_one_picture_whatever_the_name(tmp_path):
    data = drawings.encoded("png")
    path = tmp_path / "lies.jpg"
    path.write_bytes(data)
    by_path, by_bytes, by_stream = read(path), read(data), read(io.BytesIO(data))
    assert by_path.path == str(path)
    assert by_path.sha256 == by_bytes.sha256 == by_stream.sha256
    assert np.array_equal(by_path.pixels, by_stream.pixels)
    assert by_path.format == "png"


def test_a_file_too_large_to_be_held_twice_reads_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr("assay.media.source.IN_MEMORY_BYTES", 100)
    data = drawings.encoded("bmp")
    (tmp_path / "a.bmp").write_bytes(data)
    for source in (tmp_path / "a.bmp", io.BytesIO(data)):
        assert read(source).data == data


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["jpeg", "png", "webp", "tiff", "heic", "avif"])
def test_every_orientation_is_undone(name, orientation):
    stored = drawings.stored_as(drawings.drawing(), orientation)
    picture = read(drawings.encoded(name, stored, exif=drawings.exif(orientation)))
    assert_same(picture.pixels, drawings.drawing(), TOLERANCE.get(name, 0))
    assert picture.pixels.flags.c_contiguous
    if name != "heic":
        assert picture.orientation == orientation
        assert (picture.stored_height, picture.stored_width) == stored.shape[:2]


def test_stored_pixels_of_a_turned_picture_worked_out_by_hand():
    upright = np.array([[1, 2, 3], [4, 5, 6]])
    assert drawings.stored_as(upright, 6).tolist() == [[3, 6], [2, 5], [1, 4]]  # row 0 is the right side
    assert drawings.stored_as(upright, 8).tolist() == [[4, 1], [5, 2], [6, 3]]  # row 0 is the left side
    assert drawings.stored_as(upright, 3).tolist() == [[6, 5, 4], [3, 2, 1]]


def test_grey_and_black_and_white_become_three_equal_channels():
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert np.array_equal(read(drawings.encoded("png", grey)).pixels, np.dstack([grey] * 3))
    bitmap = Image.fromarray(np.where(grey > 99, 255, 0).astype(np.uint8)).convert("1")
    picture = read(drawings.encoded("tiff", bitmap))
    assert (picture.mode, picture.bits) == ("1", 1)
    assert np.array_equal(picture.pixels[..., 0], np.where(grey > 99, 255, 0))


def test_a_palette_is_looked_up():
    picture = read(drawings.encoded("png", Image.fromarray(drawings.drawing()).quantize(8)))
    assert picture.mode == "P"
    assert_same(picture.pixels, drawings.drawing())


@pytest.mark.parametrize("name", ["png", "tiff"])
def test_16_bit_grey_keeps_its_upper_8_bits(name):
    grey = np.array([[0, 255, 256, 0x8080, 65_535]], np.uint16)
    picture = read(drawings.encoded(name, grey))
    assert picture.pixels[0, :, 0].tolist() == [0, 0, 1, 128, 255]
    assert picture.bits == 16
    assert "16 bits per sample; the upper 8 were used" in picture.notes


def test_16_bit_grey_whose_zero_is_white_is_turned_round():
    data = bytearray(drawings.encoded("tiff", np.array([[0, 65_535]], np.uint16)))
    at = data.find(bytes.fromhex("0601030001000000"))  # photometric interpretation, one short
    assert data[at + 8] == 1
    data[at + 8] = 0
    assert read(bytes(data)).pixels[0, :, 0].tolist() == [255, 0]


def test_32_bit_samples_are_refused_because_nothing_says_what_is_white():
    with pytest.raises(UnsupportedMedia, match="32-bit samples"):
        read(drawings.encoded("tiff", np.zeros((4, 4), np.float32)))


def test_cmyk_is_approximated_and_that_is_noted():
    picture = read(drawings.encoded("jpeg", Image.fromarray(drawings.drawing()).convert("CMYK")))
    assert picture.mode == "CMYK"
    assert any("CMYK" in note for note in picture.notes)
    assert_same(picture.pixels, drawings.drawing(), 12)


@pytest.mark.parametrize("name", ["png", "webp", "tiff"])
def test_alpha_is_laid_over_mid_grey(name):
    alpha = np.array([[255, 0, 128]], np.uint8)
    colours = np.array([[[10, 20, 30], [255, 0, 0], [255, 0, 0]]], np.uint8)
    picture = read(drawings.encoded(name, np.dstack([colours, alpha]), **({"exact": True} if name == "webp" else {})))
    assert picture.has_alpha
    assert picture.pixels[0, :2].tolist() == [[10, 20, 30], [128, 128, 128]]
    assert np.abs(picture.pixels[0, 2] - np.array([191.75, 63.75, 63.75])).max() < 1
    assert "transparent parts were laid over mid grey" in picture.notes


def test_alpha_that_hides_nothing_changes_nothing():
    picture = read(drawings.encoded("png", np.dstack([drawings.drawing(), np.full((32, 48), 255, np.uint8)])))
    assert picture.has_alpha
    assert picture.notes == ()
    assert np.array_equal(picture.pixels, drawings.drawing())


def test_grey_with_alpha_and_transparent_colours():
    grey = Image.merge("LA", [Image.new("L", (2, 1), 200), Image.fromarray(np.array([[255, 0]], np.uint8))])
    assert read(drawings.encoded("png", grey)).pixels[0, :, 0].tolist() == [200, 128]
    image = Image.fromarray(np.array([[0, 200]], np.uint8))
    assert read(drawings.encoded("png", image, transparency=200)).pixels[0, :, 0].tolist() == [0, 128]
    image = Image.fromarray(np.array([[0, 51_200]], np.uint16))
    assert read(drawings.encoded("png", image, transparency=51_200)).pixels[0, :, 0].tolist() == [0, 128]
    palette = Image.fromarray(drawings.drawing()).quantize(4)
    clear = int(np.asarray(palette)[0, 0])
    picture = read(drawings.encoded("gif", palette, transparency=clear))
    assert picture.pixels[0, 0].tolist() == [128, 128, 128]
    assert picture.pixels[-1, -1].tolist() == [255, 255, 0]


@pytest.mark.parametrize("name", ["gif", "webp", "png", "avif"])
def test_of_an_animation_the_first_frame_is_read_and_the_number_is_told(name):
    picture = read(drawings.animated(name, frames=3))
    assert picture.frames == 3
    assert picture.notes == ("3 frames or pages; only the first was read",)
    assert_same(picture.pixels, drawings.drawing(), TOLERANCE.get(name, 0))


def test_of_a_tiff_the_first_page_is_read():
    later = Image.new("RGB", (10, 10))
    picture = read(drawings.encoded("tiff", save_all=True, append_images=[later, later]))
    assert picture.frames == 3
    assert np.array_equal(picture.pixels, drawings.drawing())


def test_a_profile_is_converted_to_srgb_by_its_own_arithmetic():
    picture = read(drawings.encoded("png", icc_profile=drawings.profile()))
    assert picture.icc == "converted"
    assert "colours were converted from its ICC profile to sRGB" in picture.notes
    # The green of Adobe RGB lies outside sRGB; its red, made of the same primary, becomes a clipped full red.
    assert picture.pixels[0, 0, 0] == 255
    grey = read(drawings.encoded("png", np.full((4, 4, 3), 128, np.uint8), icc_profile=drawings.profile(gamma=1.0)))
    # Linear 128 / 255 = 0.502 is sRGB 188 (IEC 61966-2-1).
    assert np.abs(grey.pixels.astype(int) - 188).max() <= 1


@pytest.mark.parametrize("name", ["jpeg", "webp", "tiff", "avif", "heic"])
def test_a_profile_is_found_in_every_format(name):
    grey = np.full((16, 16, 3), 128, np.uint8)
    picture = read(drawings.encoded(name, grey, icc_profile=drawings.profile(gamma=1.0)))
    assert picture.icc == "converted"
    assert np.abs(picture.pixels.astype(int) - 188).max() <= 3


def test_a_profile_that_changes_nothing_leaves_the_pixels_alone():
    from PIL import ImageCms

    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    noise = np.random.default_rng(1).integers(0, 256, (32, 48, 3), dtype=np.uint8)
    picture = read(drawings.encoded("png", noise, icc_profile=srgb))
    assert (picture.icc, picture.notes) == ("srgb", ())
    assert np.array_equal(picture.pixels, noise)
    grey = read(drawings.encoded("png", noise[..., 0], icc_profile=srgb))  # a grey picture with its screen's profile
    assert (grey.icc, grey.mode) == ("srgb", "L")


def test_a_broken_profile_is_noted_and_the_picture_read():
    picture = read(drawings.encoded("png", icc_profile=b"no profile"))
    assert (picture.icc, picture.notes) == ("unusable", ("its ICC profile is unusable; colours were taken as sRGB",))
    assert np.array_equal(picture.pixels, drawings.drawing())


@pytest.mark.parametrize("name", drawings.FORMATS)
def test_one_pixel_is_a_picture(name):
    picture = read(drawings.encoded(name, np.full((1, 1, 3), 255, np.uint8)))
    assert picture.pixels.shape == (1, 1, 3)
    assert picture.pixels.min() > 240


@pytest.mark.parametrize("name", ["png", "jpeg", "tiff", "bmp", "gif"])
def test_a_strip_of_30_000_pixels_is_a_picture(name):
    assert read(drawings.encoded(name, np.full((1, 30_000, 3), 255, np.uint8))).pixels.shape == (1, 30_000, 3)
    assert read(drawings.encoded(name, np.full((30_000, 1, 3), 255, np.uint8))).pixels.shape == (30_000, 1, 3)


@pytest.mark.parametrize("name", ["jpeg", "png", "webp", "gif", "bmp", "heic", "avif"])
def test_what_follows_behind_the_picture_is_counted_and_left_alone(name):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("secret.txt", "hidden")
    extra = archive.getvalue()
    whole = drawings.encoded(name)
    picture = read(whole + extra)
    assert picture.format == name
    assert picture.trailing_bytes == len(extra)
    assert picture.notes == (f"{len(extra)} bytes follow behind the end of the picture; they were not read",)
    assert picture.data == whole + extra
    assert np.array_equal(picture.pixels, read(whole).pixels)


def test_an_empty_file_is_an_error():
    with pytest.raises(EmptyMedia):
        read(b"")


def test_a_missing_file_is_an_error():
    with pytest.raises(MediaNotFound):
        read("nowhere.jpg")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"Dear Sir or Madam,\n", "a text file. Give a picture"),
        (b"%PDF-1.7\n", "a PDF document. Give a picture"),
        (b"fLaC" + bytes(50), "a FLAC file. Give a picture"),
        (b"8BPS" + bytes(50), "a Photoshop picture. Convert it to PNG"),
        (b"\x00\x00\x00\x0cJXL " + bytes(50), "a JPEG XL picture. Convert it to PNG"),
        (b"\x01\x02\x03\x04", "of a kind Assay does not know. Give a picture"),
    ],
)
def test_what_is_no_picture_that_is_read_is_named(data, said, tmp_path):
    path = tmp_path / "holiday.jpg"
    path.write_bytes(data)
    with pytest.raises(UnsupportedMedia, match=f"holiday.jpg' seems to be {said}"):
        read(path)


def test_an_array_is_refused():
    with pytest.raises(UnsupportedMedia, match="An array was given"):
        read(drawings.drawing())


def test_a_raw_file_of_a_camera_is_refused_instead_of_its_preview():
    preview = Image.fromarray(drawings.drawing())
    with pytest.raises(UnsupportedMedia, match="raw file"):
        read(drawings.encoded("tiff", preview, tiffinfo={254: 1}))
    with pytest.raises(UnsupportedMedia, match="raw file"):
        read(drawings.encoded("tiff", preview, tiffinfo={50706: b"\x01\x04\x00\x00"}))


@pytest.mark.parametrize("name", drawings.FORMATS)
def test_a_cut_off_file_is_an_error_and_never_half_a_picture(name):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    data = drawings.encoded(name, noise)
    for share in (0.3, 0.6, 0.9, 0.98):
        with pytest.raises(DecodeError) as caught:
            read(data[: int(share * len(data))])
        assert "Copy" in str(caught.value)


def test_a_cut_off_jpeg_stays_an_error_where_pillow_was_told_to_accept_it(monkeypatch):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    with pytest.raises(DecodeError, match="cut off"):
        read(drawings.encoded("jpeg")[:-20])


def test_a_gif_without_its_last_mark_is_read_and_that_is_noted():
    picture = read(drawings.encoded("gif")[:-1])
    assert picture.notes == ("the file ends without the mark that ends a GIF",)
    assert np.array_equal(picture.pixels, drawings.drawing())


@pytest.mark.parametrize("name", ["jpeg", "png", "webp", "avif"])
@pytest.mark.parametrize("damage", [b"\x00\x00garbage", b"MM\x00*\xff\xff\xff\xf0", b"II*\x00\x05\x00\x00\x00"])
def test_broken_exif_is_noted_and_the_picture_read(name, damage):
    data = drawings.encoded(name, exif=drawings.exif(6))
    at = data.find(b"MM\0*")
    assert at > 0
    broken = bytearray(data)
    broken[at : at + len(damage)] = damage
    if name == "png":
        at = broken.find(b"eXIf")  # Pillow would check the sum of the chunk
        length = int.from_bytes(broken[at - 4 : at], "big")
        broken[at - 4 : at + 8 + length] = drawings.chunk(b"eXIf", bytes(broken[at + 4 : at + 4 + length]))
    picture = read(bytes(broken))
    if name != "avif":  # whose container states the orientation once more
        assert picture.orientation == 1
        assert any("EXIF unreadable" in note for note in picture.notes)
        assert np.array_equal(picture.pixels, read(drawings.encoded(name)).pixels)
    else:
        assert picture.orientation == 6


def test_an_orientation_that_is_none_is_noted():
    picture = read(drawings.encoded("jpeg", exif=drawings.exif(9)))
    assert picture.orientation == 1
    assert picture.notes == ("EXIF unreadable (orientation 9 is none of 1 to 8); the picture was taken to be upright",)


def test_a_tiff_whose_later_directories_are_broken_or_go_round_is_read():
    data = drawings.encoded("tiff")
    first = int.from_bytes(data[4:8], "little")
    at = first + 2 + 12 * int.from_bytes(data[first : first + 2], "little")
    for following, said in ((first, "go round in a circle"), (2**31, "cut off")):
        picture = read(data[:at] + following.to_bytes(4, "little") + data[at + 4 :])
        assert np.array_equal(picture.pixels, drawings.drawing())
        assert picture.frames == 1
        assert said in picture.notes[0]


def test_a_tiff_with_broken_tags_is_read_without_a_warning():
    data = bytearray(drawings.encoded("tiff", tiffinfo={270: "a description that stands elsewhere"}))
    at = data.find(bytes.fromhex("0e010200"))
    data[at + 8 : at + 12] = b"\xff\xff\xff\x7f"  # it now stands outside the file
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.array_equal(read(bytes(data)).pixels, drawings.drawing())


def test_a_tiff_with_every_text_and_an_orientation_is_read_in_silence(capfd):
    texts = dict.fromkeys((269, 270, 271, 272, 305, 306, 315, 316, 33432), "a text that stands elsewhere")
    for compression in ("raw", "tiff_lzw", "jpeg"):
        data = drawings.encoded("tiff", compression=compression, tiffinfo={**texts, 274: 3})
        picture = read(data)
        assert picture.orientation == 3
        assert_same(picture.pixels, drawings.drawing()[::-1, ::-1], 12 if compression == "jpeg" else 0)
    big = drawings.encoded("tiff", big_tiff=True, compression="tiff_lzw", tiffinfo={**texts, 274: 6})
    assert read(big).pixels.shape == (48, 32, 3)
    assert capfd.readouterr() == ("", "")


def test_a_tiff_whose_only_directory_is_missing_is_an_error():
    with pytest.raises(DecodeError):
        read(b"II*\x00\xff\xff\xff\x00" + bytes(100))
    with pytest.raises(DecodeError):
        read(b"II*\x00\x08\x00\x00\x00\x00\x00" + bytes(100))


def test_text_that_unpacks_to_megabytes_does_not_keep_a_png_from_being_read():
    data = drawings.encoded("png")
    text = drawings.chunk(b"zTXt", b"workflow\0\0" + zlib.compress(bytes(20_000_000)))
    assert np.array_equal(read(data[:33] + text + data[33:]).pixels, drawings.drawing())


def test_a_second_picture_behind_the_first_is_not_read_and_its_thumbnail_is_no_end():
    thumbnail = drawings.encoded("jpeg", np.zeros((8, 8, 3), np.uint8))
    block = drawings.exif(1) + thumbnail
    data = drawings.encoded("jpeg", exif=block) + thumbnail
    picture = read(data)
    assert picture.trailing_bytes == len(thumbnail)
    assert_same(picture.pixels, drawings.drawing(), TOLERANCE["jpeg"])


def refused(data, **limits):
    with pytest.raises(LimitExceeded) as caught:
        open_picture(data, settings=Settings(**limits), name="it")
    name = next(iter(limits))
    assert caught.value.context["limit"] == name
    assert caught.value.context["setting"] == f"ASSAY_{name.upper()}"
    assert f"raise ASSAY_{name.upper()}" in str(caught.value)
    return caught.value


@pytest.mark.parametrize("name", drawings.FORMATS)
def test_bytes_and_pixels_have_limits(name):
    data = drawings.encoded(name)
    assert refused(data, max_picture_bytes=len(data) - 1).context["value"] == len(data)
    pixels = 64 * 64 if name == "heic" else 48 * 32  # the encoder of HEIC fills blocks of 64 and cuts them later
    assert refused(data, max_picture_pixels=pixels - 1).context["value"] == pixels
    assert refused(data, max_file_bytes=len(data) - 1).context["value"] == len(data)
    read(data, max_picture_bytes=len(data), max_picture_pixels=pixels)


@pytest.mark.parametrize("name", ["gif", "webp", "png", "avif", "tiff"])
def test_frames_have_a_limit(name):
    if name == "tiff":
        image = Image.fromarray(drawings.drawing())
        data = drawings.encoded("tiff", save_all=True, append_images=[image, image])
    else:
        data = drawings.animated(name)
    assert refused(data, max_picture_frames=2).context["value"] == 3
    assert read(data, max_picture_frames=3).frames == 3


@pytest.mark.parametrize("name", drawings.FORMATS)
def test_a_bomb_is_refused_before_it_is_decoded(name):
    data = drawings.claims(name, 60_000, 60_000)
    if name == "webp":  # its format ends at 16 383
        refused(data, max_picture_pixels=2**27)
    else:
        assert refused(data, max_picture_pixels=2**27).context["value"] == 60_000**2


def test_tiles_of_a_tiff_count_as_pixels():
    tags = {256: 16, 257: 16, 258: 8, 259: 1, 262: 1, 277: 1, 322: 16, 323: 16, 324: 200, 325: 256}

    def tiff(tile):
        entries = b"".join(struct.pack("<HHII", tag, 4, 1, tile if tag in (322, 323) else tags[tag]) for tag in tags)
        head = b"II*\x00\x08\x00\x00\x00" + struct.pack("<H", len(tags)) + entries + bytes(4)
        return head.ljust(200, b"\0") + bytes(range(256))

    assert read(tiff(16)).pixels[..., 0].ravel().tolist() == list(range(256))
    assert refused(tiff(50_000), max_picture_pixels=2**27).context["value"] == 50_000**2


def test_refusing_bombs_takes_no_memory():
    code = """
import resource, drawings
from assay.errors import MediaError
from assay.media.pictures import open_picture
from assay.settings import Settings
bombs = [drawings.claims(name, 40_000, 40_000) for name in drawings.FORMATS]
for name in drawings.FORMATS:
    open_picture(drawings.encoded(name), settings=Settings())
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for bomb in bombs:
    try:
        open_picture(bomb, settings=Settings())
        raise SystemExit("a bomb was read")
    except MediaError:
        pass
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    pytest.importorskip("resource")
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment())
    assert found.returncode == 0, found.stderr
    assert int(found.stdout) < 20_000  # kilobytes; each bomb would take 4.8 GB


def environment():
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


def test_pillow_is_left_as_it_was():
    code = """
import warnings, drawings
from PIL import Image, ImageFile
from assay.media.pictures import open_picture
from assay.settings import Settings
def state():
    return Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES, list(Image.OPEN), Image.ID[:], warnings.filters[:]
seeds = drawings.seeds()
before = state()
for data in seeds.values():
    open_picture(data, settings=Settings())
assert state() == before
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment())
    assert (found.returncode, found.stderr) == (0, "")


@pytest.mark.parametrize("name", ["tiff", "webp"])
def test_pillows_own_limit_is_named_where_a_decoder_asks_for_it(name, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(LimitExceeded, match="MAX_IMAGE_PIXELS") as caught:
        read(drawings.encoded(name))
    assert caught.value.context["setting"] == "PIL.Image.MAX_IMAGE_PIXELS"


def test_threads_get_the_same_pixels():
    seeds = drawings.seeds()
    wanted = {name: read(data).pixels for name, data in seeds.items()}
    names = sorted(seeds) * 2
    with ThreadPoolExecutor(8) as pool:
        for name, picture in zip(names, pool.map(read, [seeds[name] for name in names]), strict=True):
            assert np.array_equal(picture.pixels, wanted[name]), name


def test_equal_content_is_an_equal_picture_and_frozen():
    first, second = (read(drawings.encoded("png")) for _ in range(2))
    assert first == second
    with pytest.raises(AttributeError):
        first.path = "other"
