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
from assay.training.video import crossfit, run
from assay.training.video.changes import Change, changed
from assay.training.video.crossfit import cross_fit, deal
from assay.training.video.fit import FRAMES, Drawer, TemporalPlan, fit_temporal, window_logits, windows_of
from assay.training.video.network import KINDS, TemporalNet
from assay.training.video.publish import decide_card, export, persons_of, publish
from assay.training.video.recipe import load_video_recipe
from assay.training.video.sequences import FPS, Clip, FaceSequence, WatchedClip, read_clip, watch_clip
from assay.video.detector import VideoDetector

FEATURES = 8
RECIPE = """
name = "toy"
version = "0"
seed = 1
folds = 2
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
    given |= {"strangers": held, "persons": persons_of(trained, held)}
    path = publish(trained, plan, train=clips(("a",), 4), folder=tmp_path, **given)
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
    parts = {row.part: row for row in card.left_out}
    assert parts["faces over time"].auc > 0.8 > parts["frames of faces"].auc
    assert (parts["persons"].bona_fide, parts["persons"].spoof, parts["persons"].sources) == (80, 80, 2)
    assert parts["whole frames and persons"].false_alarm <= 0.05


def test_cards_need_both_keys(trained):
    one = [clip for clip in clips(("held",), 24) if clip.clip.key == "spoof"]
    with pytest.raises(TrainingError, match="one key at most"):
        decide_card(persons_of(trained, one), one, seed=0)


def toy_plan(tmp_path, more=""):
    (tmp_path / "r.toml").write_text(RECIPE + more, encoding="utf-8")
    return load_video_recipe(tmp_path / "r.toml")


def test_kin_share_a_fold_and_what_the_pictures_knew_is_in_none(tmp_path):
    plan = toy_plan(tmp_path, 'kin = [["a", "b"], ["c", "known"]]\n')
    found = clips(("a", "b", "c", "d", "e", "f"), 4)
    dealt = deal(found, plan, known={"known"})
    assert dealt["a"] == dealt["b"]
    assert set(dealt) == {"a", "b", "d", "e", "f"}  # kin of what was known is known
    assert sorted(dealt.values()) == [0, 0, 0, 1, 1]  # two of one kin weigh as much as two others


def test_a_key_that_only_one_fold_holds_cannot_be_left_out(tmp_path):
    found = [c for c in clips(("a", "b"), 4) if c.clip.key == "bona_fide" or c.clip.source == "a"]
    with pytest.raises(TrainingError, match="not faces of both keys left"):
        deal(found, toy_plan(tmp_path))


def test_everybody_is_judged_by_a_network_that_saw_nothing_of_the_source(tmp_path, monkeypatch):
    plan, found = toy_plan(tmp_path), clips(("a", "b", "c", "known"), 4)
    made = [replace(clip, clip=replace(clip.clip, key="spoof")) for clip in found[:2]]
    seen = []

    def fit(faces, plan):
        seen.append({face.source for face in faces})
        return TemporalNet(FEATURES).eval()

    monkeypatch.setattr(crossfit, "fit_temporal", fit)
    strangers, persons = cross_fit(found, made, plan, known={"known"})
    assert {clip.clip.source for clip in strangers} == {"a", "b", "c"}
    assert sorted(person.clip for person in persons) == list(range(12))
    assert len(seen) == 2
    assert all("known" in sources for sources in seen)
    assert seen[0] | seen[1] == {"a", "b", "c", "known"}
    assert (seen[0] & seen[1]) == {"known"}


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
    found, licences = run.read_clips([tmp_path / "p.csv"], plan)
    assert len(found) == 8
    assert licences == {"held": "CC0", "a": "CC0"}
    (tmp_path / "one.csv").write_text("\n".join(line for line in lines if "spoof" not in line), encoding="utf-8")
    with pytest.raises(TrainingError, match="needs videos of both keys"):
        run.read_clips([tmp_path / "one.csv"], plan)
    made = run.made_clips([replace(clip, file=Path("none.mp4")) for clip in found if clip.source == "a"], plan)
    assert [clip.key for clip in made] == ["spoof"] * 2
    assert all(clip.change.way != "swap" for clip in made)  # nobody's face could be found
