"""The measuring scripts' own arithmetic: what is drawn, joined, cut and counted."""

import numpy as np
import pytest
from PIL import Image

from assay.data import Trial

RATE = 16_000


@pytest.fixture
def scripts(monkeypatch, request):
    monkeypatch.syspath_prepend(str(request.config.rootpath / "benchmarks"))
    import false_alarms
    import file_statistics
    import page
    import shortcuts

    return {module.__name__: module for module in (false_alarms, file_statistics, page, shortcuts)}


@pytest.fixture
def tone():
    """A second of 440 Hz between 0.4 s of zeros and 0.2 s of faint noise."""
    sine = 0.5 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)
    faint = 1e-4 * np.random.default_rng(1).standard_normal(RATE // 5)
    return np.concatenate([np.zeros(2 * RATE // 5), sine, faint]).astype(np.float32)


def test_recordings_are_filled_in_order_and_a_rest_that_is_too_short_is_dropped(scripts):
    fill = scripts["false_alarms"].fill
    assert fill([4, 4, 4, 4, 4], target=8, least=5) == [[0, 1], [2, 3]]
    assert fill([4, 4, 4, 4, 6], target=8, least=5) == [[0, 1], [2, 3], [4]]
    assert fill([], target=8, least=5) == []


def test_joined_clips_have_the_quietest_part_of_the_one_before_between_them(scripts, tone):
    loud = np.full(RATE, 0.5, np.float32)
    joined = scripts["false_alarms"].join([tone, loud], gap=True)
    assert joined.size == tone.size + loud.size + 0.15 * RATE
    assert not joined[tone.size : tone.size + 2400].any()
    assert np.array_equal(scripts["false_alarms"].join([tone, loud], gap=False), np.concatenate([tone, loud]))


def test_a_corpus_is_not_a_voice(scripts):
    one_voice = scripts["false_alarms"].names_one_voice
    assert all(map(one_voice, ["VCTK-p259", "LJ", "260", "Asterisk-it-voice"]))
    assert not any(map(one_voice, ["", "VCTK", "VCTK-unseen", "LibriTTS-ood", "LibriSpeech/VCTK"]))


def test_each_source_counts_alike_whatever_its_size(scripts):
    made = [
        scripts["false_alarms"].Outcome("eval", source, "clip", 4.0, True, (verdict,) * 3)
        for source, verdict, count in [("a", "spoof", 1), ("a", "bona_fide", 1), ("b", "bona_fide", 98)]
        for _ in range(count)
    ]
    assert scripts["false_alarms"].alike(made, 0).startswith("0.2500 (")
    assert scripts["false_alarms"].plain(made)[0].startswith("0.0100 (")


def test_small_sources_are_drawn_before_large_ones_run_dry(scripts):
    trials = [Trial(f"{source}/{i}", "spoof", source=source) for source, n in [("a", 50), ("b", 2)] for i in range(n)]
    drawn = scripts["file_statistics"].drawn(trials, 6)
    assert sorted(trial.source for trial in drawn) == ["a", "a", "a", "a", "b", "b"]
    assert drawn == scripts["file_statistics"].drawn(trials, 6)


def test_silence_at_the_ends_is_found_to_the_frame(scripts, tone):
    assert scripts["file_statistics"].edges(tone) == (2 * RATE // 5, 7 * RATE // 5)
    assert scripts["file_statistics"].edges(np.zeros(RATE, np.float32)) == (0, RATE)


def test_statistics_of_a_tone_between_silences(scripts, tone):
    names, values = scripts["file_statistics"].STATISTICS, scripts["file_statistics"].statistics(tone)
    found = dict(zip(names, values, strict=True))
    assert found["length, s"] == pytest.approx(1.6)
    assert (found["silence before, s"], found["silence after, s"]) == (pytest.approx(0.4), pytest.approx(0.2))
    assert found["peak, dB"] == pytest.approx(-6.02, abs=0.01)
    assert found["share of zeros"] > 0.25


def test_own_noise_has_the_level_of_the_quietest_part(scripts):
    rng = np.random.default_rng(2)
    quiet, loud = 0.01 * rng.standard_normal(RATE), 0.3 * rng.standard_normal(RATE)
    noise = scripts["shortcuts"].own_noise(np.concatenate([loud, quiet, loud]).astype(np.float32), RATE)
    assert np.sqrt(np.mean(noise**2)) == pytest.approx(0.01, rel=0.15)


def test_a_higher_rate_keeps_the_whole_band_and_the_length(scripts):
    high = np.sin(2 * np.pi * 7_900 * np.arange(RATE) / RATE).astype(np.float32)
    for rate in (24_000, 44_100, 48_000):
        dense = scripts["shortcuts"].at_rate(high, rate)
        assert dense.size == rate
        middle = dense[rate // 4 : -rate // 4]
        assert np.sqrt(np.mean(middle**2)) == pytest.approx(np.sqrt(0.5), rel=0.01)


def test_louder_and_shifted_stay_below_full_scale(scripts):
    quiet, full = np.float32([0.1, -0.1]), np.float32([0.9, -0.9])
    assert scripts["shortcuts"].louder(quiet) == pytest.approx(quiet * 3.981, rel=1e-3)
    assert np.abs(scripts["shortcuts"].louder(full)).max() == pytest.approx(0.99)
    assert scripts["shortcuts"].shifted(quiet) == pytest.approx(quiet + 0.05)
    assert scripts["shortcuts"].shifted(np.float32([0.995])) == pytest.approx([0.995])


def test_only_from_bona_fide_to_flagged_is_turned_round(scripts):
    turned = scripts["shortcuts"].turned_round
    assert turned("bona_fide", "mixed")
    assert turned("spoof", "bona_fide")
    assert not turned("spoof", "mixed")
    assert not turned("inconclusive", "spoof")


def test_a_section_is_written_between_its_markers_only(scripts, tmp_path):
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- one -->\nold\n<!-- /one -->\nb\n")
    scripts["page"].write_page({"one": "new"}, page)
    assert page.read_text() == "a\n<!-- one -->\nnew\n<!-- /one -->\nb\n"


def test_pictures_are_made_of_photographs_and_none_without(monkeypatch, request, tmp_path, examples):
    monkeypatch.syspath_prepend(str(request.config.rootpath / "benchmarks"))
    import portraits

    made = portraits.make(tmp_path, examples / "twice-saved.jpg", 3)
    with Image.open(made["portraits"][0]) as image:
        assert image.size == (portraits.SIDE, portraits.SIDE)
    with Image.open(made["large"][0]) as image:
        assert image.size == portraits.LARGE
    assert portraits.make(tmp_path, tmp_path / "nowhere", 3) == {"portraits": [], "large": []}


def test_the_table_of_pictures_tells_whether_the_promise_was_kept(monkeypatch, request):
    monkeypatch.syspath_prepend(str(request.config.rootpath / "benchmarks"))
    import pictures
    from measure import Series

    def took(wall_s):
        return {
            name: Series(1.0, [wall_s * factor], [wall_s], [10**8], {"stages_ms": {"total": 40.0}, "faces": 1})
            for name, factor in zip(pictures.NAMES, (1, 3, 0.1), strict=True)
        }

    found = {"date": "", "commit": "", "processor": "", "instructions": "", "cores": 2, "load_before": 0.0}
    kept = pictures.markdown(dict.fromkeys(("portrait", "folder", "large"), took(0.04)), found, 24)
    assert "| 40.0 ms | met |" in kept
    assert "3.00× (3.00×–3.00×)" in kept
    broken = pictures.markdown(dict.fromkeys(("portrait", "folder", "large"), took(0.07)), found, 24)
    assert "**not met**" in broken
    readme = (request.config.rootpath / "benchmarks" / "README.md").read_text(encoding="utf-8")
    assert readme.count(pictures.BEGIN) == readme.count(pictures.END) == 1


def test_the_usual_network_has_the_size_of_the_published_one(monkeypatch, request):
    torch = pytest.importorskip("torch")
    monkeypatch.syspath_prepend(str(request.config.rootpath / "benchmarks"))
    import picture_subjects

    net = picture_subjects.efficientnet_lite0().eval()
    assert net(torch.zeros(1, 3, 64, 64)).shape == (1, 1)
    # 4.65 million with 1,000 classes, of which the classifier has 1.28.
    assert sum(each.numel() for each in net.parameters()) == pytest.approx(3.37e6, rel=0.01)


def test_a_longer_clip_is_the_short_one_over_and_over(monkeypatch, request, tmp_path, examples):
    monkeypatch.syspath_prepend(str(request.config.rootpath / "benchmarks"))
    import av
    import clips

    monkeypatch.setattr(clips, "WIDTH", 320)
    monkeypatch.setattr(clips, "HEIGHT", 192)
    monkeypatch.setattr(clips, "ENCODED_S", 1)
    made = clips.make(tmp_path, examples / "twice-saved.jpg", {"clean": [1, 3], "grain": [1]})
    with av.open(made["clean"][3]) as file:
        times = [frame.time for frame in file.decode(video=0)]
    assert np.allclose(times, np.arange(3 * clips.FPS) / clips.FPS)
    with av.open(made["clean"][3]) as file:
        heard = [(frame.time, frame.samples) for frame in file.decode(audio=0)]
    assert sum(samples for _, samples in heard) == pytest.approx(3 * clips.SOUND_HZ, abs=2 * 1024)
    assert np.ptp(np.diff([time for time, _ in heard])) < 1e-4
    clean, grain = ((tmp_path / f"{kind}.mp4").stat().st_size for kind in ("clean", "grain"))
    assert grain > clean


def test_the_table_of_videos_tells_whether_the_promises_were_kept(monkeypatch, request):
    monkeypatch.syspath_prepend(str(request.config.rootpath / "benchmarks"))
    import videos
    from measure import Series

    def took(wall_s, peaks, waited=1.0):
        told = {"stages_ms": {"total": 40.0}, "persons": 1, "frames": 100, "faces": 99}
        subjects = {
            name: Series(60.0, [wall_s * factor], [wall_s * factor / waited], [10**8], told)
            for name, factor in zip(videos.NAMES, (1, 0.8, 3, 9, 0.5), strict=True)
        }
        lengths = {seconds: Series(float(seconds), [1.0], [1.0], [peak]) for seconds, peak in peaks.items()}
        return {"clean": subjects, "grain": subjects, "lengths": lengths}

    found = {"date": "", "commit": "", "processor": "", "instructions": "", "cores": 2, "load_before": 0.0}
    found |= {"packages": dict.fromkeys(("av", "torch", *videos.PACKAGES), "1"), "megabits": {"clean": 0.8}}
    kept = videos.markdown(took(12.0, {"240": 250 * 10**6, "1800": 260 * 10**6}), found)
    assert "| 5.0 (clean), 5.0 (grain) | met |" in kept
    assert "| 260 MB | met |" in kept
    assert "From 4 min to 30 min memory grows at 23 MB an hour." in kept
    assert "3.00× (once)" in kept
    assert "busy with" not in kept
    assert "busy with" in videos.markdown(took(12.0, {"240": 250 * 10**6}, waited=2.0), found)
    assert videos.markdown(took(12.0, {"240": 250 * 10**6}), found).count("not measured | not measured") == 1
    assert videos.markdown(took(16.0, {"240": 250 * 10**6, "1800": 710 * 10**6}), found).count("**not met**") == 2
    readme = (request.config.rootpath / "benchmarks" / "README.md").read_text(encoding="utf-8")
    assert readme.count(videos.BEGIN) == readme.count(videos.END) == 1


def test_every_script_has_its_markers_on_the_page(scripts):
    text = scripts["page"].PAGE.read_text(encoding="utf-8")
    for name in ("splices", "false alarms", "shortcuts", "statistics"):
        assert text.count(f"<!-- {name} -->") == text.count(f"<!-- /{name} -->") == 1


def test_folds_hold_sources_whole_and_of_every_make(request, monkeypatch):
    pytest.importorskip("torch")
    pytest.importorskip("lightning")
    monkeypatch.syspath_prepend(str(request.config.rootpath / "benchmarks"))
    import folds

    trials = [
        Trial(path=f"{kind}{source}{n}", key=key, source=f"{kind}{source}")
        for kind, keys in (("both", ("bona_fide", "spoof")), ("human", ("bona_fide",)))
        for source in range(10)
        for n in range(source + 1)
        for key in keys
    ]
    made = folds.folds_of(trials)
    assert set(made.values()) == set(range(5))
    for kind in ("both", "human"):
        assert sorted(made[f"{kind}{source}"] for source in range(10)) == sorted([*range(5)] * 2)


def test_sources_count_alike_and_the_interval_is_that_of_as_many_draws(monkeypatch, request):
    monkeypatch.syspath_prepend(str(request.config.rootpath / "benchmarks"))
    from collections import Counter

    from sound_traces import Count
    from video_traces import share_of

    from assay.metrics import rate_interval

    many, few = Count(40, seen=Counter(a=20, b=40)), Count(1, seen=Counter(b=1))
    sources = {"many": many, "few": few, "none": Count(3)}
    rate, interval = share_of("a", sources)
    assert rate == pytest.approx(0.5 / 3)
    assert (interval.low, interval.high) == (0, rate_interval(1, 3).high)
    assert share_of("b", sources)[0] == pytest.approx(2 / 3)
    assert share_of("b", sources)[1] == rate_interval(2, 3)
    assert share_of("never", sources) == (0, rate_interval(0, 3))
