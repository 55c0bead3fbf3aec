"""Real faces, where the shared folder or the mirrored repositories are: none of these pictures is in the repository."""

import io
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from assay.image.faces import FaceDetector, FaceFinder

MIRROR = Path(__file__).parents[3] / ".mirror"
GROUPS = "Linzaer+Ultra-Light-Fast-Generic-Face-Detector-1MB"
# Faces counted by looking; all of them show at least the eyes, and are at least 40 pixels wide.
COUNTED = {2: 4, 3: 5, 9: 8, 10: 19, 12: 5, 13: 2, 16: 9, 18: 6, 19: 5, 20: 10, 23: 3}


@pytest.fixture(scope="module")
def finder():
    return FaceFinder()


def git(repository, *arguments):
    """What git says about a bare mirror; skips where there is none."""
    folder = MIRROR / repository / "repo"
    if not folder.is_dir():
        pytest.skip(f"needs the mirrored repository {repository}")
    return subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, check=True).stdout


def mirrored(repository, path):
    return np.asarray(Image.open(io.BytesIO(git(repository, "show", f"HEAD:{path}"))).convert("RGB"))


def listed(repository, folder):
    names = git(repository, "ls-tree", "-r", "--name-only", "HEAD", folder).decode().splitlines()
    return [name for name in names if name.endswith((".jpg", ".jpeg", ".png"))]


def portraits(shared, folder, count):
    paths = sorted((shared / "data" / "image" / "train" / folder).glob("*.jpg"))[:count]
    if len(paths) < count:
        pytest.skip(f"needs {count} pictures in {folder}")
    for path in paths:
        with Image.open(path) as image:
            yield np.asarray(image.convert("RGB"))


@pytest.mark.parametrize(("number", "faces"), COUNTED.items())
def test_a_group_has_as_many_faces_as_we_counted(finder, number, faces):
    assert len(finder.find(mirrored(GROUPS, f"imgs/{number}.jpg"))) == faces


@pytest.mark.parametrize(("number", "faces"), COUNTED.items())
def test_a_deep_look_at_a_group_finds_the_same(number, faces):
    assert len(FaceFinder(deep=True).find(mirrored(GROUPS, f"imgs/{number}.jpg"))) == faces


def test_a_crowd_is_found_in_good_part_by_a_deep_look():
    assert len(FaceFinder(deep=True).find(mirrored(GROUPS, "imgs/8.jpg"))) > 50  # about 70 faces of 12 pixels


def test_a_second_face_beside_a_large_one_is_found(shared):
    first, *others = portraits(shared, "civil_us_house", 11)
    large = Image.fromarray(first).resize((1024, 1024))
    finder, found = FaceFinder(irises=False), 0
    for other in others:
        picture = np.asarray(large).copy()
        small = np.asarray(Image.fromarray(other).resize((168, 168), Image.Resampling.BOX))  # a face of about 80 pixels
        picture[20:188, 20:188] = small
        found += len(finder.find(picture)) == 2
    assert found >= 9


def test_profiles_are_detected():
    found = FaceDetector().detect(mirrored(GROUPS, "imgs/24.jpg"))
    assert sum(face.width > 60 for face in found) >= 4  # four large faces look to the left


def test_every_official_portrait_shows_one_large_face_with_level_eyes(finder, shared):
    for picture in portraits(shared, "civil_us_house", 20):
        face = max(finder.find(picture), key=lambda face: face.width)
        assert face.width > picture.shape[1] / 5
        assert abs(face.roll) < 0.35
        # The iris network and the mesh see the same eyes, which the detector saw, too.
        for iris, point in zip(face.irises[:, 0, :2], face.key_points[:2], strict=True):
            assert np.hypot(*(iris - point)) < 0.1 * face.width


def test_masked_faces_are_detected_and_mostly_confirmed(finder):
    names = listed("chandrikadeb7+Face-Mask-Detection", "dataset/with_mask/")[:400:20]
    pictures = [mirrored("chandrikadeb7+Face-Mask-Detection", name) for name in names]
    detector = FaceDetector()
    assert sum(bool(detector.detect(picture)) for picture in pictures) >= 19
    assert sum(bool(finder.find(picture)) for picture in pictures) >= 13
