"""Videos: frames, times and colours of every container, choosing by time, odd and broken files, limits, memory."""

import io
import itertools
import subprocess
import sys
import tracemalloc
from fractions import Fraction

import av
import movies
import numpy as np
import pytest
import signals

from assay.errors import DecodeError, EmptyMedia, LimitExceeded, MediaError, SettingsError, UnsupportedMedia
from assay.media import AudioMedia, kinds, open_any, open_media, video_frames, video_packets
from assay.media.opening import open_moving
from assay.media.video_packets import begins_anew
from assay.media.video_pixels import Turn
from assay.media.video_sampling import Chosen, Grid, Shots, Spread
from assay.media.videos import Video, open_video
from assay.settings import Settings

SETTINGS = Settings()
ONE = 1 << 16  # in a display matrix


def cases(*names):
    for name in names or movies.FORMATS:
        missing = pytest.mark.skipif(not movies.has_encoder(name), reason=f"no encoder for {name} in this build")
        yield pytest.param(name, marks=missing)


def opened(data, **settings):
    return open_video(data, settings=Settings(**settings) if settings else SETTINGS)


def every(data, **options):
    return list(opened(data).frames(**{"fps": None, **options}))


def numbers(frames):
    return [movies.number_of(frame.pixels) for frame in frames]


def times(frames):
    return [frame.time_s for frame in frames]


# Containers and codecs


@pytest.mark.parametrize("name", list(cases()))
def test_every_format_gives_every_frame_once_in_order_with_its_time(name):
    video = opened(movies.video(name, 20))
    frames = list(video.frames(fps=None))
    assert numbers(frames) == [frame.index for frame in frames] == list(range(20))
    assert times(frames) == pytest.approx(np.arange(20) / 25, abs=0.001)
    info = video.info
    assert (info.container, info.codec) == movies.FORMATS[name][2:]
    assert (info.width, info.height, info.fps, info.rotation_degrees) == (128, 64, 25.0, 0)
    assert info.variable_rate in (False, None)
    assert video.notes == ()


def test_a_frame_is_upright_rgb_that_nobody_may_change():
    frame = every(movies.video(frames=1))[0]
    assert frame.pixels.shape == (64, 128, 3)
    assert frame.pixels.dtype == np.uint8
    assert frame.pixels.flags.c_contiguous
    assert not frame.pixels.flags.writeable


@pytest.mark.parametrize("name", list(cases("mp4", "avi", "mkv")))
def test_path_bytes_and_stream_are_the_same_video(name, tmp_path):
    data = movies.video(name, 4)
    path = tmp_path / "lies.txt"
    path.write_bytes(data)
    videos = [opened(path), opened(data), opened(io.BytesIO(data))]
    assert len({video.sha256 for video in videos}) == 1
    assert {video.size_bytes for video in videos} == {len(data)}
    assert all(numbers(video.frames(fps=None)) == [0, 1, 2, 3] for video in videos)


def test_frames_can_be_decoded_again_and_left_early():
    video = opened(movies.video(frames=10))
    assert numbers(itertools.islice(video.frames(fps=None), 2)) == [0, 1]
    assert numbers(video.frames(fps=None)) == list(range(10))


def test_threads_change_nothing():
    data = movies.video(frames=40, gop=10)
    one, three = opened(data), opened(data, threads=3)
    for options in ({"fps": None}, {"num_frames": 5}):
        for a, b in zip(one.frames(**options), three.frames(**options), strict=True):
            assert (a.index, a.time_s) == (b.index, b.time_s)
            assert np.array_equal(a.pixels, b.pixels)


# Sound


@pytest.mark.parametrize(
    ("name", "codec"), [("mp4", "aac"), ("mov", "aac"), ("mkv", "aac"), ("avi", "pcm_s16le"), ("mpg", "mp2")]
)
def test_the_sound_track_is_a_recording_like_any_other(name, codec):
    video = opened(movies.video(name, 25, sound=codec))
    assert video.info.has_sound
    assert video.info.sound_codec == codec
    sound = video.audio()
    assert isinstance(sound, AudioMedia)
    assert sound.sha256 == video.sha256
    samples = np.concatenate(list(sound.blocks()), axis=1)[0]
    assert len(samples) == pytest.approx(16_000, abs=2_400)
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    assert spectrum.argmax() * 16_000 / len(samples) == pytest.approx(440, abs=2)
    assert numbers(video.frames(fps=None)) == list(range(25))


def test_a_video_without_sound_has_none():
    video = opened(movies.video(frames=3))
    assert (video.info.has_sound, video.info.sound_codec, video.info.sound_starts_s) == (False, None, None)
    assert video.audio() is None
    assert video.notes == ()


def test_sound_in_a_codec_that_is_not_read_is_told_and_the_pictures_are_read():
    video = opened(movies.video("mkv", 5, sound="tta"))
    assert video.audio() is None
    assert any("tta" in note for note in video.notes)
    assert len(list(video.frames(fps=None))) == 5


def test_sound_over_a_limit_is_an_error():
    with pytest.raises(LimitExceeded, match="ASSAY_MAX_SAMPLE_RATE_HZ"):
        opened(movies.video("avi", 5, sound="pcm_s16le"), max_sample_rate_hz=8_000).audio()


@pytest.mark.parametrize(
    ("muxer", "codec"),
    [("avi", "pcm_s16le"), ("mpegts", "aac"), ("mpeg", "mp2"), ("mov", "aac"), ("mp4", "aac"), ("matroska", "aac")],
)
def test_a_container_of_videos_with_only_sound_is_a_recording(muxer, codec):
    data = movies.sound_only(muxer, codec)
    media = open_moving(data, settings=SETTINGS)
    assert isinstance(media, AudioMedia)
    assert sum(block.shape[1] for block in media.blocks()) > 7_000
    with pytest.raises(UnsupportedMedia, match="sound"):
        open_video(data, settings=SETTINGS)


@pytest.mark.parametrize(("muxer", "codec"), [("mp4", "aac"), ("mp3", "libmp3lame")])
@pytest.mark.parametrize("door", [open_moving, open_media, open_any])
def test_a_cover_picture_is_no_video(muxer, codec, door):
    media = door(movies.with_cover(muxer, codec), settings=SETTINGS)
    assert isinstance(media, AudioMedia)
    assert sum(block.shape[1] for block in media.blocks()) > 7_000


def test_when_the_sound_begins_later_the_distance_is_told():
    data = movies.video("mkv", 8, times=[5_000 + 40 * k for k in range(8)], sound="aac")
    assert opened(data).info.sound_starts_s == pytest.approx(-5.0, abs=0.1)


# Opening


def test_videos_stay_refused_where_no_video_is_asked_for():
    data = movies.video(frames=3, sound="aac")
    for door in (open_any, open_media):
        with pytest.raises(UnsupportedMedia, match="moving picture"):
            door(data, settings=SETTINGS)
    assert isinstance(open_moving(data, settings=SETTINGS), Video)


def test_recordings_and_pictures_come_through_the_moving_door_as_before(examples):
    assert isinstance(open_moving(signals.seeds()["wav"], settings=SETTINGS), AudioMedia)
    assert isinstance(open_moving((np.zeros(100, np.float32), 16_000), settings=SETTINGS), AudioMedia)
    assert isinstance(open_moving(examples / "human.wav", settings=SETTINGS), AudioMedia)


@pytest.mark.parametrize(
    "data", [signals.seeds()["wav"], b"\x89PNG\r\n\x1a\n" + bytes(50), b"#EXTM3U\n#EXTINF:1,\na\n"]
)
def test_what_is_no_video_is_refused_by_what_it_is(data):
    with pytest.raises(UnsupportedMedia, match="Give a video"):
        opened(data)
    with pytest.raises(UnsupportedMedia, match="array"):
        open_video((np.zeros(9), 1), settings=SETTINGS)


def test_opening_no_video_loads_no_ffmpeg():
    code = (
        "import sys, assay.media; from assay.media.opening import open_moving; from assay.settings import Settings; "
        "open_moving('examples/media/human.wav', settings=Settings()); print('av' in sys.modules)"
    )
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert made.stdout.strip() == "False"


# Times


def test_a_variable_rate_keeps_its_times_and_is_sampled_by_them():
    stamps = [0, 33, 66, 500, 540, 1_500, 1_533, 3_000]
    for name in ("mp4", "mkv"):
        data = movies.video(name, 8, times=stamps)
        assert times(every(data)) == pytest.approx(np.array(stamps) / 1000, abs=0.001)
        assert opened(data).info.variable_rate
        assert numbers(opened(data).frames(fps=2)) == [0, 3, 5, 7]


@pytest.mark.parametrize("first", [-400, 5_000, 3_600_000])
def test_time_begins_with_the_first_frame(first):
    data = movies.video("mkv", 8, times=[first + 40 * k for k in range(8)])
    video = opened(data)
    frames = list(video.frames(fps=None))
    assert numbers(frames) == list(range(8))
    assert times(frames) == pytest.approx(np.arange(8) * 0.04)
    assert video.info.duration_s == pytest.approx(0.32, abs=0.001)
    assert video.notes == ()


def test_reordered_frames_in_avi_come_in_order_although_it_stores_no_times():
    data = movies.video("avi-h264", 30, b_frames=3)
    frames = every(data)
    assert numbers(frames) == list(range(30))
    assert times(frames) == pytest.approx(np.arange(30) / 25)
    assert numbers(opened(data).frames(num_frames=3)) == [5, 15, 25]


def test_joined_recordings_go_on_where_the_first_one_ends():
    part = movies.video("ts", 50)
    video = opened(part + part)
    frames = list(video.frames(fps=None))
    assert numbers(frames) == [*range(50), *range(50)]
    assert times(frames) == pytest.approx(np.arange(100) / 25, abs=0.01)
    assert any("begin anew" in note for note in video.notes)
    assert len(list(video.frames(num_frames=4))) == 4


@pytest.mark.parametrize("lie", [1, 10_000_000])
def test_a_duration_that_lies_changes_no_choice(lie):
    """The header says 1 ms, or 10,000 s."""
    data = bytearray(movies.video("mp4", 50, gop=10))
    for box, at in ((b"mvhd", 16), (b"mdhd", 16), (b"tkhd", 20)):
        place = data.index(box) + 4 + at
        data[place : place + 4] = lie.to_bytes(4, "big")
    video = opened(bytes(data))
    assert numbers(video.frames(num_frames=5)) == [5, 15, 25, 35, 45]
    assert numbers(video.frames(fps=1)) == [0, 25]


def test_a_stated_duration_over_the_limit_is_refused():
    with pytest.raises(LimitExceeded, match="ASSAY_MAX_DURATION_S"):
        opened(movies.video(frames=50), max_duration_s=1.0)
    with pytest.raises(LimitExceeded, match="ASSAY_MAX_DURATION_S"):  # this one states none
        list(opened(movies.video("ts", 50), max_duration_s=1.0).frames())


# Choosing


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("mp4", {}),
        ("mp4", {"x264-params": "log-level=none:b-pyramid=normal:ref=4:open-gop=1:keyint=15"}),
        ("mp4", {"x264-params": "log-level=none:intra-refresh=1:keyint=20"}),
        ("ts", {}),
        ("mp4-hevc", {}),
        ("mp4-hevc", {"x265-params": "log-level=none:pools=none:open-gop=0:keyint=15"}),
        ("webm", {}),
        ("webm-vp8", {}),
        ("mov", {}),
        ("mpg", {}),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value.values()), "plain")[-20:],
)
def test_leaving_packets_out_changes_neither_pixels_nor_numbers_nor_times(name, options):
    if not movies.has_encoder(name):
        pytest.skip(f"no encoder for {name} in this build")
    rng = np.random.default_rng(3)

    def drawn():
        for k in range(90):
            pixels = movies.numbered(k)
            pixels[::3, k] = rng.integers(0, 255, 3)
            yield pixels

    video = opened(movies.video(name, drawn(), options=options, gop=15, b_frames=3))
    whole = list(video.frames(fps=None))
    assert [frame.index for frame in whole] == list(range(90))
    for asked in ({"fps": 5}, {"fps": 0.7}, {"fps": 12.5, "start_s": 1.3}, {"start_s": 1, "end_s": 1.6, "fps": None}):
        cells = Grid(asked.get("start_s", 0), asked["fps"]) if asked["fps"] else None
        chosen = Chosen(cells, asked.get("start_s", 0), asked.get("end_s", 99))
        _same(list(video.frames(**asked)), [frame for frame in whole if chosen.takes(frame.time_s)])
    for count in (1, 3, 17):
        got = list(video.frames(num_frames=count))
        assert len(got) == count
        _same(got, [whole[frame.index] for frame in got])


def _same(got, expected):
    assert [(frame.index, frame.time_s) for frame in got] == [(frame.index, frame.time_s) for frame in expected]
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(got, expected, strict=True))


def test_a_group_too_long_to_hold_is_decoded_as_it_comes(monkeypatch):
    video = opened(movies.video(frames=60, gop=20))
    held = list(video.frames(fps=3))
    monkeypatch.setattr(video_packets, "_MOST_PACKETS", 7)
    _same(list(video.frames(fps=3)), held)


def test_few_frames_of_many_need_few_packets(monkeypatch):
    fed = []
    passing = video_frames.Feed.passing

    def spy(self, packets):
        for one in passing(self, packets):
            fed.append(one)
            yield one

    monkeypatch.setattr(video_frames.Feed, "passing", spy)
    video = opened(movies.video(frames=200, gop=10))
    fed.clear()
    assert numbers(video.frames(num_frames=3)) == [33, 100, 167]
    assert len(fed) < 30
    # x264 names its version in the first packet only, and FFmpeg decodes 4:4:4 of versions before 151 by it.
    fed.clear()
    assert numbers(video.frames(fps=None, start_s=7.9)) == [198, 199]
    assert fed[0].packet.pts == 0
    assert len(fed) < 12


@pytest.mark.parametrize(("count", "expected"), [(1, [10]), (4, [2, 7, 12, 17]), (20, list(range(20)))])
def test_frames_by_number_are_spread_evenly(count, expected):
    assert numbers(opened(movies.video(frames=20)).frames(num_frames=count)) == expected


def test_more_frames_than_there_are_give_all_of_them():
    assert numbers(opened(movies.video(frames=5)).frames(num_frames=100)) == [0, 1, 2, 3, 4]


def test_a_frame_at_or_after_each_instant_is_chosen():
    data = movies.video(frames=40)
    assert numbers(opened(data).frames()) == [0, 13, 25, 38]  # 0, 0.5, 1 and 1.5 s
    assert numbers(opened(data).frames(fps=2, start_s=0.3, end_s=1.2)) == [8, 20]
    assert numbers(opened(data).frames(fps=1_000)) == list(range(40))
    assert numbers(opened(data).frames(num_frames=2, start_s=0.4, end_s=0.8)) == [12, 17]


def test_a_third_of_a_second_is_met_in_milliseconds():
    data = movies.video("mkv", 30, rate=30)  # Matroska writes 0.333 for a third
    assert numbers(opened(data).frames(fps=3)) == [0, 10, 20]


def test_nothing_lies_behind_the_end():
    assert every(movies.video(frames=5), start_s=50.0) == []


@pytest.mark.parametrize(
    "wrong",
    [{"fps": 0}, {"fps": float("nan")}, {"num_frames": 0}, {"start_s": -1}, {"start_s": 2, "end_s": 1}],
)
def test_arguments_out_of_range_are_refused_at_once(wrong):
    with pytest.raises(SettingsError, match=next(iter(wrong))):
        opened(movies.video(frames=2)).frames(**wrong)


# Shots


def still(seed, length):
    return [movies.texture(seed)] * length


def pan(seed, length, step):
    wide = movies.texture(seed, width=900)
    return [wide[:, k * step : k * step + 192].copy() for k in range(length)]


def shots(frames):
    video = opened(movies.video(frames=frames))
    return [frame.index for frame in video.frames(fps=0.01, scenes=True)][1:]


def test_the_first_frame_of_each_shot_is_chosen_too():
    dark = [frame // 5 for frame in still(3, 7)]
    frames = [*still(1, 7), *pan(2, 9, 4), *dark, *[frame // 5 for frame in still(4, 5)]]
    assert shots(frames) == [7, 16, 23]
    video = opened(movies.video(frames=frames))
    assert [frame.index for frame in video.frames(fps=2, scenes=True)] == [0, 7, 13, 16, 23, 25]
    assert [frame.index for frame in video.frames(fps=2, scenes=True, start_s=0.5, end_s=0.8)] == [13, 16]


def test_motion_noise_and_fades_are_no_cuts():
    rng = np.random.default_rng(0)
    noisy = [np.clip(f + rng.normal(0, 30, f.shape), 0, 255).astype(np.uint8) for f in still(1, 12)]
    fade = [(movies.texture(1) * (1 - t) + movies.texture(2) * t).astype(np.uint8) for t in np.linspace(0, 1, 6)]
    for frames in (pan(1, 20, 8), pan(2, 20, 20), noisy, fade):
        assert shots(frames) == []


def test_a_shot_does_not_begin_with_the_first_frame():
    finder = Shots()
    assert not finder.begins(np.full((32, 32), 200, np.float32))
    assert not finder.begins(np.full((32, 32), 200, np.float32))


def test_cells_of_a_spread_hold_one_frame_each():
    spread = Spread(2.0, 1.0, 5, 10)
    assert [spread.cell(2 + k / 10) for k in range(10)] == [-1, 0, 0, 1, 1, 2, 2, 3, 3, 4]


# Rotation


def turned(matrix):
    return every(movies.stored_matrix(movies.video(frames=[corner()]), matrix))[0].pixels


def corner():
    """Dark but for a bright upper left corner and a half bright upper right one."""
    pixels = np.full((64, 128, 3), 16, np.uint8)
    pixels[:32, :32], pixels[:32, 96:] = 235, 128
    return pixels


@pytest.mark.parametrize(
    ("matrix", "degrees", "expected"),
    [
        ((ONE, 0, 0, 0, ONE, 0, 0, 0, 1 << 30), 0, lambda p: p),
        ((0, ONE, 0, -ONE, 0, 0, 0, 0, 1 << 30), 90, lambda p: np.rot90(p, -1)),  # a phone held upright
        ((-ONE, 0, 0, 0, -ONE, 0, 0, 0, 1 << 30), 180, lambda p: np.rot90(p, 2)),
        ((0, -ONE, 0, ONE, 0, 0, 0, 0, 1 << 30), 270, np.rot90),
    ],
)
def test_a_rotated_video_comes_upright(matrix, degrees, expected):
    data = movies.stored_matrix(movies.video(frames=[corner()]), matrix)
    video = opened(data)
    assert video.info.rotation_degrees == degrees
    frame = next(iter(video.frames()))
    assert frame.pixels.shape[:2] == (video.info.height, video.info.width)
    assert np.abs(frame.pixels.astype(int) - expected(corner())).mean() < 4
    assert video.notes == ()


def test_rotation_is_undone_in_matroska_too():
    video = opened(movies.video("mkv", [corner()], rotation=90))
    assert video.info.rotation_degrees == 90
    assert np.abs(next(video.frames()).pixels.astype(int) - np.rot90(corner(), -1)).mean() < 4


def test_mirroring_and_odd_angles_are_told():
    mirrored = opened(movies.stored_matrix(movies.video(frames=[corner()]), (-ONE, 0, 0, 0, ONE, 0, 0, 0, 1 << 30)))
    assert np.abs(next(mirrored.frames()).pixels.astype(int) - corner()[:, ::-1]).mean() < 4
    assert any("mirrored" in note for note in mirrored.notes)
    odd = opened(movies.video(frames=2, rotation=20))
    assert any("no multiple of 90" in note for note in odd.notes)
    assert odd.info.rotation_degrees == 0
    assert opened(movies.stored_matrix(movies.video(frames=2), (0,) * 9)).info.rotation_degrees == 0


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("left_right", [False, True])
@pytest.mark.parametrize("up_down", [False, True])
def test_degrees_and_mirroring_describe_the_turn(transposed, left_right, up_down):
    turn = Turn(transposed, left_right, up_down)
    pixels = np.arange(24).reshape(2, 4, 3).astype(np.uint8)
    again = np.rot90(pixels[:, ::-1] if turn.mirrored else pixels, -turn.degrees // 90)
    assert np.array_equal(turn.apply(pixels), again)


# Colours

MATRICES = {1: (0.2126, 0.0722), 5: (0.299, 0.114), 6: (0.299, 0.114), 9: (0.2627, 0.0593)}


def stored(colour, matrix, full):
    """Y'CbCr of an R'G'B' colour in [0, 255], by the definitions in BT.601, BT.709 and BT.2020."""
    red, green, blue = np.array(colour) / 255
    kr, kb = MATRICES[matrix]
    luma = kr * red + (1 - kr - kb) * green + kb * blue
    cb, cr = (blue - luma) / (2 * (1 - kb)), (red - luma) / (2 * (1 - kr))
    found = (255 * luma, 255 * cb + 128, 255 * cr + 128) if full else (16 + 219 * luma, 128 + 224 * cb, 128 + 224 * cr)
    return [round(min(max(value, 0), 255)) for value in found]


COLOURS = [(200, 40, 30), (30, 200, 90), (60, 70, 210), (250, 250, 250), (5, 5, 5)]


@pytest.mark.parametrize("matrix", sorted(MATRICES))
@pytest.mark.parametrize("full", [False, True])
def test_colours_come_back_by_the_matrix_and_range_that_are_stated(matrix, full):
    def setup(stream):
        stream.codec_context.colorspace, stream.codec_context.color_range = matrix, 2 if full else 1

    drawn = [movies.flat(*stored(colour, matrix, full), matrix, 2 if full else 1) for colour in COLOURS]
    frames = every(movies.video("mp4", drawn, options={"crf": "1"}, setup=setup))
    for colour, frame in zip(COLOURS, frames, strict=True):
        assert np.abs(frame.pixels.astype(int) - colour).max() <= 4


@pytest.mark.parametrize(("size", "matrix"), [((720, 576), 5), ((1280, 720), 1), ((640, 640), 1)])
def test_where_no_matrix_is_stated_the_size_decides(size, matrix):
    drawn = [movies.flat(*stored(COLOURS[0], matrix, False), 2, 0, *size)]
    frame = every(movies.video("mkv", drawn, options={"crf": "1"}))[0]
    assert np.abs(frame.pixels.astype(int) - COLOURS[0]).max() <= 4


def test_pictures_of_ten_bits_become_eight_and_hdr_is_told():
    def hdr(stream):
        context = stream.codec_context
        context.color_trc, context.color_primaries, context.colorspace = 16, 9, 9

    video = opened(movies.video("mkv", 4, pixel_format="yuv420p10le", setup=hdr))
    assert video.info.pixel_format == "yuv420p10le"
    assert numbers(video.frames(fps=None)) == [0, 1, 2, 3]
    assert any("10 bits" in note for note in video.notes)
    assert any("HDR (PQ)" in note for note in video.notes)


def test_odd_sizes_alpha_interlacing_and_oblong_pixels():
    def oblong(stream):
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)

    assert every(movies.video("mkv-ffv1", [movies.numbered(5, 131, 67)]))[0].pixels.shape == (67, 131, 3)
    for made, said in (
        (movies.video("mkv-ffv1", 3, pixel_format="yuva420p"), "transparency"),
        (movies.video("mpg", 3, options={"flags": "+ildct+ilme"}), "interlaced"),
        (
            movies.video("mp4", 3, setup=lambda stream: setattr(stream, "sample_aspect_ratio", Fraction(4, 3))),
            "not square (4:3)",
        ),
    ):
        video = opened(made)
        assert numbers(video.frames(fps=None)) == [0, 1, 2]
        assert any(said in note for note in video.notes)


# Broken files


@pytest.mark.parametrize("name", list(cases("ts", "mpg")))
def test_the_size_may_change_on_the_way(name):
    data = movies.video(name, 8) + movies.video(name, (movies.numbered(k, 192, 96) for k in range(8)))
    video = opened(data)
    frames = list(video.frames(fps=None))
    assert {frame.pixels.shape for frame in frames} == {(64, 128, 3), (96, 192, 3)}
    assert numbers(frames)[-8:] == list(range(8))
    assert any("changes to 192 × 96" in note for note in video.notes)
    with pytest.raises(LimitExceeded, match="192 × 96"):
        list(opened(data, max_video_pixels=10_000).frames())


@pytest.mark.parametrize("name", list(cases("mkv", "webm", "avi", "mpg", "ts")))
def test_a_file_that_was_cut_gives_what_is_there(name):
    data = movies.video(name, 60, gop=10, sound="aac" if name == "mkv" else None)
    video = opened(data[: len(data) * 6 // 10])
    found = numbers(video.frames(fps=None))
    assert 10 < len(found) < 50
    assert found[:-4] == list(range(len(found) - 4))  # the last ones may wait for one that is lost
    assert found == sorted(found)
    if name in ("mkv", "webm", "avi"):  # the others state no length
        assert any("cut off or damaged" in note for note in video.notes)
    assert len(list(video.frames(num_frames=5))) == 5


def test_an_mp4_cut_behind_its_index_gives_what_is_there():
    data = movies.video(frames=60, gop=10, muxing={"movflags": "faststart"})
    video = opened(data[: len(data) * 6 // 10])
    found = numbers(video.frames(fps=None))
    assert found == list(range(len(found)))
    assert any("of 2.4 s" not in note and "2.4 s are declared" in note for note in video.notes)


def test_an_mp4_without_its_index_is_an_error_that_says_so():
    data = movies.video(frames=60)
    with pytest.raises(DecodeError, match=r"index of its tracks is missing: it is cut off"):
        opened(data[: len(data) // 2])
    with pytest.raises(DecodeError, match="damaged"):
        open_moving(data[: len(data) // 2], settings=SETTINGS)


def test_damage_in_the_middle_is_stepped_over_and_told():
    data = bytearray(movies.video(frames=60, gop=10, options={"crf": "1"}))
    for at in range(len(data) // 3, len(data) // 2, 7):
        data[at] ^= 0xFF
    video = opened(bytes(data))
    found = list(video.frames(fps=None))
    assert numbers(found)[:10] == list(range(10))
    assert numbers(found)[-10:] == list(range(50, 60))
    assert times(found) == sorted(times(found))
    assert any("damaged" in note for note in video.notes)


@pytest.mark.parametrize("name", list(cases("mkv", "avi")))
def test_a_video_without_frames_is_empty(name):
    with pytest.raises(EmptyMedia, match="holds no frames"):
        opened(movies.video(name, 0))


def test_a_video_that_is_nothing_but_junk_behind_its_header_is_an_error():
    data = bytearray(movies.video("avi", 10))
    start, end = data.index(b"movi") + 4, data.index(b"idx1")
    at = start
    while at < end:
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        data[at + 8 : at + 8 + size] = b"\xff" * size
        at += 8 + size + size % 2
    with pytest.raises((DecodeError, EmptyMedia), match="<bytes>"):
        opened(bytes(data))


# Limits and safety


def test_limits_are_held_against_header_and_frames():
    data = movies.video(frames=30)
    for setting, value in (("max_video_pixels", 8_000), ("max_video_frames", 20), ("max_file_bytes", 500)):
        with pytest.raises(LimitExceeded, match=f"ASSAY_{setting.upper()}") as caught:
            opened(data, **{setting: value})
        assert caught.value.context["setting"] == f"ASSAY_{setting.upper()}"
    stream = movies.video("ts", 30)  # states no number of frames
    for options in ({}, {"num_frames": 3}):
        with pytest.raises(LimitExceeded, match="ASSAY_MAX_VIDEO_FRAMES"):
            list(opened(stream, max_video_frames=20).frames(**options))


def test_a_codec_that_is_not_on_the_list_is_refused_by_name():
    with pytest.raises(UnsupportedMedia, match=r"does not open .*flv1"):
        opened(signals.muxed("avi", "pcm_s16le", signals.sine(), 16_000, picture="flv"))


@pytest.mark.parametrize("name", list(cases("mp4", "webm", "avi", "mpg", "ts", "m2v")))
def test_ffmpeg_gets_a_reader_one_demuxer_listed_codecs_and_no_protocol(name, monkeypatch):
    calls = []
    real = av.open

    def spy(file, mode, **options):
        calls.append((file, options))
        return real(file, mode, **options)

    data = movies.video(name, 4)
    monkeypatch.setattr(av, "open", spy)
    list(opened(data).frames(num_frames=2))
    assert len(calls) >= 3
    for file, options in calls:
        assert hasattr(file, "read")
        assert options["format"] == options["options"]["format_whitelist"]
        assert options["options"]["protocol_whitelist"] == "none"
        assert "h264" in options["options"]["codec_whitelist"]
        assert "gif" not in options["options"]["codec_whitelist"]


def test_no_kind_of_video_reaches_a_demuxer_that_opens_other_files():
    demuxers = {kind.demuxer for kind in vars(kinds).values() if isinstance(kind, kinds.Kind) and kind.is_video}
    demuxers |= {kind.demuxer for _, kind in kinds.MAGIC if kind.is_video}
    assert demuxers == {"mp4", "matroska", "avi", "mpegts", "mpeg", "mpegvideo"}


def test_a_mov_that_refers_to_another_file_does_not_get_it(tmp_path):
    data = movies.video("mp4", 5)
    outside = tmp_path / "outside.mp4"
    outside.write_bytes(data)
    at = data.index(b"url \x00\x00\x00\x01")
    index = data[data.index(b"moov") - 4 :]
    with pytest.raises(MediaError):
        list(opened(data[:28] + index.replace(data[at : at + 8], b"url \x00\x00\x00\x00")).frames())


@pytest.mark.parametrize("playlist", ["#EXTM3U\n#EXTINF:1,\n{}\n", "ffconcat version 1.0\nfile '{}'\n"])
def test_playlists_are_refused_as_what_they_are(playlist, tmp_path):
    secret = tmp_path / "secret.mp4"
    secret.write_bytes(movies.video(frames=2))
    for door in (open_moving, open_video):
        with pytest.raises(UnsupportedMedia, match="playlist"):
            door(playlist.format(secret).encode(), settings=SETTINGS)


@pytest.mark.parametrize(
    ("foreign", "ours"),
    [
        (av.error.InvalidDataError(1094995529, "Invalid data"), DecodeError),
        (av.error.PermissionError(1, "Operation not permitted"), DecodeError),
        (ValueError("bad"), DecodeError),
        (MemoryError(), LimitExceeded),
        (OSError(5, "Input/output error"), MediaError),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
def test_every_foreign_exception_becomes_one_of_ours(foreign, ours, monkeypatch):
    video = opened(movies.video(frames=3))

    def fail(*_, **__):
        raise foreign

    monkeypatch.setattr(av, "open", fail)
    for act in (
        lambda: list(video.frames()),
        lambda: list(video.frames(num_frames=2)),
        lambda: opened(b"RIFF....AVI ."),
    ):
        with pytest.raises(ours) as caught:
            act()
        assert caught.value.__cause__ is foreign


def test_beginnings_are_told_from_the_packets_themselves():
    for name in ("mp4", "ts", "webm", "webm-vp8", "mp4-hevc"):
        options = {"x265-params": "log-level=none:pools=none:open-gop=0"} if name == "mp4-hevc" else {}
        if not movies.has_encoder(name):
            continue
        data = movies.video(name, 30, gop=10, options=options)
        with av.open(io.BytesIO(data)) as file:
            stream = file.streams.video[0]
            codec, lengths = movies.FORMATS[name][3], 0 if name == "ts" else 4
            told = [begins_anew(codec, packet, lengths) for packet in file.demux(stream) if packet.size]
        assert [place for place, begins in enumerate(told) if begins] == [0, 10, 20], name


# Memory


def test_memory_is_flat_however_long_the_video():
    data = movies.video(frames=(movies.numbered(k % 256, 256, 128) for k in range(2_000)), gop=50)
    video = opened(data)
    tracemalloc.start()
    try:
        for options in ({"fps": None}, {"fps": 5.0}, {"num_frames": 50}):
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            count = sum(1 for _ in video.frames(**options))
            assert count >= 50
            assert tracemalloc.get_traced_memory()[1] - before < 1_000_000  # one frame has 98 kB
    finally:
        tracemalloc.stop()


def test_the_decoder_keeps_no_frames_either(tmp_path):
    path = tmp_path / "long.mp4"
    path.write_bytes(movies.video(frames=(movies.numbered(k % 256, 256, 128) for k in range(2_000)), gop=50))
    code = (
        "import resource, sys\nfrom assay.media.videos import open_video\nfrom assay.settings import Settings\n"
        f"video = open_video({str(path)!r}, settings=Settings())\n"
        "peaks = []\n"
        "for frame in video.frames(fps=None):\n"
        "    if frame.index in (200, 1999): peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
        "print(peaks[1] - peaks[0])"
    )
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(made.stdout) < 8_000  # kB; 1,800 frames would be 88,000, as RGB twice that


@pytest.mark.parametrize("name", ["mp4", "avi"])
def test_frames_at_given_seconds_come_in_one_pass(name):
    if name not in movies.FORMATS:
        pytest.skip(f"no {name} among the made movies")
    video = opened(movies.video(name, 20))
    assert numbers(video.frames(at=(0.5, 0.08, 0.081, 99.0))) == [2, 3, 13]
    assert numbers(video.frames(at=(0.0,), end_s=1.0)) == [0]
