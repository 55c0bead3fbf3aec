"""Bad and odd pictures through the whole scan: a clear answer for each, in order, and none lost."""

import struct

import drawings
import numpy as np
import pytest
from forensic_pictures import jpeg, textured
from PIL import Image

from assay import Detector, ScanResult
from assay.errors import AssayError

MUTANTS = 2000


def exif_of(*entries):
    """An EXIF block of a JPEG: one directory with these (tag, type, count, value), and no end."""
    body = struct.pack("<HHHII", len(entries), *entries[0]) + b"".join(struct.pack("<HHII", *e) for e in entries[1:])
    return b"Exif\0\0II*\0\x08\0\0\0" + body


def with_exif(data, block):
    """A JPEG with this APP1 segment first."""
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + data[2:]


def tiff_loop(data):
    """A TIFF whose last directory names itself as the next one."""
    start = struct.unpack_from("<I", data, 4)[0]
    entries = struct.unpack_from("<H", data, start)[0]
    at = start + 2 + 12 * entries
    return data[:at] + struct.pack("<I", start) + data[at + 4 :]


PHOTO = textured(3, 240, 320)
PLAIN = jpeg(PHOTO, 90)
ODD = {
    "animated gif": drawings.animated("gif"),
    "animated png": drawings.animated("png"),
    "cmyk": drawings.encoded("jpeg", Image.fromarray(PHOTO).convert("CMYK")),
    "16 bits": drawings.encoded("png", np.linspace(0, 65_535, 200 * 200).astype(np.uint16).reshape(200, 200)),
    "alpha": drawings.encoded("png", np.dstack([PHOTO, np.full(PHOTO.shape[:2], 90, np.uint8)])),
    "one pixel": drawings.encoded("png", np.full((1, 1, 3), 7, np.uint8)),
    "wide strip": drawings.encoded("png", textured(5, 2, 30_000)),
    "high strip": drawings.encoded("jpeg", textured(6, 30_000, 3)),
    "polyglot": PLAIN + b"PK\x03\x04<script>alert(1)</script>" + bytes(500),
    "endless exif": with_exif(PLAIN, exif_of((0x8769, 4, 1, 8), (274, 3, 1, 1))),
    "exif of the size of the world": with_exif(PLAIN, exif_of((271, 2, 0xFFFFFFFF, 8))),
    "exif that is none": with_exif(PLAIN, b"Exif\0\0" + bytes(range(200))),
    "tiff that names itself": tiff_loop(drawings.encoded("tiff", PHOTO)),
}
BAD = {
    "bomb": (drawings.png_bomb(100_000, 100_000), "limit_exceeded"),
    "truncated": (PLAIN[: len(PLAIN) // 2], None),
    "truncated png": (drawings.encoded("png", PHOTO)[:5000], None),
    "tiff without a directory": (b"II*\0\x08\0\0\0\0\0\0\0\0\0", None),
    "tiff beyond its end": (b"II*\0\xff\xff\xff\x7f" + bytes(64), None),
    "nothing but a magic": (b"\x89PNG\r\n\x1a\n", None),
    "empty": (b"", None),
}


@pytest.fixture(scope="module")
def detector():
    return Detector(jobs=2)


@pytest.mark.parametrize("name", ODD)
def test_odd_pictures_get_a_result(detector, name):
    found = detector.scan(ODD[name])
    assert found.media == "image"
    assert found.verdict in ("bona_fide", "spoof", "mixed", "inconclusive")
    assert found.reasons
    assert ScanResult.model_validate_json(found.model_dump_json()) == found


def test_what_is_too_small_to_judge_is_not_judged(detector):
    for name in ("one pixel", "wide strip", "high strip"):
        assert detector.scan(ODD[name]).verdict == "inconclusive"


def test_a_polyglot_is_told(detector):
    assert any("behind" in str(f) or "trailing" in str(f) for f in detector.scan(ODD["polyglot"]).evidence)


@pytest.mark.parametrize("name", BAD)
def test_bad_pictures_end_in_an_error_with_a_name(detector, name):
    data, code = BAD[name]
    with pytest.raises(AssayError) as caught:
        detector.scan(data)
    assert caught.value.message
    assert code is None or caught.value.code == code


def test_nothing_is_lost_between_good_ones(detector):
    files = [part for data, _ in BAD.values() for part in (PLAIN, data)]
    found = list(detector.scan_many(files, expanded=True))
    assert len(found) == len(files)
    assert all(isinstance(one, ScanResult) for one in found[::2])
    assert not any(isinstance(one, ScanResult) for one in found[1::2])
    assert len({one.sha256 for one in found[::2]}) == 1


def mutant(rng, seeds):
    """One of the seeds with a few bytes changed, cut out, cut off, doubled or overwritten."""
    data = bytearray(seeds[int(rng.integers(len(seeds)))])
    for _ in range(int(rng.integers(1, 4))):
        at, length = int(rng.integers(max(1, len(data)))), int(rng.integers(1, 60))
        match int(rng.integers(6)):
            case 0:
                data[at : at + 1] = bytes([b ^ 1 << int(rng.integers(8)) for b in data[at : at + 1]])
            case 1:
                del data[at : at + length]
            case 2:
                del data[max(1, at) :]
            case 3:
                data[at:at] = data[at : at + length]
            case 4:
                data[at : at + length] = rng.bytes(length)
            case _:
                head = int(rng.integers(max(1, min(len(data), 400))))
                data[head : head + 1] = bytes([int(rng.choice((0, 1, 0x7F, 0x80, 0xFF)))])
    return bytes(data)


def test_mutants_all_come_back_as_results_or_named_errors(detector):
    seeds = [
        *drawings.seeds().values(),
        jpeg(textured(8, 112, 128), 85),
        drawings.encoded("webp", textured(9, 112, 128)),
    ]
    rng = np.random.default_rng(11)
    files = [mutant(rng, seeds) for _ in range(MUTANTS)]
    found = list(detector.scan_many(files, expanded=True))
    assert len(found) == MUTANTS
    results = [one for one in found if isinstance(one, ScanResult)]
    errors = [one for one in found if not isinstance(one, ScanResult)]
    assert len(results) > MUTANTS // 10
    assert len(errors) > MUTANTS // 10
    assert all(one.error.message for one in errors)
