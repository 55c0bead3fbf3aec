"""The training room for pictures, on pictures that are made here."""

from __future__ import annotations

import hashlib
import io

import numpy as np
import onnx
import pytest
import torch
from PIL import Image
from safetensors.numpy import load_file

from assay.errors import TrainingError
from assay.image.detector import PictureDetector
from assay.image.looks import LOOKS
from assay.models import PictureCard
from assay.training.pictures.autoencoders import SHAPES, Autoencoder, fit_autoencoder, round_trip
from assay.training.pictures.blends import self_blended
from assay.training.pictures.couples import KINDS, Couples
from assay.training.pictures.crops import SIDE, Crop, Original, pack_crops, read_pixels, read_rows
from assay.training.pictures.fit import Crops, Plan, figures, fit, logits_of
from assay.training.pictures.history import Chances, History
from assay.training.pictures.jpeg import save_and_open
from assay.training.pictures.network import VIEWS, PictureNet
from assay.training.pictures.publish import export, fold_pads, halves, quantise, session_of
from assay.training.pictures.recipe import load_picture_recipe
from assay.training.pictures.run import train_image

CPU = torch.device("cpu")


def scene(seed: int, height: int = 300, width: int = 320) -> np.ndarray:
    """Something with edges, slopes and noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(x / rng.uniform(4, 30) + y / rng.uniform(4, 30) + rng.uniform(0, 6)) for _ in range(3)]
    picture = 127 + 50 * np.stack(waves, -1) + rng.normal(0, 4, (height, width, 3))
    picture[40:120, 60:160] = rng.uniform(0, 255, 3)
    return picture.clip(0, 255).astype(np.uint8)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("halved", [False, True])
@pytest.mark.parametrize("quality", [30, 50, 75, 95])
def test_saving_as_jpeg_is_what_libjpeg_does(quality, halved):
    pixels = scene(1, 256, 256)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=quality, subsampling=2 if halved else 0)
    wanted = np.asarray(Image.open(out), dtype=float)
    tensor = torch.from_numpy(pixels).permute(2, 0, 1)[None].float()
    given = save_and_open(tensor, torch.tensor([float(quality)]), halved=halved)[0].permute(1, 2, 0).numpy()
    # Rounding inside libjpeg moves values at the brink of a step; the loss itself is several times as large.
    apart, lost = np.sqrt(np.mean((given - wanted) ** 2)), np.sqrt(np.mean((pixels - wanted) ** 2))
    assert apart < 1.6
    assert apart < 0.5 * lost
    assert np.array_equal(given, given.round())


def test_both_of_a_couple_have_one_history():
    pixels = torch.from_numpy(np.stack([scene(i, SIDE, SIDE) for i in range(6)])).permute(0, 3, 1, 2).float()
    couples = pixels[:, None].expand(-1, 2, -1, -1, -1)
    changed = History(Chances(noise=0, scale=1, light=1, blur=0.5, erase=0.5), 192, generator())(couples)
    assert changed.shape == (6, 2, 3, 192, 192)
    assert torch.equal(changed[:, 0], changed[:, 1])
    assert changed.min() >= 0
    assert changed.max() <= 255


def test_a_history_hangs_on_its_seed_alone():
    pixels = torch.rand(4, 2, 3, SIDE, SIDE) * 255
    first, same, other = (History(Chances(), 192, generator(s))(pixels) for s in (1, 1, 2))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)


def test_nothing_happens_where_no_chance_is_given():
    pixels = torch.from_numpy(np.stack([scene(i, SIDE, SIDE) for i in range(1)])).permute(0, 3, 1, 2).float()
    never = Chances(scale=0, blur=0, sharpen=0, noise=0, light=0, grey=0, jpeg=0, again=0, erase=0)
    cut = History(never, 192, generator())(pixels[:, None].expand(-1, 2, -1, -1, -1))
    patches = pixels.unfold(2, 192, 1).unfold(3, 192, 1)
    for given, whole in zip(cut[:, 0], patches, strict=True):
        places = whole.permute(1, 2, 0, 3, 4).reshape(-1, 3, 192, 192)
        assert any(torch.equal(given, p) or torch.equal(given, p.flip(-1)) for p in places)


def test_a_blend_leaves_what_is_far_from_the_seam_or_changes_all_around_it():
    angles = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    hull = np.stack([0.5 + 0.2 * np.cos(angles), 0.5 + 0.25 * np.sin(angles)], -1)
    pixels = torch.from_numpy(np.stack([scene(i, 128, 128) for i in range(12)])).permute(0, 3, 1, 2).float()
    hulls = torch.from_numpy(np.stack([hull] * 12)).float()
    blended, same = (self_blended(pixels, hulls, generator(3)) for _ in range(2))
    assert torch.equal(blended, same)
    moved = (blended - pixels).abs().mean(1)
    corner = moved[:, :8, :8].mean((1, 2))
    assert (moved.mean((1, 2)) > 0.1).all()
    assert (corner < 0.05).any()  # the face was changed
    assert (corner > 0.5).any()  # or all but the face


@pytest.fixture
def pack(tmp_path):
    originals = []
    for number in range(12):
        path = tmp_path / f"{number}.png"
        Image.fromarray(scene(number)).save(path)
        twin = None
        if number % 4 == 3:
            twin = tmp_path / f"twin-{number}.png"
            Image.fromarray(scene(number) // 2 + 60).save(twin)
        key = "spoof" if number % 2 else "bona_fide"
        originals.append(Original(path, key, f"source-{number % 3}", "G" if number % 2 else "", twin, pieces=2))
    rows = pack_crops(originals, tmp_path / "pack", seed=1)
    return tmp_path / "pack", rows


def test_a_pack_gives_back_what_was_cut(pack, tmp_path):
    folder, rows = pack
    assert read_rows(folder) == rows
    assert {row.look for row in rows} == {"whole", "piece"}
    assert read_pixels(folder, rows).shape == (len(rows), 3, SIDE, SIDE)
    for row in rows:
        if row.twin >= 0:
            twin = rows[row.twin]
            assert (row.key, twin.key, twin.look, twin.generator) == ("spoof", "bona_fide", row.look, "")


def test_a_picture_of_a_crops_size_is_its_crop(tmp_path):
    Image.fromarray(scene(5, SIDE, SIDE)).save(tmp_path / "a.png")
    rows = pack_crops([Original(tmp_path / "a.png", "bona_fide", "s", looks=("piece",))], tmp_path / "pack", seed=1)
    (pixels,) = read_pixels(tmp_path / "pack", rows)
    assert np.abs(pixels.transpose(1, 2, 0).astype(int) - scene(5, SIDE, SIDE)).mean() < 4  # JPEG, and noise in it


def test_what_cannot_be_read_is_left_out(tmp_path, caplog):
    (tmp_path / "broken.png").write_bytes(b"no picture")
    Image.fromarray(scene(1)).save(tmp_path / "good.png")
    originals = [Original(tmp_path / name, "bona_fide", "s") for name in ("broken.png", "good.png")]
    rows = pack_crops(originals, tmp_path / "pack", seed=1)
    assert {row.path for row in rows} == {str(tmp_path / "good.png")}
    assert "broken.png is left out" in caplog.text


def rows_of(count: int = 40) -> list[Crop]:
    rows = []
    for i in range(count):
        key = ("spoof", "bona_fide")[i % 2]
        hull = ((0.3, 0.3), (0.7, 0.3), (0.5, 0.7)) if key == "bona_fide" and i % 3 == 1 else ()
        look = "face" if i % 3 == 1 else "piece"
        rows.append(Crop(look, key, f"s{i % 5}", "G" if key == "spoof" else "", f"{i}.png", 0, 0, hull=hull))
    return rows


def test_couples_hold_a_spoof_and_a_bona_fide_crop_of_one_look():
    rows = rows_of()
    couples = Couples(rows, shares=dict.fromkeys(KINDS, 1.0), looks=dict.fromkeys(LOOKS, 1.0), seed=0)
    seen = set()
    for _ in range(20):
        batch = couples.draw(16)
        for spoof, bona, kind, look in zip(batch.spoof, batch.bona_fide, batch.kind, batch.look, strict=True):
            seen.add(KINDS[kind])
            assert rows[bona].key == "bona_fide"
            assert rows[bona].look == LOOKS[look]
            if KINDS[kind] in ("trip", "blend"):
                assert spoof == bona
            else:
                assert rows[spoof].key == "spoof"
                assert rows[spoof].look == LOOKS[look]
            if KINDS[kind] == "blend":
                assert rows[bona].hull
    assert seen == {"same", "any", "trip", "blend"}  # there are no twins here


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_round_trip_keeps_the_shape(shape):
    pixels = torch.rand(1, 3, 64, 64) * 255
    back = round_trip(Autoencoder(shape).eval(), pixels)
    assert back.shape == pixels.shape
    assert back.min() >= 0
    assert back.max() <= 255


def test_an_autoencoder_learns():
    pixels = torch.from_numpy(np.stack([scene(i, 64, 64) for i in range(4)])).permute(0, 3, 1, 2) / 127.5 - 1
    short, long = (
        fit_autoencoder(SHAPES[0], lambda: pixels.float(), device=CPU, seconds=60, seed=0, most_steps=n)[1]
        for n in (1, 60)
    )
    assert long > short + 1


def test_two_steps_on_every_view(pack):
    folder, rows = pack
    crops = Crops(rows, read_pixels(folder, rows), CPU)
    trips = [Autoencoder(SHAPES[0]).eval()]
    for view in VIEWS:
        side = 96 if view == "full" else 192 if view == "shuffle" else 128
        plan = Plan(steps=2, couples=3, side=min(side, 192), looks={"face": 0.0, "whole": 1.0, "piece": 1.0})
        net = PictureNet(view)
        before = {name: value.clone() for name, value in net.state_dict().items()}
        fit(net, crops, plan, trips)
        assert any(not torch.equal(before[name], value) for name, value in net.state_dict().items())
        logits = logits_of(net, crops, side=plan.side, quality=75, halve=True)
        assert logits.shape == (len(rows),)
        assert np.isfinite(logits).all()
    assert set(figures(rows, logits)) <= {f"{look}{end}" for look in LOOKS for end in ("", " within")}


def test_what_is_checked_and_when(pack):
    folder, rows = pack
    crops = Crops(rows, read_pixels(folder, rows), CPU)
    told = []
    plan = Plan(steps=2, couples=2, side=96, shares={"any": 1.0})
    fit(PictureNet(), crops, plan, [], check=lambda _, step: told.append(step), check_every=1)
    assert told == [1, 2, 2]


def test_going_on_begins_where_it_ended(pack):
    folder, rows = pack
    crops = Crops(rows, read_pixels(folder, rows), CPU)
    plan = Plan(steps=3, couples=2, side=96, shares={"any": 1.0})
    states = []
    fit(PictureNet(), crops, plan, [], check_every=1, save=states.append)
    assert [state["step"] for state in states] == [1, 2, 3]
    told = []
    fit(PictureNet(), crops, plan, [], check=lambda _, step: told.append(step), check_every=1, state=states[1])
    assert told == [3, 3]


def test_recipes_of_pictures(tmp_path):
    path = tmp_path / "r.toml"
    text = """
    name = "p"
    version = "0"
    seed = 1
    development_sources = ["a"]
    limits = ["l"]
    [optimisation]
    steps = 5
    couples = 2
    learning_rate = 1e-3
    """
    path.write_text(text, encoding="utf-8")
    recipe = load_picture_recipe(path)
    assert recipe.plan().steps == 5
    assert recipe.plan().chances == Chances()
    path.write_text(text + "view = 'sideways'\n", encoding="utf-8")
    with pytest.raises(TrainingError, match="view"):
        load_picture_recipe(path)


RECIPE = """
name = "toy"
version = "0"
seed = 1
development_sources = ["held-0", "held-1"]
limits = ["a toy"]
autoencoder_steps = 1
integers = false
[optimisation]
steps = 2
couples = 2
side = 224
learning_rate = 1e-3
[mixture]
trip = 1.0
[looks]
face = 0.0
"""


@pytest.fixture
def toy(tmp_path):
    """A recipe, a protocol and weights to begin with."""
    lines = ["path,key,partition,generator,source,licence"]
    for number in range(54):
        held = number >= 8
        key = ("bona_fide", "spoof")[number % 2]
        path = tmp_path / f"{number}.png"
        pixels = scene(number, 460, 464)
        Image.fromarray(pixels if key == "bona_fide" else pixels // 2 + 64).save(path)
        source = f"held-{number % 4 // 2}" if held else "learnt"
        lines.append(f"{path.name},{key},train,{'G' if key == 'spoof' else ''},{source},CC0")
    (tmp_path / "protocol.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (tmp_path / "toy.toml").write_text(RECIPE, encoding="utf-8")
    torch.save(PictureNet().trunk.state_dict(), tmp_path / "lite0.pth")
    return tmp_path


def test_from_recipe_to_card_in_one_command(toy):
    given = [toy / "toy.toml", [toy / "protocol.csv"], toy / "work"]
    path = train_image(*given, imagenet=toy / "lite0.pth")
    card = PictureCard.model_validate_json(path.read_text(encoding="utf-8"))
    assert (card.name, card.kind, card.recipe) == ("toy", "picture-detector", "toy.toml")
    assert [(row["source"], row["bona_fide"], row["spoof"]) for row in card.data] == [("learnt", 4, 4)]
    weight = (path.parent / card.file).read_bytes()
    assert hashlib.sha256(weight).hexdigest() == card.sha256
    detector = PictureDetector("toy", session=session_of(weight), card=card)
    scores = detector.score(scene(99), ())
    assert [score.look for score in scores.looks] == ["whole", "piece"]
    assert card.calibration.lowest <= scores.llr <= card.calibration.highest
    # What is done is not done again: the second time the network is read, not trained.
    before = (toy / "work" / "network.safetensors").stat().st_mtime_ns
    again = train_image(*given, imagenet=toy / "lite0.pth")
    assert (toy / "work" / "network.safetensors").stat().st_mtime_ns == before
    assert PictureCard.model_validate_json(again.read_text(encoding="utf-8")).sha256 == card.sha256
    (toy / "toy.toml").write_text(RECIPE.replace("steps = 2", "steps = 3"), encoding="utf-8")
    with pytest.raises(TrainingError, match="another recipe"):
        train_image(*given, imagenet=toy / "lite0.pth")


def test_training_begins_where_another_run_ended(toy):
    given = {"recipe": toy / "toy.toml", "protocols": [toy / "protocol.csv"], "imagenet": toy / "lite0.pth"}
    with pytest.raises(TrainingError, match="not a network"):
        train_image(**given, work=toy / "second", start=toy / "nowhere")
    train_image(**given, work=toy / "first")
    (toy / "toy.toml").write_text("start_share = 1.0\n" + RECIPE, encoding="utf-8")
    with pytest.raises(TrainingError, match="name its work folder"):
        train_image(**given, work=toy / "second")
    train_image(**given, work=toy / "second", start=toy / "first")
    old, new = (load_file(toy / work / "network.safetensors") for work in ("first", "second"))
    assert all(np.array_equal(old[name], new[name]) for name in old if old[name].dtype == np.float32)


def test_both_keys_are_needed_in_both_parts(toy):
    (toy / "toy.toml").write_text(RECIPE.replace('"held-0", "held-1"', '"nobody"'), encoding="utf-8")
    with pytest.raises(TrainingError, match="development part needs pictures of both keys"):
        train_image(toy / "toy.toml", [toy / "protocol.csv"], toy / "work", imagenet=toy / "lite0.pth")


def test_a_look_that_is_learnt_must_be_measurable(toy):
    (toy / "toy.toml").write_text(RECIPE.replace("face = 0.0", "face = 1.0"), encoding="utf-8")
    with pytest.raises(TrainingError, match="'face' cannot be measured"):
        train_image(toy / "toy.toml", [toy / "protocol.csv"], toy / "work", imagenet=toy / "lite0.pth")


def test_most_layers_in_integers_answer_nearly_the_same(pack):
    folder, rows = pack
    torch.manual_seed(0)
    net = PictureNet().eval()
    pixels = read_pixels(folder, rows)
    shown = np.ascontiguousarray(pixels[:4, :, 16:240, 16:240].transpose(0, 2, 3, 1))
    floats = export(net, 224)
    answers = [
        session_of(model).run(["logit"], {"pixels": shown})[0]
        for model in (floats, halves(floats), quantise(floats, pixels))
    ]
    spread = np.ptp(answers[0], axis=0).max()
    assert np.abs(answers[1] - answers[0]).max() < 0.05 * max(spread, 0.1)
    assert np.abs(answers[2] - answers[0]).max() < max(spread, 0.1)
    assert not np.array_equal(answers[2], answers[0])


def test_padding_moves_into_the_convolutions_and_changes_nothing(pack, monkeypatch):
    folder, rows = pack
    monkeypatch.setitem(quantise.__globals__, "fold_pads", lambda model: model)
    model = quantise(export(PictureNet().eval(), 96), read_pixels(folder, rows))
    folded = fold_pads(model)
    count = [[node.op_type for node in onnx.load_from_string(m).graph.node].count("Pad") for m in (model, folded)]
    assert count == [5, 0]
    shown = np.random.default_rng(0).integers(0, 256, (2, 96, 96, 3)).astype(np.uint8)
    answers = [session_of(m).run(["logit"], {"pixels": shown})[0] for m in (model, folded)]
    assert np.array_equal(*answers)


@pytest.mark.parametrize("content", [b"", b"no weights", "list", "other"])
def test_foreign_weights_are_refused_in_words(toy, content):
    path = toy / "lite0.pth"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save([1] if content == "list" else {"a": torch.zeros(1)}, path)
    with pytest.raises(TrainingError, match=r"lite0\.pth"):
        train_image(toy / "toy.toml", [toy / "protocol.csv"], toy / "work", imagenet=path)
