"""Every method for pictures changes what its mask says and nothing else, and repeats itself from its seed."""

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("scipy")

import torch
from PIL import Image
from safetensors.torch import save_file

from assay.errors import MissingExtra, TrainingError
from assay.models.weights import weights_folder
from assay.training.fakes.method import generator_of
from assay.training.fakes.pictures import inpaint, seamless, tiny, warp
from assay.training.fakes.pictures.autoencoder_recipe import load_autoencoder_recipe
from assay.training.fakes.pictures.autoencoder_room import train_autoencoder
from assay.training.fakes.pictures.autoencoders import NAMES, load_autoencoder
from assay.training.fakes.pictures.colour import recoloured, to_lab, to_rgb
from assay.training.fakes.pictures.faces import face_width, largest_face, outline, pose
from assay.training.fakes.pictures.masks import blot, box_of, feathered, filled
from assay.training.fakes.pictures.method import Helps, Other, Unfit
from assay.training.fakes.pictures.methods import METHODS

RECIPE = """
name = "autoencoder-{kind}"
version = "0.0.1"
enlarging = "{kind}"
halvings = 2
latent = 4
seed = 1
pictures = 3
held_out_pictures = 1
crop = 48
batch_size = 2
steps = 2
"""


def scene(seed, height=150, width=180):
    """Blobs and edges of many colours with a little noise: something to recognise everywhere."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (9, 11, 3), dtype=np.uint8))
    planes = np.asarray(small.resize((width, height), Image.Resampling.BICUBIC), np.float32)
    return np.clip(planes + rng.normal(0, 4, planes.shape), 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def portrait():
    with Image.open(weights_folder() / "drawn-face.png") as image:
        return np.asarray(image.convert("RGB"))


@pytest.fixture(scope="session")
def face(portrait):
    found = largest_face(portrait)
    assert found is not None
    return found


@pytest.fixture(scope="session")
def engines(tmp_path_factory):
    """A folder with autoencoders that learnt nothing, and a tiny one of one family with drawn weights."""
    folder = tmp_path_factory.mktemp("engines")
    rows = ["path,key,partition,source"]
    for number in range(3):
        Image.fromarray(scene(number)).save(folder / f"{number}.png")
        rows.append(f"{number}.png,bona_fide,train,here")
    (folder / "pictures.csv").write_text("\n".join(rows) + "\n")
    for name in NAMES:
        recipe = folder / f"{name}.toml"
        recipe.write_text(RECIPE.format(kind=name.removeprefix("autoencoder-")))
        train_autoencoder(recipe, [folder / "pictures.csv"], folder)
    torch.manual_seed(0)
    (folder / "taef2").mkdir()
    for part, make in (("encoder", tiny.make_encoder), ("decoder", tiny.make_decoder)):
        save_file(make(32, pooled=True).state_dict(), folder / "taef2" / f"taef2_{part}.safetensors")
    return folder


@pytest.fixture(params=sorted(METHODS))
def method(request, engines):
    found = METHODS[request.param]
    try:
        found.check((engines,))
    except MissingExtra:
        pytest.skip(f"no weights of {request.param} are made here")
    return found


@pytest.fixture
def made(method, portrait, face, engines):
    """What a method makes of the drawn face or a scene: ``(pixels, spoof, mask)``."""
    pixels = portrait if "face" in method.needs else scene(1)
    helps = Helps(face=face, other=Other(portrait[:, ::-1].copy(), largest_face(portrait[:, ::-1])), engines=(engines,))
    return pixels, *method.make(pixels, generator_of(1, method.name, "x"), helps)


def test_a_spoof_differs_where_its_mask_says(made):
    pixels, spoof, mask = made
    assert (spoof.shape, spoof.dtype) == (pixels.shape, np.uint8)
    assert not np.array_equal(spoof, pixels)
    if mask is not None:
        assert (mask.shape, mask.dtype) == (pixels.shape[:2], np.float32)
        assert 0 <= mask.min() < mask.max() <= 1
        assert np.array_equal(spoof[mask == 0], pixels[mask == 0])
        assert (spoof != pixels).any(axis=-1)[mask > 0.2].mean() > 0.5


def test_the_seed_decides(method, portrait, face, engines):
    pixels = portrait if "face" in method.needs else scene(2)
    mirrored = portrait[:, ::-1].copy()
    helps = Helps(face=face, other=Other(mirrored, largest_face(mirrored)), engines=(engines,))

    def make(seed):
        return method.make(pixels, generator_of(seed, method.name, "x"), helps)[0]

    one, again, other = make(4), make(4), make(6)
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("name", ["splice", "copy-move", "inpaint-patch", "inpaint-autoencoder"])
def test_a_small_picture_is_nothing_for_a_region(name, engines):
    helps = Helps(other=Other(scene(3)), engines=(engines,))
    with pytest.raises(Unfit):
        METHODS[name].make(scene(1)[:60, :60], np.random.default_rng(0), helps)


def test_weights_that_are_not_there_are_told(tmp_path):
    with pytest.raises(MissingExtra, match=r"taesd_encoder\.safetensors' or 'taesd_encoder\.pth.*none was given"):
        METHODS["taesd"].check(())
    with pytest.raises(MissingExtra, match="autoencoder-transposed"):
        METHODS["inpaint-autoencoder"].check((tmp_path,))


def test_weights_of_something_else_are_refused(tmp_path, engines):
    for part in ("encoder", "decoder"):
        save_file({"x": torch.zeros(1)}, tmp_path / f"taesd_{part}.safetensors")
    with pytest.raises(TrainingError, match="does not hold the weights of 'taesd'"):
        tiny.tiny_trip("taesd", (tmp_path,))
    (tmp_path / "taesd3_encoder.pth").write_bytes(b"no archive")
    (tmp_path / "taesd3_decoder.pth").write_bytes(b"no archive")
    with pytest.raises(TrainingError, match="does not hold the weights of 'taesd3'"):
        tiny.tiny_trip("taesd3", (tmp_path,))
    name = NAMES[0]
    (tmp_path / f"{name}.json").write_bytes((engines / f"{name}.json").read_bytes())
    (tmp_path / f"{name}.safetensors").write_bytes(b"other")
    with pytest.raises(TrainingError, match="do not belong together"):
        load_autoencoder(name, (tmp_path,))


def test_saved_state_of_torch_is_read_without_running_it(tmp_path):
    torch.manual_seed(0)
    for part, make in (("encoder", tiny.make_encoder), ("decoder", tiny.make_decoder)):
        torch.save(make(4, pooled=False).state_dict(), tmp_path / f"taesdxl_{part}.pth")
    trip = tiny.tiny_trip("taesdxl", (tmp_path,))
    assert trip(torch.zeros(1, 3, 16, 24)).shape == (1, 3, 16, 24)


def test_an_autoencoder_is_the_same_from_the_same_recipe(engines, tmp_path):
    name = NAMES[1]
    train_autoencoder(engines / f"{name}.toml", [engines / "pictures.csv"], tmp_path)
    assert (tmp_path / f"{name}.json").read_bytes() == (engines / f"{name}.json").read_bytes()


def test_a_recipe_that_asks_for_too_much_is_refused(engines, tmp_path):
    recipe = tmp_path / "r.toml"
    text = RECIPE.format(kind="nearest")
    recipe.write_text(text.replace("pictures = 3\n", "pictures = 9\n", 1))
    with pytest.raises(TrainingError, match="asks for 9 pictures, but 3"):
        train_autoencoder(recipe, [engines / "pictures.csv"], tmp_path)
    recipe.write_text(text.replace("held_out_pictures = 1", "held_out_pictures = 3"))
    with pytest.raises(TrainingError, match="must leave pictures"):
        load_autoencoder_recipe(recipe)


def test_the_face_looks_straight_and_its_outline_grows_with_the_forehead(face):
    assert np.abs(pose(face)).max() < 0.2
    low, high = outline(face, 0.0), outline(face, 1.0)
    assert high[:, 1].min() < low[:, 1].min() - 0.05 * face_width(face)
    assert high[:, 1].max() == low[:, 1].max()


def test_a_turned_and_scaled_set_of_points_is_brought_back():
    points = np.random.default_rng(0).normal(size=(7, 2))
    turn = 1.5 * np.array([[np.cos(0.4), -np.sin(0.4)], [np.sin(0.4), np.cos(0.4)]])
    matrix = warp.similarity(points, points @ turn.T + (3, -2))
    np.testing.assert_allclose(matrix, np.concatenate([turn, [[3], [-2]]], axis=1), atol=1e-9)
    back = warp.inverse(matrix)
    np.testing.assert_allclose((points @ turn.T + (3, -2)) @ back[:, :2].T + back[:, 2], points, atol=1e-9)


def test_moving_by_whole_pixels_and_piece_by_piece_agree():
    pixels = scene(4)
    shifted = warp.affine(pixels, np.array([[1.0, 0, 5], [0, 1, -3]]), (40, 40, 90, 80))
    np.testing.assert_allclose(shifted, pixels[43:83, 35:85], atol=0.01)
    points = np.random.default_rng(1).uniform((30, 30), (100, 90), (40, 2))
    points = np.concatenate([points, [[20, 20], [120, 20], [20, 110], [120, 110]]])
    moved, inside = warp.piecewise(pixels, points, points + np.array([5, -3]), (40, 40, 90, 80))
    assert inside.all()
    np.testing.assert_allclose(moved, shifted, atol=0.01)


def test_a_triangle_without_area_goes_to_a_point():
    flat = np.array([[[0.0, 0], [1, 1], [2, 2]]])
    maps = warp._maps(flat, flat + 7)
    np.testing.assert_allclose(maps[0], [[0, 0, 7], [0, 0, 7]])


def test_a_membrane_over_a_plane_is_the_plane():
    y, x = np.mgrid[:40, :56]
    plane = (2.0 * x - y)[..., None].astype(np.float32)
    inside = np.zeros((40, 56), bool)
    inside[8:30, 10:44] = True
    found = seamless.membrane(np.where(inside[..., None], 99, plane), inside)
    assert np.abs(found - plane).max() < 1.5  # of 150; what coarse levels leave


def test_pasting_a_picture_into_itself_with_other_light_changes_nothing():
    planes = scene(5).astype(np.float32)
    mask = np.zeros(planes.shape[:2], np.float32)
    mask[30:90, 40:120] = 1
    dark = planes * 0.5
    np.testing.assert_allclose(seamless.pasted(dark + 60, dark, mask), dark, atol=0.5)


def test_colours_go_to_lab_and_back():
    pixels = scene(6)
    np.testing.assert_allclose(to_rgb(to_lab(pixels)), pixels, atol=0.1)
    np.testing.assert_allclose(to_lab(np.array([255, 255, 255])), [100, 0, 0], atol=0.01)
    # Lindbloom's calculator: sRGB red.
    np.testing.assert_allclose(to_lab(np.array([255, 0, 0])), [53.24, 80.09, 67.20], atol=0.3)


def test_recolouring_takes_mean_and_spread():
    source, target = scene(7).astype(np.float32) * 0.3 + 90, scene(8).astype(np.float32) * 0.3 + 60
    mask = np.ones(source.shape[:2], np.float32)
    lab, wanted = to_lab(recoloured(source, target, mask)), to_lab(target)
    np.testing.assert_allclose(lab.mean(axis=(0, 1)), wanted.mean(axis=(0, 1)), atol=1.0)


def test_masks_are_where_they_are_drawn():
    mask = filled(np.array([[10.0, 10], [30, 10], [30, 25], [10, 25]]), 40, 50)
    left, top, right, bottom = box_of(mask)
    assert abs(left - 10) <= 1 and abs(top - 10) <= 1 and abs(right - 30) <= 1 and abs(bottom - 25) <= 1  # noqa: PT018
    assert box_of(np.zeros((3, 3), np.float32)) is None
    soft = feathered(mask, 2.0)
    assert np.all(soft[mask == 0] == 0)
    assert soft.max() > 0.99
    for seed in range(5):
        assert 0.1 < blot(50, 60, np.random.default_rng(seed)).mean() < 0.95


def test_a_hole_in_stripes_is_filled_with_stripes():
    stripes = np.repeat((np.arange(120) // 4 % 2 * 200 + 20)[None], 100, axis=0)
    pixels = np.repeat(stripes[..., None], 3, axis=2).astype(np.uint8)
    hole = np.zeros((100, 120), bool)
    hole[40:60, 50:75] = True
    broken = pixels.copy()
    broken[hole] = 128
    made, _ = inpaint.fill(broken, hole, np.random.default_rng(0))
    assert np.abs(made[hole] - pixels[hole].astype(float)).mean() < 12
    assert np.array_equal(made[~hole], broken[~hole])


def test_a_picture_that_is_all_hole_cannot_be_filled():
    hole = np.ones((60, 60), bool)
    with pytest.raises(Unfit, match="Too little"):
        inpaint.fill(scene(9)[:60, :60], hole, np.random.default_rng(0))
    with pytest.raises(Unfit, match="empty"):
        inpaint.fill(scene(9)[:60, :60], ~hole, np.random.default_rng(0))
