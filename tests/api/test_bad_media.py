"""Every bad file: a 4xx with its code, nothing kept, and the service goes on."""

import io
import struct
import zipfile
import zlib

import drawings
import movies
import numpy as np
import pytest
import signals
from forms import error_of

from assay.errors import MediaError

NOISE = signals.noise(seconds=0.5)
WAV = signals.wav(NOISE)


def bomb_of_zip():
    """200 MB of zeros in 200 kB."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.wav", bytes(200_000_000))
    return file.getvalue()


def gif_of(width, height):
    return b"GIF89a" + struct.pack("<HH", width, height) + b"\x80\x00\x00" + bytes(6) + b"\x2c" + bytes(20)


def flac_that_claims(channels_rate_bits):
    """A FLAC header whose STREAMINFO says this, over no frames."""
    info = struct.pack(">HH", 4_096, 4_096) + bytes(6) + channels_rate_bits + bytes(16)
    return b"fLaC\x80" + len(info).to_bytes(3, "big") + info + bytes(200)


def jpeg_within_zip():
    """A file that is a JPEG cut off, with an archive behind it."""
    return drawings.encoded("jpeg")[:200] + bomb_of_zip()[:2_000]


BAD = {
    # Sound (part 1)
    "empty": b"",
    "one byte": b"R",
    "text": b"This is no recording.\n" * 50,
    "html": b"<!doctype html><script>alert(1)</script>" * 20,
    "zeros": bytes(10_000),
    "random": np.random.default_rng(0).bytes(10_000),
    "wav without samples": signals.wav(np.zeros(0, np.float32)),
    "wav of text": b"RIFF\x24\x00\x00\x00WAVE" + b"this is no header at all, only text " * 20,
    "wav cut in its header": WAV[:20],
    "too many channels": signals.wav(np.zeros((100, 200), np.float32)),
    "rate too high": signals.wav(NOISE, rate=800_000),
    "rate too low": signals.wav(NOISE, rate=1_000),
    "m4a without its index": signals.encoded("m4a", signals.noise(seconds=2.0), 16_000)[:8_000],
    "few bytes of mp3": signals.encoded("mp3", NOISE, 16_000)[:150],
    "flac of nothing": flac_that_claims(b"\x0a\xc4\x42\xf0" + bytes(4)),
    "playlist": b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\nhttp://127.0.0.1:1/x.ts\n" * 20,
    "concat list": b"ffconcat version 1.0\nfile '/etc/passwd'\n" * 50,
    # Pictures (parts 2 and 4)
    "png bomb": drawings.png_bomb(100_000, 100_000),
    "gif bomb": gif_of(65_535, 65_535),
    "png cut": drawings.encoded("png")[:60],
    "jpeg cut": drawings.encoded("jpeg")[:300],
    "nothing but a magic": b"\x89PNG\r\n\x1a\n",
    "tiff without a directory": b"II*\0\x08\0\0\0\0\0\0\0\0\0",
    "tiff beyond its end": b"II*\0\xff\xff\xff\x7f" + bytes(64),
    "svg": b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
    "jpeg and zip": jpeg_within_zip(),
    # Videos (part 3)
    "mp4 cut": movies.seeds()["mp4"][:500],
    "mp4 of nothing": struct.pack(">I4s4sI4s", 20, b"ftyp", b"isom", 0, b"isom") + bytes(500),
    "matroska of nothing": b"\x1a\x45\xdf\xa3\x9f" + bytes(500),
    "avi of nothing": b"RIFF\xff\xff\x00\x00AVI LIST" + bytes(500),
    # What is none of these
    "zip bomb": bomb_of_zip(),
    "gzip bomb": zlib.compress(bytes(50_000_000), wbits=31),
    "pdf": b"%PDF-1.7\n1 0 obj\n<< >>\nendobj\n" * 20,
    "elf": b"\x7fELF" + bytes(500),
    "pickle": b"\x80\x04\x95" + b"cos\nsystem\n(S'touch /tmp/evil'\ntR." * 10,
}
CODES = {
    "png bomb": "limit_exceeded",
    "gif bomb": "limit_exceeded",
    "empty": "empty",
    "too many channels": "limit_exceeded",
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_a_4xx_with_its_code(service, name):
    response = service.predict("multimodal", BAD[name], "recording.wav")
    assert 400 <= response.status_code < 500
    error = error_of(response, response.status_code)
    with pytest.raises(MediaError) as caught:
        service.scorer.detector.scan(BAD[name])
    assert error["code"] == caught.value.code
    assert error["code"] == CODES.get(name, error["code"])
    assert service.get("/livez").status_code == 200


def test_all_of_them_between_good_ones(service, examples):
    good = (examples / "human.wav").read_bytes()
    for names in (list(BAD)[:15], list(BAD)[15:30]):
        files = [("files", pair) for name in names for pair in (("good.wav", good), (name, BAD[name]))]
        outcomes = service.post("/api/batch-predict", files=files[:32]).json()["results"]
        assert all("error" not in each for each in outcomes[::2])
        assert all("error" in each for each in outcomes[1::2])
        assert len({each["llr"] for each in outcomes[::2]}) == 1


def test_a_polyglot_is_what_its_content_says_and_tells_what_is_behind(service):
    response = service.predict(
        "multimodal", drawings.encoded("png", drawings.drawing(200, 160)) + bomb_of_zip()[:2_000]
    )
    assert response.json()["media"] == "image"
    assert any("behind" in each["text"] or "trailing" in each["name"] for each in response.json()["evidence"])
