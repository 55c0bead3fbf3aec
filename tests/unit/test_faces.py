"""Faces: the drawn one is found where it was drawn, whatever happens to the picture around it."""

import json
import math
import shutil
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from assay.errors import InvalidArray, ModelNotFound, SelfTestFailed
from assay.image.faces import KEY_POINTS, FaceDetector, FaceFinder, FaceMesh, IrisFinder
from assay.image.faces.blazeface import FULL, SHORT, BlazeFace, anchors
from assay.image.faces.detector import MAX_TILES, OVERLAP, SMALLEST_PX, promising, tiles
from assay.image.faces.irises import CONTOURS, CORNERS
from assay.image.faces.suppression import Detections
from assay.models.registry import face_card, weights_folder
from assay.selftest import check_known_answer

# Where scripts/convert_face_models.py draws them, in fractions of the drawing's side.
EYES, NOSE, MOUTH = np.array([[0.395, 0.47], [0.605, 0.47]]), np.array([0.5, 0.6]), np.array([0.5, 0.712])
# Landmarks of the mesh: tip of the nose, middle of the lips, chin.
NOSE_TIP, LIPS, CHIN = 4, 13, 152
EYE_RADIUS = 0.021


@pytest.fixture(scope="module")
def drawn():
    with Image.open(weights_folder() / "drawn-face.png") as image:
        picture = np.array(image.convert("RGB"))
    picture.flags.writeable = False
    return picture


@pytest.fixture(scope="module")
def detector():
    return FaceDetector()


@pytest.fixture(scope="module")
def finder():
    return FaceFinder()


def scene(drawn, places, shape=(480, 640)):
    """The drawing at (left, top, side) each, over grey."""
    picture = np.full((*shape, 3), 140, np.uint8)
    for left, top, side in places:
        small = Image.fromarray(drawn).resize((side, side), Image.Resampling.BOX)
        picture[top : top + side, left : left + side] = np.asarray(small)
    return picture


def off(point, expected, side):
    """Distance in fractions of the drawing's side."""
    return np.hypot(*(np.asarray(point)[:2] - expected)) / side


# What is found


def test_key_points_lie_where_they_were_drawn(detector, drawn):
    (face,) = detector.detect(scene(drawn, [(200, 100, 240)]))
    for name, expected in (("right eye", EYES[0]), ("left eye", EYES[1]), ("nose tip", NOSE), ("mouth", MOUTH)):
        assert off(face.key_points[KEY_POINTS.index(name)], expected * 240 + (200, 100), 240) < 0.04
    left, top, right, bottom = face.box
    assert left < 200 + EYES[0, 0] * 240 < right
    assert top < 100 + EYES[0, 1] * 240 < 100 + MOUTH[1] * 240 < bottom
    assert 0.5 < face.score <= 1
    assert abs(face.roll) < math.radians(5)


def test_landmarks_and_irises_lie_where_they_were_drawn(finder, drawn):
    (face,) = finder.find(scene(drawn, [(200, 100, 240)]))
    assert face.landmarks.shape == (468, 3)
    assert face.irises.shape == (2, 5, 3)
    assert face.eye_contours.shape == (2, 71, 3)
    assert face.presence > 0.9
    assert off(face.landmarks[NOSE_TIP], NOSE * 240 + (200, 100), 240) < 0.04
    assert off(face.landmarks[LIPS], MOUTH * 240 + (200, 100), 240) < 0.03
    for iris, eye in zip(face.irises, EYES, strict=True):
        centre, *around = iris[:, :2]
        assert off(centre, eye * 240 + (200, 100), 240) < 0.015
        radii = np.hypot(*(np.array(around) - centre).T) / 240
        assert radii == pytest.approx(EYE_RADIUS, rel=0.5)
    for eye in (0, 1):
        assert face.landmarks[CONTOURS[eye], :2] == pytest.approx(face.eye_contours[eye, :, :2])
        assert set(CORNERS[eye]) <= set(CONTOURS[eye])


def test_every_face_of_a_group_is_found_once(finder, drawn):
    places = [(20 + 150 * column, 20 + 150 * row, 120) for row in range(3) for column in range(4)]
    faces = finder.find(scene(drawn, places))
    centres = {
        tuple(round(float(low + high - 160) / 300) for low, high in zip(f.box[:2], f.box[2:], strict=True))
        for f in faces
    }
    assert len(faces) == len(centres) == 12
    assert [f.score for f in faces] == sorted((f.score for f in faces), reverse=True)


def test_tiles_find_small_faces_that_the_whole_picture_hides(drawn):
    picture = scene(drawn, [(700, 500, 64)], (1200, 1600))
    assert FaceDetector(scales=0, turned=False).detect(picture) == ()
    (face,) = FaceDetector().detect(picture)
    assert off(face.key_points[0], EYES[0] * 64 + (700, 500), 64) < 0.06


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_turned_picture_gives_the_turned_face(finder, drawn, turns):
    picture = scene(drawn, [(200, 100, 240)])
    (upright,) = finder.find(picture)
    (face,) = finder.find(np.rot90(picture, turns))
    points = np.concatenate([face.key_points, face.landmarks[:, :2], face.irises[..., :2].reshape(-1, 2)])
    expected = np.concatenate([upright.key_points, upright.landmarks[:, :2], upright.irises[..., :2].reshape(-1, 2)])
    size = picture.shape[1], picture.shape[0]
    for _ in range(turns):  # counterclockwise: the right edge becomes the upper one
        expected = np.stack([expected[:, 1], size[0] - expected[:, 0]], axis=1)
        size = size[::-1]
    assert np.abs(points - expected).max() < 0.03 * 240
    assert math.cos(face.roll - upright.roll + turns * math.pi / 2) > 0.99


def test_a_lying_face_is_surer_in_the_turned_picture(drawn):
    picture = np.rot90(scene(drawn, [(200, 100, 240)]))
    turned, as_it_is = FaceDetector().detect(picture), FaceDetector(turned=False).detect(picture)
    assert turned[0].score > max((face.score for face in as_it_is), default=0) + 0.05


@pytest.mark.parametrize("degrees", [-25, 20])
def test_a_leaning_face_leans(finder, drawn, degrees):
    picture = np.asarray(Image.fromarray(scene(drawn, [(200, 100, 240)])).rotate(-degrees, fillcolor=(140, 140, 140)))
    (face,) = finder.find(picture)
    assert math.degrees(face.roll) == pytest.approx(degrees, abs=6)
    across = face.landmarks[CORNERS[1][1]] - face.landmarks[CORNERS[0][0]]
    assert math.degrees(math.atan2(across[1], across[0])) == pytest.approx(degrees, abs=6)


def test_the_mirror_image_changes_right_and_left(finder, drawn):
    picture = scene(drawn, [(200, 100, 240)])
    (face,), (mirrored,) = finder.find(picture), finder.find(np.ascontiguousarray(picture[:, ::-1]))
    assert 640 - mirrored.key_points[[1, 0, 2, 3, 5, 4], 0] == pytest.approx(face.key_points[:, 0], abs=0.03 * 240)
    assert 640 - mirrored.irises[::-1, 0, 0] == pytest.approx(face.irises[:, 0, 0], abs=0.02 * 240)


def test_a_grey_picture_shows_the_same_face(finder, drawn):
    picture = scene(drawn, [(200, 100, 240)])
    grey = np.stack([picture.mean(axis=2).round().astype(np.uint8)] * 3, axis=-1)
    (face,), (same,) = finder.find(picture), finder.find(grey)
    assert np.abs(face.landmarks[:, :2] - same.landmarks[:, :2]).max() < 0.05 * 240


def test_a_face_with_its_mouth_covered_is_found(detector, drawn):
    picture = scene(drawn, [(200, 100, 240)])
    picture[100 + 144 : 100 + 204, 250:390] = (120, 160, 190)
    (face,) = detector.detect(picture)
    assert off(face.key_points[0], EYES[0] * 240 + (200, 100), 240) < 0.06


def test_a_face_cut_by_the_edge_stays_where_it_is(detector, drawn):
    picture = scene(drawn, [(200, 100, 240)])[:, 290:]
    for face in detector.detect(picture):
        assert off(face.key_points[1], EYES[1] * 240 + (200 - 290, 100), 240) < 0.15


# Pictures without a face, and odd ones


@pytest.mark.parametrize(
    "shape", [(1, 1), (1, 5), (3, 2), (20, 30_000), (30_000, 20), (127, 129), (480, 640), (2_000, 3_000)]
)
@pytest.mark.parametrize("kind", ["black", "white", "noise", "ramp"])
def test_nothing_is_found_where_nothing_is(finder, shape, kind):
    picture = np.zeros((*shape, 3), np.uint8)
    if kind == "white":
        picture[:] = 255
    elif kind == "noise":
        picture = np.random.default_rng(0).integers(0, 256, picture.shape, dtype=np.uint8)
    elif kind == "ramp":
        picture[:] = np.linspace(0, 255, shape[1]).astype(np.uint8)[:, None]
    assert finder.find(picture) == ()


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((0, 4, 3), np.uint8),
        [[[0, 0, 0]]],
        None,
    ],
    ids=["grey", "with transparency", "float", "empty", "list", "none"],
)
def test_anything_else_is_refused(finder, picture):
    for look in (finder.find, lambda p: FaceMesh().locate(p, []), lambda p: IrisFinder().locate(p, [])):
        with pytest.raises(InvalidArray, match="uint8 array of shape"):
            look(picture)


def test_a_picture_may_be_a_view_that_nobody_may_change(finder, drawn):
    large = scene(drawn, [(200, 100, 240)])
    view = np.concatenate([large, large], axis=1)[:, :640]
    view.flags.writeable = False
    before = view.copy()
    (face,), (same,) = finder.find(large), finder.find(view)
    assert np.array_equal(face.landmarks, same.landmarks)
    assert np.array_equal(view, before)


# The same answer each time


def identical(a, b):
    arrays = ("key_points", "landmarks", "irises", "eye_contours")
    same = all(np.array_equal(getattr(a, name), getattr(b, name)) for name in arrays)
    return same and (a.box, a.score, a.presence) == (b.box, b.score, b.presence)


def test_the_same_picture_gives_the_same_faces(finder, drawn):
    picture = scene(drawn, [(20, 20, 120), (300, 100, 240)])
    assert all(map(identical, finder.find(picture), FaceFinder(threads=2).find(picture)))


def test_a_face_does_not_depend_on_the_others_nor_on_their_order(detector, drawn):
    picture = scene(drawn, [(10 + 100 * c, 10 + 110 * r, 90) for r in range(4) for c in range(6)])
    faces = detector.detect(picture)
    assert len(faces) > 16  # more than one call
    mesh, irises = FaceMesh(), IrisFinder()

    def located(some):
        return irises.locate(picture, mesh.locate(picture, some))

    together = located(faces)
    assert all(map(identical, together, located(faces[::-1])[::-1]))
    assert all(identical(face, located([alone])[0]) for face, alone in zip(together, faces, strict=True))


def test_faces_that_the_mesh_does_not_confirm_are_left_out_unless_asked_for(drawn):
    class Wrong:
        def detect(self, picture):
            (face,) = FaceDetector().detect(scene(drawn, [(200, 100, 240)]))
            return (face,)

    empty = np.full((480, 640, 3), 140, np.uint8)
    assert FaceFinder(Wrong()).find(empty) == ()
    (kept,) = FaceFinder(Wrong(), unconfirmed=True).find(empty)
    assert kept.presence < 0.5
    assert kept.landmarks is kept.irises is None


def test_irises_need_landmarks():
    with pytest.raises(ValueError, match="landmarks=True"):
        FaceFinder(landmarks=False)


def test_without_landmarks_there_are_none(drawn):
    (face,) = FaceFinder(landmarks=False, irises=False).find(scene(drawn, [(200, 100, 240)]))
    assert face.presence is face.landmarks is face.irises is None


# Anchors and tiles, by hand


def test_anchors_by_hand():
    short, full = anchors(face_card(SHORT)), anchors(face_card(FULL))
    assert short.shape == (16 * 16 * 2 + 8 * 8 * 6, 2)
    assert full.shape == (48 * 48, 2)
    assert short[:3].tolist() == [[4, 4], [4, 4], [12, 4]]  # two in each cell, from left to right
    assert short[512:519].tolist() == [[8, 8]] * 6 + [[24, 8]]
    assert full[[0, 1, 48]].tolist() == [[2, 2], [6, 2], [2, 6]]


def test_a_network_answers_for_each_anchor(drawn):
    for name in (SHORT, FULL):
        network = BlazeFace(name)
        assert len(network.look(np.zeros((network.size, network.size, 3), np.float32), min_score=0)) <= len(
            anchors(network.card)
        )
        assert len(network.look(np.zeros((network.size, network.size, 3), np.float32))) == 0


def test_tiles_by_hand():
    assert list(tiles((300, 400), 1, 96)) == [(0, 0, 200), (100, 0, 200), (200, 0, 200), (0, 100, 200), (100, 100, 200),
                                             (200, 100, 200)]  # fmt: skip
    assert list(tiles((300, 400), 2, 201)) == []
    assert list(tiles((20, 30_000), 0, 96)) == []


@pytest.mark.parametrize(("longer", "sides"), [(500, []), (1024, [512]), (2048, [1024, 512]), (4096, [2048, 1024])])
def test_tiles_stop_at_the_scale_that_shows_the_smallest_face_that_matters(longer, sides):
    found = list(dict.fromkeys(side for _, _, side in tiles((longer, longer), 2, 96, SMALLEST_PX)))
    assert found == sides


def test_the_fewest_tiles_that_hold_what_is_faint_are_chosen():
    every = list(tiles((1024, 1024), 1, 96))
    assert len(every) == 9

    def chosen(*boxes):
        found = np.array(boxes, float).reshape(-1, 4)
        return promising(every, Detections(found, np.ones(len(found)), np.zeros((len(found), 6, 2))), (1024, 1024))

    assert chosen() == []
    assert chosen((10, 10, 60, 60)) == [(0, 0, 512)]
    assert chosen((-10, 10, 60, 60), (300, 200, 360, 260)) == [(0, 0, 512)]
    assert chosen((10, 10, 60, 60), (960, 960, 1030, 1030)) == [(0, 0, 512), (512, 512, 512)]
    assert chosen((480, 480, 540, 540)) == [(256, 256, 512)]
    assert chosen((0, 0, 900, 900)) == []  # larger than a tile


def test_a_portrait_is_left_sooner_and_a_deep_look_sees_every_tile(drawn, monkeypatch):
    looks = []
    look = BlazeFace.look
    monkeypatch.setattr(BlazeFace, "look", lambda *given: looks.append(1) or look(*given))
    picture = scene(drawn, [(200, 200, 640)], (1024, 1024))
    picture[:200] = picture[:, :200] = picture[840:] = picture[:, 840:] = picture[200, 200]
    assert len(FaceDetector().detect(picture)) == 1
    assert len(looks) == 2
    looks.clear()
    assert len(FaceDetector(smallest_px=0).detect(picture)) == 1
    assert len(looks) > 9


def test_small_faces_around_a_large_one_bring_back_every_tile(drawn):
    places = [(40, 40, 560), (700, 80, 110), (850, 300, 110), (700, 800, 110), (120, 840, 110)]
    assert len(FaceDetector().detect(scene(drawn, places, (1024, 1024)))) == len(places)


@pytest.mark.parametrize("shape", [(480, 640), (1_000, 333), (97, 4_000), (3_000, 3_001)])
def test_tiles_cover_the_picture_and_overlap(shape):
    for side in {side for _, _, side in tiles(shape, 3, 96)}:
        covered = np.zeros(shape, int)
        placed = [(left, top) for left, top, s in tiles(shape, 3, 96) if s == side]
        assert len(placed) <= MAX_TILES
        for left, top in placed:
            covered[top : top + side, left : left + side] += 1
        assert covered.min() >= 1
        lefts = sorted({left for left, _ in placed})
        assert all(b - a <= side * (1 - OVERLAP) + 1 for a, b in pairwise(lefts))


# Cards and the self-test


def test_a_model_of_another_kind_does_not_look_at_faces():
    with pytest.raises(ModelNotFound, match="speech-activity model"):
        face_card("silero-vad")


@pytest.mark.parametrize("damage", ["missing", "broken"])
def test_a_damaged_sample_is_a_failure_that_names_it(tmp_path, monkeypatch, damage):
    copy = tmp_path / "weights"
    shutil.copytree(weights_folder(), copy)
    monkeypatch.setattr("assay.models.registry.weights_folder", lambda: copy)
    sample = copy / "drawn-face.png"
    sample.unlink() if damage == "missing" else sample.write_bytes(sample.read_bytes()[:200])
    with pytest.raises(SelfTestFailed, match=sample.name):
        check_known_answer(face_card(FULL))


def test_a_detector_that_finds_no_face_fails_the_self_test(tmp_path, monkeypatch):
    copy = tmp_path / "weights"
    shutil.copytree(weights_folder(), copy)
    monkeypatch.setattr("assay.models.registry.weights_folder", lambda: copy)
    Image.new("RGB", (192, 192)).save(copy / "drawn-face.png")
    with pytest.raises(SelfTestFailed, match="gave 0 values"):
        check_known_answer(face_card(SHORT))


def test_the_cards_name_their_source_and_how_near_they_are_to_it():
    for name in (SHORT, FULL, "face-mesh", "iris"):
        card = face_card(name)
        assert "MediaPipe" in card.origin
        assert len(card.source_sha256) == 64
        assert card.parity
        assert all(0 < value < 1e-3 for value in card.parity.values())
        licence = (weights_folder() / f"{name}.LICENSE").read_text(encoding="utf-8")
        assert "Apache License" in licence
        assert "MediaPipe" in licence
        assert (
            json.loads((weights_folder() / f"{name}.json").read_text(encoding="utf-8"))["licence_weights"]
            == "Apache-2.0"
        )
