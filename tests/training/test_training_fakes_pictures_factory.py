"""A folder of picture fakes: what it lists, twins, going on with it, and what it refuses."""

import csv
import logging

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("scipy")

from PIL import Image

from assay.data import read_protocol
from assay.errors import MissingExtra, TrainingError
from assay.models.weights import weights_folder
from assay.training.fakes import factory
from assay.training.fakes.factory import Order, make_folder, names_for
from assay.training.fakes.pictures import factory as pictures
from assay.training.fakes.pictures.generators import GENERATORS, Generator
from assay.training.fakes.pictures.storing import Store, read_pixels, store_of, write_picture


@pytest.fixture(scope="module")
def protocol(tmp_path_factory):
    """Two drawn faces, three scenes, one too small, and a spoof that is no parent."""
    folder = tmp_path_factory.mktemp("data")
    with Image.open(weights_folder() / "drawn-face.png") as image:
        face = np.asarray(image.convert("RGB"))
    rng = np.random.default_rng(0)
    scenes = [
        np.asarray(Image.fromarray(rng.integers(0, 256, (8, 9, 3), dtype=np.uint8)).resize((200, 140)))
        for _ in range(3)
    ]
    files = {
        "face-a": face,
        "face-b": 255 - (255 - face[:, ::-1]) // 2,
        **{f"scene-{number}": pixels for number, pixels in enumerate(scenes)},
        "small": scenes[0][:40, :40],
        "made": scenes[0],
    }
    rows = ["path,key,partition,source,speaker,licence"]
    for name, pixels in files.items():
        Image.fromarray(pixels).save(folder / f"{name}.png")
        key = "spoof" if name == "made" else "bona_fide"
        rows.append(f"{name}.png,{key},train,{name[:5]},{name},CC0-1.0")
    (folder / "p.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder / "p.csv"


@pytest.fixture
def trials(protocol):
    return read_protocol(protocol, partition="train")


def rows(folder, name="protocol.csv"):
    with (folder / name).open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def pixels_of(path):
    with Image.open(path) as image:
        return np.asarray(image)


def test_a_spoof_has_its_parents_content_and_a_twin_of_the_same_history(trials, tmp_path):
    folder = tmp_path / "fakes"
    made = make_folder([Order("copy-move", 3), Order("landmark-swap", 2)], trials, folder, seed=1)
    listed = rows(folder)
    assert [row["path"] for row in listed] == [item.trial.path for item in made]
    assert {row["key"] for row in listed} == {"spoof"}
    assert [row["generator"] for row in listed] == ["Copy-move(own)"] * 3 + ["Landmark-swap(own)"] * 2
    parents = {trial.path: trial for trial in trials}
    for row in listed:
        parent = parents[row["parent"]]
        assert (folder / row["parent_root"] / row["parent"]).resolve() == parent.file.resolve()
        assert (row["source"], row["licence"]) == (parent.source, "CC0-1.0")
        with Image.open(folder / row["path"]) as spoof, Image.open(folder / row["twin"]) as twin:
            assert (spoof.size, spoof.format, spoof.info.keys()) == (twin.size, twin.format, twin.info.keys())
            assert getattr(spoof, "quantization", None) == getattr(twin, "quantization", None)
        mask = pixels_of(folder / row["mask"])
        left, top, right, bottom = map(int, row["box"].split())
        assert mask[top:bottom, left:right].any()
        mask = mask.copy()
        mask[top:bottom, left:right] = 0
        assert not mask.any()
    assert {row["other"] for row in listed[3:]} == {"face-a.png", "face-b.png"}
    twins = rows(folder, "twins.csv")
    assert {row["key"] for row in twins} == {"bona_fide"}
    assert sorted(row["path"] for row in twins) == sorted({row["twin"] for row in listed})
    assert len(read_protocol(folder / "twins.csv", partition="train")) == len(twins)


def test_going_on_keeps_files_and_adds_to_the_list(trials, tmp_path, monkeypatch):
    folder = tmp_path / "fakes"
    make_folder([Order("copy-move", 2)], trials, folder, seed=1)
    before = {path: path.read_bytes() for path in folder.rglob("*.*") if path.suffix in {".png", ".jpg"}}
    make_folder([Order("copy-move", 3), Order("splice", 1)], trials, folder, seed=1)
    assert all(path.read_bytes() == content for path, content in before.items())
    assert sorted(row["path"].split("/")[0] for row in rows(folder)) == ["copy-move"] * 3 + ["splice"]
    monkeypatch.setattr(pictures, "read_pixels", lambda path, max_side: pytest.fail("read"))
    assert len(make_folder([Order("copy-move", 2)], trials, folder, seed=1)) == 2


def test_two_processes_make_the_same_files(trials, tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "AT_A_TIME", 2)
    for jobs in (1, 2):
        make_folder([Order("copy-move", 3)], trials, tmp_path / str(jobs), seed=1, jobs=jobs)
    for path in (tmp_path / "1").rglob("*.*"):
        assert path.read_bytes() == (tmp_path / "2" / path.relative_to(tmp_path / "1")).read_bytes()


def test_parents_that_will_not_do_are_passed_over_and_a_shortage_is_told(trials, tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        made = make_folder([Order("copy-move", 6)], trials, tmp_path / "fakes", seed=1)
    assert "small.png" not in {item.trial.parent for item in made}
    assert f"{len(made)} of 6 by copy-move" in caplog.text


def test_large_pictures_are_reduced_with_their_twins(trials, tmp_path):
    make_folder([Order("splice", 2)], trials, tmp_path / "fakes", seed=1, max_side=120)
    for row in rows(tmp_path / "fakes"):
        assert max(pixels_of(tmp_path / "fakes" / row["path"]).shape) <= 120
        assert pixels_of(tmp_path / "fakes" / row["path"]).shape == pixels_of(tmp_path / "fakes" / row["twin"]).shape


def test_networks_without_weights_stop_a_run_or_are_left_out(trials, tmp_path, caplog):
    orders = [Order("taesd", 1), Order("copy-move", 1)]
    with pytest.raises(MissingExtra, match="--engines"):
        make_folder(orders, trials, tmp_path / "fakes", seed=1)
    assert len(make_folder(orders, trials, tmp_path / "fakes", seed=1, skip_missing=True)) == 1
    assert "without taesd" in caplog.text


def test_sounds_and_pictures_are_not_mixed(trials, tmp_path):
    with pytest.raises(TrainingError, match="mixed"):
        make_folder([Order("lpc", 1), Order("splice", 1)], trials, tmp_path / "fakes", seed=1)
    (tmp_path / "fakes").mkdir()
    (tmp_path / "fakes" / "protocol.csv").write_text("path,key\n")
    (tmp_path / "fakes" / "seed.txt").write_text("1\n")
    with pytest.raises(TrainingError, match="another kind"):
        make_folder([Order("splice", 1)], trials, tmp_path / "fakes", seed=1)


def test_all_is_what_suits_the_parents(trials):
    assert "splice" in names_for(trials)
    assert "lpc" not in names_for(trials)
    assert "splice" not in names_for([])


def test_a_parent_decides_how_its_files_are_stored():
    stores = {store_of(f"{number}.jpg", 1) for number in range(60)}
    assert store_of("0.jpg", 1) == store_of("0.jpg", 1)
    assert {store.suffix for store in stores} == {".png", ".jpg"}
    assert {store.subsampling for store in stores if store.suffix == ".jpg"} == {0, 2}


def test_lossless_files_come_back_as_they_were(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    write_picture(tmp_path / "a.png", pixels, Store(".png"))
    assert np.array_equal(read_pixels(tmp_path / "a.png", 100), pixels)
    assert read_pixels(tmp_path / "a.png", 15).shape == (10, 15, 3)


def test_a_generator_needs_no_parent(trials, tmp_path, monkeypatch):
    def noise(rng, max_side):
        return rng.integers(0, 256, (20, max_side, 3), dtype=np.uint8)

    made_up = Generator("noise", "Noise(own)", "CC0-1.0", noise, lambda: None)
    for module in (pictures, factory):
        monkeypatch.setattr(module, "GENERATORS", {"noise": made_up})
    monkeypatch.setattr(factory, "PICTURES", ("noise", "splice"))
    folder = tmp_path / "fakes"
    make_folder([Order("noise", 12), Order("splice", 1)], trials, folder, seed=1, max_side=200)
    listed = rows(folder)
    assert len({(folder / row["path"]).read_bytes() for row in listed}) == 13
    assert {(row["source"], row["parent"], row["twin"]) for row in listed[:12]} == {("generator:noise", "", "")}
    assert len(rows(folder, "twins.csv")) == 1


def test_a_generator_that_is_not_installed_says_what_to_install(trials, tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match="random-face"):
        make_folder([Order("mobile-stylegan", 1)], trials, tmp_path / "fakes", seed=1)


def test_mobile_stylegan_draws_faces_of_many_sizes():
    generator = GENERATORS["mobile-stylegan"]
    try:
        generator.check()
    except MissingExtra as error:
        pytest.skip(error.message)
    one, again, other = (generator.make(np.random.default_rng(seed), 600) for seed in (1, 1, 2))
    assert np.array_equal(one, again)
    assert one.shape != other.shape
    assert 256 <= len(one) <= 600
