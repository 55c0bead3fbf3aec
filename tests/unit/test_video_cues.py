"""Cues: a head of 468 known points blinks, looks, turns and shakes by known amounts, and the cues say by how much."""

import numpy as np
import pytest
from pydantic import ValidationError

from assay.video import Track
from assay.video.cues import (
    Cue,
    all_cues,
    blinks,
    eye_opening,
    eyes,
    find_blinks,
    gaze,
    head_pose,
    jitter,
    lip_opening,
    pose,
)
from assay.video.cues.blinks import CORNERS, LOWER, UPPER
from assay.video.cues.cue import measured_ranges
from assay.video.cues.jitter import CONTOUR, INNER
from assay.video.geometry import RIGID, align, angles, mean_face

EYE = 0.3  # width of an eye; the outer corners are 1 apart
OPEN = 0.3
ALONG = np.array([0.25, 0.5, 0.75])


def skull():
    """Points of a face that looks straight ahead: half an ellipsoid, with what the cues measure where it belongs."""
    rng = np.random.default_rng(7)
    x, y = rng.uniform(-0.8, 0.8, 468), rng.uniform(-0.7, 1.0, 468)
    points = np.stack([x, y, 0.8 * (x**2 + y**2) - 0.5], axis=1)
    points[CORNERS] = [[[-0.5, 0, 0], [-0.2, 0, 0]], [[0.2, 0, 0], [0.5, 0, 0]]]
    points[[10, 152]] = [[0, -0.7, 0], [0, 1.1, 0]]
    return points


def head(n, *, opening=OPEN, look=(0.0, 0.0), lips=0.0):
    """Landmarks (n, 468, 3) and irises (n, 2, 5, 3) in head units; each argument a number or a series."""
    landmarks, irises = np.repeat(skull()[None], n, axis=0), np.zeros((n, 2, 5, 3))
    opening, lips = (np.broadcast_to(series, n) for series in (opening, lips))
    look = np.broadcast_to(look, (n, 2))
    for eye, left in enumerate((-0.5, 0.2)):
        for lid, sign in ((UPPER[eye], -1), (LOWER[eye], 1)):
            landmarks[:, lid, 0], landmarks[:, lid, 2] = left + EYE * ALONG, 0
            landmarks[:, lid, 1] = sign * opening[:, None] * EYE / 2
        irises[:, eye, :, :2] = (np.array([left + EYE / 2, 0]) + EYE * look)[:, None]
    landmarks[:, [82, 13, 312, 87, 14, 317], 2] = 0
    for lip, sign in (([82, 13, 312], -1), ([87, 14, 317], 1)):
        landmarks[:, lip, :2] = np.stack(np.broadcast_arrays([-0.1, 0, 0.1], 0.6 + sign * lips[:, None] / 2), axis=-1)
    return landmarks, irises


def rotation(yaw, pitch, roll):
    """Rotations (n, 3, 3) of angles in degrees: pitch first, then yaw, then roll, signs as documented."""
    yaw, pitch, roll = (np.radians(np.atleast_1d(angle).astype(float)) for angle in (-np.asarray(yaw), pitch, roll))
    yaw, pitch, roll = np.broadcast_arrays(yaw, pitch, roll)
    one, zero = np.ones_like(yaw), np.zeros_like(yaw)

    def matrix(*rows):
        return np.moveaxis(np.array(rows), -1, 0)

    x = matrix([one, zero, zero], [zero, np.cos(pitch), -np.sin(pitch)], [zero, np.sin(pitch), np.cos(pitch)])
    y = matrix([np.cos(yaw), zero, np.sin(yaw)], [zero, one, zero], [-np.sin(yaw), zero, np.cos(yaw)])
    z = matrix([np.cos(roll), -np.sin(roll), zero], [np.sin(roll), np.cos(roll), zero], [zero, zero, one])
    return z @ y @ x


def track(landmarks, irises=None, *, fps=25.0, size=120.0, turned=None, moved=(320.0, 200.0), keep=None):
    """A track of a head, outer corners `size` pixels apart, turned by rotations (n, 3, 3) and moved."""
    n = len(landmarks)
    irises = np.full((n, 2, 5, 3), np.nan) if irises is None else irises
    turned = np.repeat(np.eye(3)[None], n, axis=0) if turned is None else turned
    place = np.concatenate([np.broadcast_to(moved, (n, 2)), np.zeros((n, 1))], axis=1)
    size = np.broadcast_to(size, n)[:, None, None]
    landmarks = size * (landmarks @ np.swapaxes(turned, 1, 2)) + place[:, None]
    irises = (size * (irises.reshape(n, -1, 3) @ np.swapaxes(turned, 1, 2)) + place[:, None]).reshape(n, 2, 5, 3)
    low, high = landmarks[..., :2].min(axis=1), landmarks[..., :2].max(axis=1)
    keep = np.ones(n, bool) if keep is None else keep
    return Track(
        id=0,
        frames=np.arange(n)[keep],
        times_s=(np.arange(n) / fps)[keep],
        boxes=np.concatenate([low, high], axis=1).astype(np.float32)[keep],
        confidences=np.ones(n, np.float32)[keep],
        landmarks=landmarks.astype(np.float32)[keep],
        irises=irises.astype(np.float32)[keep],
        pieces=np.zeros(n, np.int64)[keep],
    )


def blinking(times, starts, closing, opening, *, level=OPEN, bottom=0.06):
    """Opening of eyes that close in so many seconds from each start on, and open again in so many."""
    series = np.broadcast_to(level, len(times)).astype(float)
    for start in starts:
        knots = [start, start + closing, start + closing + opening]
        series = series * np.interp(times, knots, [1, bottom / OPEN, 1])
    return series


def by_name(cues):
    return {cue.name: cue for cue in cues}


# Geometry


def test_a_known_motion_is_found_again():
    template = skull()
    turned, scales = rotation([10, -20], [5, 15], [30, -170]), np.array([2.0, 0.5])
    points = scales[:, None, None] * (template @ np.swapaxes(turned, 1, 2)) + [[[3, 4, 5]], [[-1, 0, 2]]]
    found = align(points, template)
    np.testing.assert_allclose(found.rotations, turned, atol=1e-9)
    np.testing.assert_allclose(found.scales, scales)
    np.testing.assert_allclose(found.undo(points), np.stack([template] * 2), atol=1e-9)


def test_a_mirror_image_is_not_taken_for_a_rotation():
    mirrored = skull()[None] * [-1, 1, 1]
    assert np.linalg.det(align(mirrored, skull()).rotations[0]) == pytest.approx(1)


def test_angles_have_the_documented_signs():
    straight = rotation(0, 0, 0)
    np.testing.assert_allclose(angles(straight), 0, atol=1e-12)
    nose = np.array([0, 0, -1.0])
    right, down, clockwise = rotation(20, 0, 0)[0], rotation(0, 20, 0)[0], rotation(0, 0, 20)[0]
    assert (right @ nose)[0] > 0.3
    assert (down @ nose)[1] > 0.3
    assert (clockwise @ [1, 0, 0])[1] > 0.3  # what was on the right of the picture sinks
    np.testing.assert_allclose(angles(np.stack([right, down, clockwise])), 20 * np.eye(3), atol=1e-9)


def test_the_mean_face_is_the_face_whatever_it_does():
    n = 40
    k = np.arange(n)
    turned = rotation(20 * np.sin(k / 5), 10 * np.cos(k / 7), 15 * np.sin(k / 9))
    seen = track(head(n)[0], turned=turned, size=80 + k, moved=np.stack([300 + 2 * k, 200 - k], axis=1))
    np.testing.assert_allclose(mean_face(seen.landmarks), head(1)[0][0], atol=1e-4)


# Blinks


@pytest.mark.parametrize("fps", [12.5, 25.0, 30.0, 60.0])
def test_blinks_are_counted_and_timed(fps):
    starts = np.array([1.0, 2.21, 4.43, 4.97, 8.05])
    times = np.arange(round(10 * fps)) / fps
    found = find_blinks(track(head(len(times), opening=blinking(times, starts, 0.1, 0.2))[0], fps=fps))
    assert len(found) == len(starts)
    np.testing.assert_allclose([blink.lowest_s for blink in found], starts + 0.1, atol=0.7 / fps)
    np.testing.assert_allclose([blink.start_s for blink in found], starts + 0.02, atol=1 / fps)
    np.testing.assert_allclose([blink.end_s for blink in found], starts + 0.26, atol=1 / fps)


def test_rate_width_and_shape_of_blinks_are_those_that_were_made():
    times = np.arange(1200) / 60
    opening = blinking(times, 0.5 + 2.5 * np.arange(8), 0.1, 0.2)
    cues = by_name(blinks(track(head(1200, opening=opening)[0], fps=60)))
    assert cues["blink_rate"].value == pytest.approx(24)  # 8 in 20 s
    assert cues["blink_width"].value == pytest.approx(150, rel=0.05)  # half of 100 and half of 200 ms
    assert cues["blink_opening_to_closing"].value == pytest.approx(2, rel=0.05)
    assert {cue.sample for cue in cues.values()} == {8}


def test_what_is_no_blink_is_not_counted():
    times = np.arange(500) / 25
    rng = np.random.default_rng(3)
    sinking = np.interp(times, [0, 5, 9, 20], [0.36, 0.2, 0.2, 0.36])  # the gaze goes down and up
    shut = blinking(times, [6.0], 0.1, 0.2) * np.where(
        (times > 10) & (times < 13), 0.2, 1
    )  # one blink, three seconds shut
    shallow = blinking(times, [6.0], 0.1, 0.2, bottom=0.22)
    noisy = OPEN + 0.015 * rng.standard_normal(500)
    counts = [len(find_blinks(track(head(500, opening=series)[0]))) for series in (sinking, shut, shallow, noisy)]
    assert counts == [0, 1, 0, 0]


def test_blinks_are_seen_while_the_gaze_is_low_and_the_head_turns():
    times = np.arange(500) / 25
    level = np.where(times < 10, 0.34, 0.2)
    opening = blinking(times, [2.0, 6.0, 12.0, 16.0], 0.12, 0.2, level=level)
    turned = rotation(25 * np.sin(times), 8 * np.cos(times), 10 * np.sin(times / 2))
    assert len(find_blinks(track(head(500, opening=opening)[0], turned=turned))) == 4


def test_a_blink_that_is_cut_by_a_hole_is_left_out():
    times = np.arange(500) / 25
    opening = blinking(times, [4.0, 12.0], 0.12, 0.2)
    seen = track(head(500, opening=opening)[0], keep=(times < 12.1) | (times > 12.6))
    assert [round(blink.lowest_s) for blink in find_blinks(seen)] == [4]


def test_short_slow_and_small_tracks_say_why_they_tell_no_rate():
    def rate(n, **how):
        return by_name(blinks(track(head(n)[0], **how)))["blink_rate"]

    assert rate(250).value == 0.0
    assert rate(190).value is None
    assert "seen for 7.6 s" in rate(190).note
    assert "5.0 times a second" in rate(100, fps=5).note
    assert "pixels wide" in rate(250, size=15).note
    unsure = rate(250, size=30)
    assert (unsure.value, unsure.reliable, unsure.outside) == (0.0, False, None)


def test_the_opening_of_the_eyes_is_height_over_width():
    np.testing.assert_allclose(eye_opening(track(head(3, opening=[0.1, 0.2, 0.3])[0])), [0.1, 0.2, 0.3], rtol=1e-5)


# Head


def test_the_pose_is_the_one_that_was_drawn():
    t = np.arange(100) / 25
    drawn = np.stack([20 * np.sin(t), 5 + 8 * np.cos(2 * t), 12 * np.sin(3 * t)], axis=1)
    seen = track(head(100)[0], turned=rotation(*drawn.T), size=100 + 20 * np.sin(t))
    np.testing.assert_allclose(head_pose(seen), drawn, atol=0.01)


@pytest.mark.parametrize("fps", [25.0, 30.0, 50.0])
def test_head_jitter_is_the_error_of_one_frame(fps):
    n = 3000
    rng = np.random.default_rng(5)
    shaken = pose(track(head(n)[0], fps=fps, turned=rotation(*(0.5 * rng.standard_normal((3, n))))))
    assert shaken.value == pytest.approx(0.5, rel=0.05)
    assert (shaken.unit, shaken.reliable) == ("degrees", True)


def test_smooth_motion_is_hardly_jitter():
    t = np.arange(250) / 25
    nodding = pose(track(head(250)[0], turned=rotation(15 * np.sin(np.pi * t), 0, 0)))  # twice in four seconds
    assert nodding.value < 0.1
    assert pose(track(head(250)[0])).value < 0.01


# Landmarks


@pytest.mark.parametrize("size", [80.0, 240.0])
def test_jitter_of_outline_and_inner_face_are_told_apart(size):
    n = 500
    rng = np.random.default_rng(1)
    landmarks, _ = head(n)
    landmarks[:, CONTOUR, :2] += 0.004 * rng.standard_normal((n, len(CONTOUR), 2))
    landmarks[:, INNER, :2] += 0.002 * rng.standard_normal((n, len(INNER), 2))
    cues = by_name(jitter(track(landmarks, size=size)))
    # The points that the head is aligned by share the errors of the inner face, so a little of it is aligned away.
    assert cues["inner_jitter"].value == pytest.approx(2, rel=0.1)
    assert cues["contour_jitter"].value == pytest.approx(4, rel=0.1)
    assert cues["contour_to_inner_jitter"].value == pytest.approx(2, rel=0.1)


def test_a_head_that_moves_as_a_whole_has_no_jitter():
    t = np.arange(100) / 25
    turned = rotation(15 * np.sin(t), 10 * np.cos(t), 5 * np.sin(2 * t))
    cues = by_name(jitter(track(head(100)[0], turned=turned, moved=np.stack([300 + 40 * t, 200 - 9 * t], axis=1))))
    assert cues["inner_jitter"].value < 0.05
    assert cues["contour_jitter"].value < 0.05


def test_the_outline_does_not_align_itself():
    assert not set(RIGID.tolist()) & set(CONTOUR.tolist())
    assert not set(INNER.tolist()) & set(CONTOUR.tolist())


# Eyes


def test_gaze_is_where_the_irises_were_drawn_whatever_the_head_does():
    t = np.arange(100) / 25
    look = np.stack([0.1 * np.sin(t), 0.05 * np.cos(t)], axis=1)
    landmarks, irises = head(100, look=look)
    seen = track(landmarks, irises, turned=rotation(0, 0, 20 * np.sin(t)), size=100 + 10 * t, moved=(100.0, 90.0))
    np.testing.assert_allclose(gaze(seen), look, atol=1e-4)


def test_gaze_jitter_is_the_error_of_one_frame_and_jumps_are_not_in_it():
    n = 1000
    rng = np.random.default_rng(2)
    jumps = 0.15 * ((np.arange(n) // 50) % 2)  # every two seconds
    look = np.stack([jumps, np.zeros(n)], axis=1) + 0.003 * rng.standard_normal((n, 2))
    cues = by_name(eyes(track(*head(n, look=look))))
    assert cues["gaze_jitter"].value == pytest.approx(3, rel=0.1)
    assert cues["fixation_share"].value == pytest.approx(1 - 2 * 19 / n, abs=0.005)


def test_eyes_that_hold_against_a_shaking_head_do_not_shake():
    n = 500
    rng = np.random.default_rng(4)
    yaw = 0.5 * rng.standard_normal(n)
    look = np.stack([-0.01 * yaw, np.zeros(n)], axis=1)
    cues = by_name(eyes(track(*head(n, look=look), turned=rotation(yaw, 0, 0))))
    assert cues["gaze_jitter"].value < 1
    assert 1000 * 0.01 * 0.5 > 4  # what it would be otherwise


def test_blinks_are_no_jumps_of_the_eyes():
    times = np.arange(500) / 25
    opening = blinking(times, [2.0, 6.0, 12.0], 0.12, 0.2)
    look = np.stack([np.zeros(500), 0.3 * (OPEN - opening)], axis=1)  # lids drag the iris down
    assert by_name(eyes(track(*head(500, opening=opening, look=look))))["fixation_share"].value == 1


def test_without_irises_there_is_no_gaze_and_a_note():
    for cue in eyes(track(head(100)[0])):
        assert (cue.value, cue.reliable, cue.outside) == (None, False, None)
        assert "seen in 0 frames" in cue.note


# Lips


def test_lips_open_as_drawn_whatever_the_head_does():
    lips = np.array([0.0, 0.1, 0.2, 0.36])
    seen = track(head(4, lips=lips)[0], size=np.array([80.0, 100, 120, 140]), turned=rotation(0, [0, 5, -5, 3], 10))
    np.testing.assert_allclose(lip_opening(seen), lips / 1.8, atol=1e-4)  # forehead to chin is 1.8


# All of them


def test_every_cue_is_there_in_one_order_even_of_a_single_frame():
    names = [cue.name for cue in all_cues(track(*head(250)))]
    assert [cue.name for cue in all_cues(track(*head(1)))] == names
    assert len(set(names)) == len(names) == 9
    assert all(cue.note and cue.value is None for cue in all_cues(track(*head(1))))


def test_every_cue_has_a_measured_range_and_limits():
    ranges = measured_ranges()
    for cue in all_cues(track(*head(250))):
        known = ranges[cue.name]
        assert known["low"] < known["high"]
        assert known["videos"] >= 20
        assert cue.limits.endswith(".")


def test_a_slow_video_tells_no_jitter():
    cues = by_name(all_cues(track(*head(100), fps=12.5)))
    assert "12.5 times a second; at least 18" in cues["head_jitter"].note
    assert cues["blink_rate"].value == 0.0


def test_outside_means_outside_the_range_of_reliable_values_only():
    inside = Cue(name="a", value=2, unit="1", low=1, high=3, videos=9, sample=9, reliable=True, limits="None.")
    assert inside.outside is False
    assert inside.model_copy(update={"value": 4.0}).outside is True
    assert inside.model_copy(update={"value": 4.0, "reliable": False}).outside is None
    assert inside.model_copy(update={"low": None}).outside is None
    with pytest.raises(ValidationError):
        inside.value = 3
