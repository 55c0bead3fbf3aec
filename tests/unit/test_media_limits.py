"""Every limit is enforced, before decoding where the header tells, and named with its setting."""

import io

import numpy as np
import pytest
import signals

from assay.errors import LimitExceeded
from assay.media import open_media
from assay.settings import Settings

ONE_SECOND = signals.noise(seconds=1.0)


def refused(source, **limits):
    with pytest.raises(LimitExceeded) as caught:
        open_media(source, settings=Settings(**limits), name="it")
    name = next(iter(limits))
    setting = f"ASSAY_{name.upper()}"
    assert caught.value.context["limit"] == name
    assert caught.value.context["setting"] == setting
    assert setting in str(caught.value)
    assert "'it'" in str(caught.value)
    return caught.value


def test_bytes_of_a_path_of_bytes_and_of_a_stream(tmp_path):
    data = signals.wav(ONE_SECOND)
    (tmp_path / "a.wav").write_bytes(data)
    for source in (tmp_path / "a.wav", data, io.BytesIO(data)):
        assert refused(source, max_file_bytes=len(data) - 1).context["value"] == len(data)
        open_media(
            source if not isinstance(source, io.BytesIO) else io.BytesIO(data),
            settings=Settings(max_file_bytes=len(data)),
        )


def test_an_endless_stream_is_left_at_the_limit():
    class Endless:
        given = 0

        def read(self, size):
            self.given += size
            return bytes(size)

    endless = Endless()
    refused(endless, max_file_bytes=2**22)
    assert endless.given <= 2**23


def test_duration_from_the_header_of_a_file():
    refused(signals.wav(ONE_SECOND), max_duration_s=0.99)
    refused(signals.encoded("flac", ONE_SECOND, 16_000), max_duration_s=0.99)
    refused(signals.encoded("m4a", ONE_SECOND, 16_000), max_duration_s=0.9)
    open_media(signals.wav(ONE_SECOND), settings=Settings(max_duration_s=1.0))


def test_duration_of_an_array():
    refused((ONE_SECOND, 16_000), max_duration_s=0.5)


@pytest.mark.parametrize("name", ["aac", "ogg-vorbis"])
def test_duration_while_decoding_where_the_header_does_not_tell(name):
    media = open_media(signals.encoded(name, ONE_SECOND, 16_000), settings=Settings(max_duration_s=0.5))
    assert media.declared_duration_s is None
    with pytest.raises(LimitExceeded, match="ASSAY_MAX_DURATION_S"):
        list(media.blocks())


def test_a_header_that_lies_does_not_get_past_the_limit():
    data = bytearray(signals.encoded("mp3", signals.noise(seconds=4.0), 16_000))
    at = max(data.find(b"Xing"), data.find(b"Info")) + 8
    data[at : at + 4] = (20).to_bytes(4, "big")  # claims 20 frames, 0.7 s
    media = open_media(bytes(data), settings=Settings(max_duration_s=1.0))
    assert media.declared_duration_s < 1.0
    with pytest.raises(LimitExceeded, match="ASSAY_MAX_DURATION_S"):
        list(media.blocks())


def test_a_flac_that_claims_days_is_refused_before_decoding():
    data = bytearray(signals.encoded("flac", ONE_SECOND, 16_000))
    data[8 + 13] |= 0x0F  # the top bits of the 36-bit number of samples
    refused(bytes(data), max_duration_s=3600.0)


@pytest.mark.parametrize("channels", [3, 300])
def test_channels(channels):
    sound = np.zeros((400, channels), np.float32)
    limit = min(64, channels - 1)
    assert refused((sound, 16_000), max_channels=limit).context["value"] == channels
    assert refused(signals.wav(sound), max_channels=limit).context["value"] == channels


def test_sample_rates():
    assert "lower" in str(refused((ONE_SECOND, 3_999), min_sample_rate_hz=4_000))
    assert "raise" in str(refused((ONE_SECOND, 384_001), max_sample_rate_hz=384_000))
    refused(signals.wav(ONE_SECOND, 2_000), min_sample_rate_hz=4_000)
    refused(signals.wav(ONE_SECOND, 400_000), max_sample_rate_hz=384_000)


@pytest.mark.parametrize("rate", [4_000, 384_000])
def test_the_outermost_sample_rates_are_accepted(rate):
    media = open_media((signals.noise(rate=rate), rate), settings=Settings())
    assert sum(b.shape[1] for b in media.blocks()) == 8_000


def test_array_bytes():
    refused((ONE_SECOND, 16_000), max_array_bytes=ONE_SECOND.nbytes - 1)
    open_media((ONE_SECOND, 16_000), settings=Settings(max_array_bytes=ONE_SECOND.nbytes))
