"""Tracks: drawn persons whose places are known keep their numbers while they cross, leave, come back and are cut."""

import weakref
from dataclasses import dataclass
from itertools import permutations

import numpy as np
import pytest
from PIL import Image

from assay.image.faces import Face, FaceFinder
from assay.models.registry import weights_folder
from assay.video import Track, TrackBuilder
from assay.video.appearance import distance, look, may_be_same
from assay.video.assignment import assign
from assay.video.cuts import CutFinder

SHAPE = (240, 426, 3)
SIDE = 60  # of a drawn face


@dataclass(frozen=True)
class Drawn:
    index: int
    time_s: float
    pixels: np.ndarray


class Person:
    """A pattern for a face, coloured hair and clothes, and 468 points that fit no one else."""

    def __init__(self, seed):
        rng = np.random.default_rng(seed)
        tones = rng.uniform(60, 200, (4, 4))
        self.face = np.asarray(Image.fromarray(tones.astype(np.uint8)).resize((SIDE, SIDE), Image.Resampling.BICUBIC))
        self.hair, self.clothes = rng.integers(0, 256, (2, 3))
        self.points = np.concatenate([rng.uniform(0.05, 0.95, (468, 2)), rng.uniform(-0.2, 0.2, (468, 1))], axis=1)
        self.points[[33, 263]] = [[0.2, 0.35, 0], [0.8, 0.35, 0]]

    def at(self, left, top):
        points = self.points * SIDE + [left, top, 0]
        box = (float(left), float(top), float(left + SIDE), float(top + SIDE))
        return Face(box, 0.9, np.zeros((6, 2)), presence=1.0, landmarks=points)

    def draw(self, picture, left, top):
        left, top = round(left), round(top)
        picture[max(top - 30, 0) : top, left : left + SIDE] = self.hair
        picture[top + SIDE : top + SIDE + 60, max(left - 20, 0) : left + SIDE + 20] = self.clothes
        picture[top : top + SIDE, left : left + SIDE] = self.face[..., None]


ANN, BEN, CLEO = Person(1), Person(2), Person(3)


def room(seed=0):
    tones = np.random.default_rng(seed).uniform(0, 255, (6, 10, 3)).astype(np.uint8)
    return np.asarray(Image.fromarray(tones).resize(SHAPE[1::-1], Image.Resampling.BICUBIC))


def film(shots, fps=25.0):
    """Frames and faces; a shot is a background, a number of frames, and what says who is where in frame k."""
    index = 0
    for background, count, places in shots:
        for k in range(count):
            picture = background.copy()
            there = [(person, *place) for person, place in places(k).items()]
            for person, left, top in there:
                person.draw(picture, left, top)
            yield Drawn(index, index / fps, picture), [person.at(left, top) for person, left, top in there]
            index += 1


def tracks_of(shots, fps=25.0):
    builder = TrackBuilder()
    for frame, faces in film(shots, fps):
        builder.add(frame, faces)
    return builder.finish()


def who(track):
    """The persons whose points a track holds, without repeats, in order."""
    names = []
    for points, box in zip(track.landmarks, track.boxes, strict=True):
        shape = (points[:, :2] - box[:2]) / SIDE
        nearest = min((ANN, BEN, CLEO), key=lambda person: np.abs(shape - person.points[:, :2]).mean())
        if not names or names[-1] is not nearest:
            names.append(nearest)
    return names


# Pairing


@pytest.mark.parametrize("seed", range(20))
def test_pairing_is_the_cheapest_of_all(seed):
    rng = np.random.default_rng(seed)
    rows, columns = rng.integers(1, 5, 2)
    costs, limit = rng.random((rows, columns)), float(rng.uniform(0.2, 1.2))
    spared = np.concatenate([costs, np.full((rows, rows), limit)], axis=1)
    cheapest = min(
        sum(spared[row, column] for row, column in enumerate(p)) for p in permutations(range(columns + rows), int(rows))
    )
    pairs = assign(costs, limit)
    assert sum(costs[pair] for pair in pairs) + limit * (rows - len(pairs)) == pytest.approx(cheapest)
    assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == len(pairs)


def test_nothing_is_paired_with_nothing_or_beyond_the_limit():
    assert assign(np.empty((0, 3)), 1.0) == assign(np.empty((3, 0)), 1.0) == []
    assert assign(np.array([[0.9, np.inf]]), 0.5) == []


# Within a shot


def test_a_moving_face_is_one_track_with_its_times():
    (track,) = tracks_of([(room(), 50, lambda k: {ANN: (20 + 6 * k, 80)})])
    assert (track.id, len(track)) == (0, 50)
    assert (track.start_s, track.end_s) == (0.0, pytest.approx(49 / 25))
    assert track.seen_s == pytest.approx(2.0)
    np.testing.assert_allclose(track.boxes[:, 0], 20 + 6 * np.arange(50))
    assert track.landmarks.dtype == np.float32
    assert np.isnan(track.irises).all()
    assert list(track.runs()) == [slice(0, 50)]


def test_faces_that_cross_keep_their_numbers():
    def places(k):
        there = {ANN: (20 + 6 * k, 80), BEN: (320 - 6 * k, 84)}
        # As with the detector, of two faces that cover each other one is seen.
        return there if abs(there[ANN][0] - there[BEN][0]) > SIDE / 2 else {ANN: there[ANN]}

    first, second = tracks_of([(room(), 50, places)])
    assert (len(first), who(first)) == (50, [ANN])
    assert (len(second), who(second)) == (45, [BEN])
    assert len(list(second.runs())) == 2
    assert set(second.pieces) == {0}


@pytest.mark.parametrize("fps", [2.0, 5.0, 30.0])
def test_a_person_who_moves_slowly_is_followed_at_any_rate(fps):
    (track,) = tracks_of([(room(), 20, lambda k: {ANN: (100 + 20 * np.sin(2 * np.pi * 0.2 * k / fps), 80)})], fps)
    assert len(track) == 20
    assert set(track.pieces) == {0}


def test_a_second_without_the_face_is_bridged_and_more_is_not():
    def hidden(frames):
        return [(room(), 60, lambda k: {} if 20 <= k < 20 + frames else {ANN: (20 + 2 * k, 80)})]

    (short,), (long,) = tracks_of(hidden(23)), tracks_of(hidden(30))
    assert (len(short), set(short.pieces)) == (37, {0})
    assert (len(long), set(long.pieces)) == (30, {0, 1})  # found again by its looks
    assert len(list(short.runs())) == len(list(long.runs())) == 2


def test_somebody_else_in_the_same_place_is_somebody_else():
    def places(k):
        return {ANN: (100, 80)} if k < 20 else {} if k < 30 else {BEN: (100, 80)}

    first, second = tracks_of([(room(), 50, places)])
    assert (who(first), who(second)) == ([ANN], [BEN])


def test_a_face_that_comes_and_goes_is_the_same_wherever_it_comes_back():
    def places(k):
        there = {BEN: (300, 90)}
        return there | ({ANN: (30, 80)} if k < 20 else {ANN: (150, 40)} if k >= 70 else {})

    first, second = tracks_of([(room(), 100, places)])
    assert (who(first), len(first), set(first.pieces)) == ([ANN], 50, {0, 1})
    assert (who(second), len(second)) == ([BEN], 100)


# Behind a cut


def test_persons_who_change_sides_at_a_cut_keep_their_numbers():
    first, second = tracks_of(
        [
            (room(0), 25, lambda k: {ANN: (50, 80), BEN: (300, 80)}),
            (room(1), 25, lambda k: {BEN: (50, 80), ANN: (300, 80)}),
        ]
    )
    assert (who(first), who(second)) == ([ANN], [BEN])
    assert len(first) == len(second) == 50
    np.testing.assert_array_equal(first.pieces, np.repeat([0, 1], 25))


def test_a_stranger_behind_a_cut_is_new_and_the_first_is_found_again():
    first, second = tracks_of(
        [
            (room(0), 25, lambda k: {ANN: (180, 80)}),
            (room(1), 25, lambda k: {BEN: (180, 80)}),
            (room(0), 25, lambda k: {ANN: (180, 80)}),
        ]
    )
    assert (who(first), len(first)) == ([ANN], 50)
    assert (who(second), len(second)) == ([BEN], 25)


def test_who_looks_like_two_known_persons_gets_a_new_number():
    twin = Person(1)
    tracks = tracks_of(
        [(room(0), 25, lambda k: {ANN: (50, 80), twin: (300, 80)}), (room(1), 25, lambda k: {ANN: (180, 80)})]
    )
    assert [len(track) for track in tracks] == [25, 25, 25]


def test_one_who_was_not_found_again_once_does_not_get_a_third_number():
    changed, between = Person(1), Person(1)
    rng = np.random.default_rng(0)
    own = (ANN.face - ANN.face.mean()) / np.linalg.norm(ANN.face - ANN.face.mean())
    other = np.asarray(Image.fromarray(rng.standard_normal((4, 4)).astype(np.float32)).resize((SIDE, SIDE)))
    other = other - other.mean()
    other = other - (other * own).sum() * own
    other /= np.linalg.norm(other)
    for person, share in ((changed, 0.8), (between, 0.4)):  # of what is not Ann
        person.face = np.clip(130 + 2400 * (own + share * other), 0, 255).astype(np.uint8)
    looks = []
    for person in (ANN, changed, between):
        picture = room().copy()
        person.draw(picture, 180, 80)
        looks.append(look(picture, person.at(180, 80).landmarks))
    assert not may_be_same(looks[0], looks[1])
    assert may_be_same(looks[0], looks[2])
    assert may_be_same(looks[1], looks[2])
    shots = [(room(), 25, lambda k, one=one: {one: (180, 80)}) for one in (ANN, changed, between)]
    empty = (room(), 30, lambda k: {})
    tracks = tracks_of([shots[0], empty, shots[1], empty, shots[2]])
    assert sorted(len(track) for track in tracks) == [25, 50]


def test_motion_is_no_cut_and_a_cut_is_one_frame():
    cuts = CutFinder()
    frames = [
        frame.pixels
        for frame, _ in film([(room(0), 20, lambda k: {ANN: (20 + 8 * k, 80)}), (room(1), 20, lambda k: {})])
    ]
    assert [cuts.is_cut(pixels) for pixels in frames] == [k == 20 for k in range(40)]


# The door


def test_frames_come_in_order():
    builder = TrackBuilder()
    builder.add(Drawn(0, 1.0, room()), [])
    with pytest.raises(ValueError, match="not after 1 s"):
        builder.add(Drawn(1, 1.0, room()), [])


def test_faces_without_landmarks_are_left_out_and_no_face_is_no_track():
    builder = TrackBuilder()
    builder.add(Drawn(0, 0.0, room()), [Face((0, 0, 10, 10), 0.9, np.zeros((6, 2)))])
    assert builder.finish() == ()


def test_frames_are_not_kept():
    builder, kept = TrackBuilder(), []
    for frame, faces in film([(room(), 10, lambda k: {ANN: (20 + 6 * k, 80)})]):
        builder.add(frame, faces)
        kept.append(weakref.ref(frame.pixels))
    del frame
    assert [reference() for reference in kept] == [None] * 10


def test_same_film_same_tracks():
    film_of_two = [(room(), 30, lambda k: {ANN: (20 + 6 * k, 80), BEN: (300, 80)})]
    for one, other in zip(tracks_of(film_of_two), tracks_of(film_of_two), strict=True):
        np.testing.assert_array_equal(one.landmarks, other.landmarks)
        np.testing.assert_array_equal(one.times_s, other.times_s)


# Looks


def test_a_look_survives_light_and_size_but_not_another_face():
    def seen(person, side, gain):
        picture = np.full(SHAPE, 128, np.uint8)
        person.draw(picture, 150, 80)
        bright = Image.fromarray(np.clip(picture * gain, 0, 255).astype(np.uint8))
        size = round(SHAPE[1] * side / SIDE), round(SHAPE[0] * side / SIDE)
        return look(np.asarray(bright.resize(size)), person.at(150, 80).landmarks * side / SIDE)

    same = distance(seen(ANN, 60, 1.0), seen(ANN, 90, 0.97))
    assert same < 0.2 < 0.8 < distance(seen(ANN, 60, 1.0), seen(BEN, 60, 1.0))


def test_the_drawn_face_is_followed_with_its_irises():
    with Image.open(weights_folder() / "drawn-face.png") as image:
        face = np.asarray(image.convert("RGB").resize((160, 160)))
    finder, builder = FaceFinder(), TrackBuilder()
    for k in range(6):
        picture = np.full((240, 320, 3), 140, np.uint8)
        picture[40:200, 20 + 16 * k : 180 + 16 * k] = face
        builder.add(Drawn(k, k / 12.5, picture), finder.find(picture))
    (track,) = builder.finish()
    assert isinstance(track, Track)
    assert len(track) == 6
    assert np.isfinite(track.irises).all()
    np.testing.assert_allclose(np.diff(track.irises[:, :, 0, 0], axis=0), 16, atol=1.5)
