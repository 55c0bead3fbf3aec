"""Arrays: types and their full scale, shapes, rates, digests."""

import hashlib

import numpy as np
import pytest
import signals

from assay.errors import EmptyMedia, InvalidArray, LimitExceeded
from assay.media import open_media
from assay.settings import Settings

SETTINGS = Settings()


def opened(array, rate=16_000):
    return open_media((array, rate), settings=SETTINGS)


def samples(array):
    return next(opened(array).blocks())[0].tolist()


def test_full_scale_of_every_type():
    assert samples(np.array([0.5, -1.0, 1.5], np.float32)) == [0.5, -1.0, 1.5]
    assert samples(np.array([0.5, -1.0, 1.5], np.float64)) == [0.5, -1.0, 1.5]
    assert samples(np.array([16384, -32768, 0], np.int16)) == [0.5, -1.0, 0.0]
    assert samples(np.array([2**30, -(2**31), 0], np.int32)) == [0.5, -1.0, 0.0]
    assert samples(np.array([192, 0, 128], np.uint8)) == [0.5, -1.0, 0.0]


@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT", "DOUBLE"])
def test_an_array_and_a_file_of_the_same_samples_agree(subtype):
    kind = {"PCM_16": np.int16, "FLOAT": np.float32, "DOUBLE": np.float64}[subtype]
    array = np.random.default_rng(0).integers(-3000, 3000, (4000, 2))
    array = array.astype(kind) if kind is np.int16 else (array / 32768).astype(kind)
    file = open_media(signals.wav(array, 16_000, subtype), settings=SETTINGS)
    assert np.array_equal(next(opened(array).blocks()), next(file.blocks()))


def test_byte_order_and_memory_layout_do_not_matter():
    array = np.random.default_rng(0).integers(-3000, 3000, (400, 2)).astype(np.int16)
    wide = np.zeros((400, 4), np.int16)
    wide[:, ::2] = array
    for same in (array.astype(">i2"), np.asfortranarray(array), wide[:, ::2]):
        assert opened(same).sha256 == opened(array).sha256
        assert np.array_equal(next(opened(same).blocks()), next(opened(array).blocks()))


def test_the_digest_is_the_documented_one():
    array = np.arange(6, dtype=np.int16).reshape(3, 2)
    text = b"assay-array:int16:3x2:16000\n" + array.astype("<i2").tobytes()
    assert opened(array).sha256 == hashlib.sha256(text).hexdigest()


def test_type_shape_and_rate_are_part_of_the_digest():
    array = np.zeros(8, np.int16)
    digests = {
        opened(array).sha256,
        opened(array.reshape(4, 2)).sha256,
        opened(array.astype(np.int32)).sha256,
        opened(array, 8_000).sha256,
    }
    assert len(digests) == 4


def test_header_facts_of_an_array():
    media = opened(np.zeros((8_000, 2), np.float32))
    assert (media.path, media.container, media.codec, media.channels) == ("<array>", "array", "float32", 2)
    assert media.declared_duration_s == 0.5


def test_a_list_of_numbers_is_an_array():
    assert samples([0.0, 0.5]) == [0.0, 0.5]


@pytest.mark.parametrize(
    "array",
    [
        np.zeros(10, bool),
        np.zeros(10, complex),
        np.zeros(10, object),
        np.array(["a", "b"]),
        np.zeros(10, np.float16),
        np.zeros(10, np.int64),
        np.zeros(10, np.uint16),
        "text",
        [[1.0], [1.0, 2.0]],
        None,
    ],
    ids=str,
)
def test_other_types_are_refused_with_what_is_accepted(array):
    with pytest.raises(InvalidArray, match="float32, float64, int16, int32 or uint8"):
        opened(array)


@pytest.mark.parametrize("shape", [(2, 3, 4), ()])
def test_other_shapes_are_refused(shape):
    with pytest.raises(InvalidArray, match=r"\(samples, channels\)"):
        opened(np.zeros(shape, np.float32))


@pytest.mark.parametrize("shape", [(0,), (0, 2), (2, 0)])
def test_an_array_without_samples_is_empty(shape):
    with pytest.raises(EmptyMedia, match="no samples"):
        opened(np.zeros(shape, np.float32))


def test_an_array_turned_round_gets_the_hint_to_transpose():
    with pytest.raises(LimitExceeded, match="transpose"):
        opened(np.zeros((2, 16_000), np.float32))


@pytest.mark.parametrize(
    "rate", [0, -1, -16_000, 44_100.5, float("nan"), float("inf"), True, np.True_, None, "16000", 16_000j]
)
def test_an_impossible_sample_rate_is_refused(rate):
    with pytest.raises(InvalidArray, match="sample rate"):
        opened(np.zeros(100, np.float32), rate)


@pytest.mark.parametrize("rate", [16_000.0, np.int32(16_000), np.float64(16_000)])
def test_a_whole_number_of_any_type_is_a_sample_rate(rate):
    assert opened(np.zeros(100, np.float32), rate).sample_rate_hz == 16_000


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_values_that_are_not_finite_are_refused_at_once(value, kind):
    array = np.zeros(100, kind)
    array[50] = value
    with pytest.raises(InvalidArray, match="nan_to_num"):
        opened(array)


@pytest.mark.parametrize("given", [(), (np.zeros(10),), (np.zeros(10), 16_000, "more")])
def test_a_tuple_is_an_array_and_its_rate(given):
    with pytest.raises(InvalidArray, match="array, sample_rate_hz"):
        open_media(given, settings=SETTINGS)


def test_an_array_alone_is_refused():
    with pytest.raises(InvalidArray, match="without its sample rate"):
        open_media(np.zeros(10), settings=SETTINGS)
