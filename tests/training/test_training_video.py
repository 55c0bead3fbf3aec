"""The training of the video detector, on made sequences: spoofs whose first feature swings from frame to frame."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from assay.errors import TrainingError
from assay.media.videos import Frame
from assay.metrics import auc
from assay.models import VideoCard, picture_card
from assay.training.video import run
from assay.training.video.changes import Change, changed
from assay.training.video.fit import FRAMES, Drawer, TemporalPlan, fit_temporal, window_logits, windows_of
from assay.training.video.network import KINDS, TemporalNet
from assay.training.video.publish import decide_card, export, publish
from assay.training.video.recipe import load_video_recipe
from assay.training.video.sequences import FPS, Clip, FaceSequence, WatchedClip, read_clip, watch_clip
from assay.video.detector import VideoDetector

FEATURES = 8
RECIPE = """
name = "toy"
version = "0"
seed = 1
development_sources = ["held"]
limits = ["a toy"]
steps = 60
couples = 8
"""


def sequence(rng, key, source, frames=24, clip=0):
    features = rng.normal(0, 0.3, (frames, FEATURES))
    if key == "spoof":
        features[:, 0] += rng.uniform(0.0, 1.5) * (-1.0) ** np.arange(frames)
    logits = rng.normal(0.5 if key == "spoof" else -0.5, 5.0, frames)
    generator = "G" if key == "spoof" else ""
    return FaceSequence(clip, key, source, generator, np.arange(frames) / FPS, logits, features.astype(np.float16))


def clips(sources, each, seed=0, frames=24):
    rng = np.random.default_rng(seed)
    found = []
    for source in sources:
        for number in range(each):
            key = ("bona_fide", "spoof")[number % 2]
            face = sequence(rng, key, source, frames, len(found))
            whole = rng.normal(0.5 if key == "spoof" else -0.5, 1.0, 5)
            clip = Clip(Path(f"{source}-{number}.mp4"), key, source, face.generator)
            found.append(WatchedClip(clip, whole, (face,)))
    return found


@pytest.fixture(scope="module")
def trained():
    plan = TemporalPlan(steps=150, couples=16, seed=1)
    return fit_temporal([face for clip in clips(("a", "b"), 40) for face in clip.faces], plan)


def test_windows_do_not_cross_holes():
    times = np.arange(40) / FPS
    assert windows_of(times) == [0, 4, 8, 12, 16, 20, 24]
    times[20:] += 1.0
    assert windows_of(times) == [0, 4, 20, 24]
    assert windows_of(times[:10]) == []


def test_couples_hold_a_spoof_and_a_bona_fide_window_mostly_of_one_source():
    faces = [face for clip in clips(("a", "b", "c"), 8) for face in clip.faces]
    drawer = Drawer(faces, TemporalPlan(same=1.0))
    for _ in range(50):
        spoof, bona = drawer.couple()
        assert (faces[spoof.sequence].key, faces[bona.sequence].key) == ("spoof", "bona_fide")
        assert faces[spoof.sequence].source == faces[bona.sequence].source


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_network_gives_a_logit_for_the_window_and_each_frame(kind):
    net = TemporalNet(FEATURES, kind).eval()
    whole, frames = net(torch.randn(3, FRAMES, FEATURES))
    assert whole.shape == (3,)
    assert frames.shape == (3, FRAMES)
    assert (frames.min(1).values <= whole + 1e-5).all()
    assert (whole <= frames.max(1).values + 1e-5).all()


def test_what_only_the_course_of_time_tells_is_learnt(trained):
    told = {key: [] for key in ("bona_fide", "spoof")}
    for clip in clips(("new",), 20, seed=5):
        told[clip.clip.key].append(window_logits(trained, clip.faces[0]).mean())
    assert auc(np.array(told["bona_fide"]), np.array(told["spoof"])) > 0.8


def test_a_short_sequence_is_judged_as_a_whole(trained):
    face = sequence(np.random.default_rng(0), "spoof", "a", frames=6)
    assert window_logits(trained, face).shape == (1,)


def test_the_weight_and_its_card_answer_as_the_network_does(trained, tmp_path):
    (tmp_path / "r.toml").write_text(RECIPE, encoding="utf-8")
    plan, held = load_video_recipe(tmp_path / "r.toml"), clips(("held", "other"), 80, seed=3)
    given = {"recipe": "r.toml", "pictures": picture_card("picture-lite"), "licences": {"a": "CC0"}}
    path = publish(trained, plan, train=clips(("a",), 4), development=held, folder=tmp_path, **given)
    card = VideoCard.model_validate_json(path.read_text(encoding="utf-8"))
    assert card.data == ({"source": "a", "licence": "CC0", "bona_fide": 2, "spoof": 2},)
    assert card.features_sha256 == picture_card("picture-lite").sha256
    import onnxruntime

    detector = VideoDetector("toy", session=onnxruntime.InferenceSession(tmp_path / card.file), card=card)
    face = held[1].faces[0]
    starts, logits = detector.windows(face.times_s, face.features)
    assert starts == windows_of(face.times_s)
    assert np.allclose(logits, window_logits(trained, face), atol=1e-3)
    assert card.decision.person_below_llr < card.decision.person.threshold(0.01)


def test_development_needs_both_keys(trained):
    one = [clip for clip in clips(("held",), 24) if clip.clip.key == "spoof"]
    with pytest.raises(TrainingError, match="one key at most"):
        decide_card(trained, one, seed=0)


def test_exports_take_any_number_of_frames(trained):
    import onnxruntime

    session = onnxruntime.InferenceSession(export(trained))
    assert session.run(["frame_logit"], {"features": np.zeros((1, 9, FEATURES), np.float32)})[0].shape == (1, 9)


@pytest.fixture
def face_picture(shared):
    from PIL import Image

    path = sorted((shared / "data" / "image" / "train" / "civil_us_house").glob("*.jpg"))[0]
    with Image.open(path) as image:
        image.thumbnail((400, 400))
        return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize("course", ["steady", "flickering", "slow"])
def test_changes_stay_within_the_face_and_follow_their_course(face_picture, course):
    from assay.image.faces import FaceFinder

    frames = [Frame(number, number / FPS, face_picture) for number in range(4)]
    made = [f.pixels for f in changed(frames, Change("blend", course, seed=3), FaceFinder(irises=False))]
    differs = [np.abs(pixels.astype(int) - face_picture).max(2) > 4 for pixels in made]
    assert differs[1].any()
    assert max(d.mean() for d in differs) < 0.6
    if course == "slow":
        assert not differs[0].any()
    else:
        assert np.array_equal(made[0], made[1]) == (course == "steady")


def test_lips_come_from_a_moment_before(face_picture):
    from assay.image.faces import FaceFinder

    later = np.roll(face_picture, 3, axis=1)
    frames = [Frame(n, n / FPS, face_picture if n < 6 else later) for n in range(9)]
    made = [f.pixels for f in changed(frames, Change("lips", "steady", seed=0), FaceFinder(irises=False))]
    assert all(np.array_equal(a.pixels, b) for a, b in zip(frames[:7], made[:7], strict=True))
    assert not np.array_equal(made[7], frames[7].pixels)


def test_what_was_watched_is_not_watched_again(tmp_path):
    import movies

    (tmp_path / "v.mp4").write_bytes(movies.video())
    from assay.image.detector import PictureDetector
    from assay.image.faces import FaceFinder

    clip, detector = Clip(tmp_path / "v.mp4", "bona_fide", "a"), PictureDetector("picture-lite")
    path = watch_clip(clip, FaceFinder(irises=False), detector, tmp_path)
    stored = path.stat().st_mtime_ns
    assert watch_clip(clip, FaceFinder(irises=False), detector, tmp_path).stat().st_mtime_ns == stored
    assert read_clip(clip, 0, path).faces == ()


def test_recipes_and_protocols_of_videos(tmp_path):
    (tmp_path / "r.toml").write_text(RECIPE + "most = 2\n", encoding="utf-8")
    plan = load_video_recipe(tmp_path / "r.toml")
    assert plan.plan() == TemporalPlan(steps=60, couples=8, seed=1)
    lines = ["path,key,partition,generator,source,licence"]
    for source in ("held", "a"):
        for number in range(8):
            key = ("bona_fide", "spoof")[number % 2]
            (tmp_path / f"{source}{number}.mp4").write_bytes(b"x")
            lines.append(f"{source}{number}.mp4,{key},train,{'G' if key == 'spoof' else ''},{source},CC0")
    (tmp_path / "p.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    train, development, licences = run.read_clips([tmp_path / "p.csv"], plan)
    assert len(train) == len(development) == 4
    assert {clip.source for clip in development} == {"held"}
    assert licences == {"held": "CC0", "a": "CC0"}
    with pytest.raises(TrainingError, match="development part needs videos of both keys"):
        run.read_clips([tmp_path / "p.csv"], plan.model_copy(update={"development_sources": ("nobody",)}))
    made = run.made_clips([replace(clip, file=Path("none.mp4")) for clip in train], plan)
    assert [clip.key for clip in made] == ["spoof"] * 2
    assert all(clip.change.way != "swap" for clip in made)  # nobody's face could be found
