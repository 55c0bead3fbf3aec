"""`assay train image`: from a recipe and protocols to a weight with its card, in one command that can be interrupted.

What is done stays in the work folder and is not done again: the packed crops, the autoencoders, the trained network.
A run can so be carried out in parts, on several machines: pack here, train where a GPU is, publish here.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from assay.data import read_protocol
from assay.data.table import read_table
from assay.errors import TrainingError
from assay.image.looks import LOOKS
from assay.training.pictures.autoencoders import SHAPES, Autoencoder, fit_autoencoder
from assay.training.pictures.crops import Crop, Original, pack_crops, read_pixels, read_rows
from assay.training.pictures.fit import Crops, figures, fit, logits_of
from assay.training.pictures.network import PictureNet, load_imagenet
from assay.training.pictures.publish import publish
from assay.training.pictures.recipe import PictureRecipe, load_picture_recipe
from assay.training.tensors import read_plain, read_state

NETWORK, STATE = "network.safetensors", "state.pt"
DEVELOPMENT = "development"
log = logging.getLogger("assay.training.pictures")


def train_image(
    recipe: Path,
    protocols: Sequence[Path],
    work: Path,
    *,
    imagenet: Path,
    start: Path | None = None,
    resume: bool = False,
    jobs: int = 1,
    device: str = "cpu",
    out: Path | None = None,
) -> Path:
    """Train, calibrate and export a detector of synthetic and changed pictures.

    Args:
        recipe: TOML file; see `assay.training.pictures.recipe`.
        protocols: CSV files whose ``train`` partitions are used together; a spoof whose row names a ``twin``, as
            `assay data fakes` writes them, is trained against that file.
        work: Folder for everything in between; created.
        imagenet: Published weights of efficientnet_lite0, a ``.pth`` file.
        start: Work folder of an ended run of the same view, with whose network training begins instead; the recipe may
            average what comes out with it (Wortsman et al., "Robust fine-tuning of zero-shot models", 2022).
        resume: Go on from the last checkpoint in `work`, if there is one.
        jobs: Processes that cut crops and score the development part.
        device: Where the network is trained: ``cpu``, ``cuda`` ...
        out: Folder for ``<name>.onnx`` and ``<name>.json``; `work` if None.

    Returns:
        Path of the card.

    Raises:
        TrainingError: If recipe, protocols and what `work` holds do not fit together.
        ProtocolError: If a protocol is malformed.
    """
    plan = load_picture_recipe(recipe)
    train, development, licences = read_originals(protocols, plan)
    work.mkdir(parents=True, exist_ok=True)
    rows = _packed(train, work / "train", plan, jobs)
    held_out = _packed(development, work / DEVELOPMENT, plan, jobs)
    net = _trained(plan, work, rows, held_out, (imagenet, start), torch.device(device), resume)
    return publish(
        net,
        plan,
        recipe=recipe.name,
        train=(work / "train", rows),
        originals=train,
        development=development,
        licences=licences,
        folder=out or work,
        jobs=jobs,
    )


def read_originals(
    protocols: Sequence[Path], plan: PictureRecipe
) -> tuple[list[Original], list[Original], dict[str, str]]:
    """Pictures for training, pictures for development, and the licence of each source.

    Of a source (and generator) those come first whose names have the smallest hash, up to the recipe's limits.

    Raises:
        ProtocolError: If a protocol is malformed.
        TrainingError: If a key is missing in one of the two parts.
    """
    chosen: list[tuple[str, Original]] = []
    licences: dict[str, str] = {}
    for protocol in protocols:
        twins = _twins(protocol)
        for trial in read_protocol(protocol, partition="train"):
            if trial.source in plan.left_out_sources or trial.generator.startswith("GRID"):
                continue
            licences[trial.source] = trial.licence
            original = Original(
                file=trial.file,
                key=trial.key,
                source=trial.source,
                generator=trial.generator,
                twin=twins.get(trial.path),
                pieces=plan.spoof_pieces if trial.key == "spoof" else 1,
            )
            chosen.append((hashlib.sha256(f"{plan.seed}/{trial.source}/{trial.path}".encode()).hexdigest(), original))
    counts: Counter[tuple[str, str, str]] = Counter()
    parts: dict[bool, list[Original]] = {False: [], True: []}
    for _, original in sorted(chosen, key=lambda pair: pair[0]):
        group = (original.source, original.key, original.generator)
        counts[group] += 1
        if counts[group] <= (plan.most_spoof if original.key == "spoof" else plan.most_bona_fide):
            parts[original.source in plan.development_sources].append(original)
    for name, part in (("training", parts[False]), ("development", parts[True])):
        if {original.key for original in part} != {"bona_fide", "spoof"}:
            raise TrainingError(f"The {name} part needs pictures of both keys; it has {len(part)} pictures.")
    return parts[False], parts[True], licences


def _twins(protocol: Path) -> dict[str, Path]:
    table = read_table(protocol)
    pairs = zip(table.cells("path"), table.cells("twin"), strict=True)
    return {path: protocol.parent / twin for path, twin in pairs if twin}


def _packed(originals: Sequence[Original], folder: Path, plan: PictureRecipe, jobs: int) -> list[Crop]:
    """The crops, cut anew only if pictures or recipe have changed."""
    told = json.dumps([plan.seed, *((str(o.file), str(o.twin), o.pieces) for o in originals)])
    mark, path = hashlib.sha256(told.encode()).hexdigest(), folder / "pack.sha256"
    if path.exists() and path.read_text(encoding="utf-8") == mark:
        return read_rows(folder)
    rows = pack_crops(originals, folder, seed=plan.seed, jobs=jobs)
    path.write_text(mark, encoding="utf-8")
    return rows


def _trained(
    plan: PictureRecipe,
    work: Path,
    rows: Sequence[Crop],
    held_out: Sequence[Crop],
    begin: tuple[Path, Path | None],
    device: torch.device,
    resume: bool,
) -> PictureNet:
    net = PictureNet(plan.view, plan.optimisation.dropout)
    if (work / NETWORK).exists():
        return load_picture_network(work / NETWORK, plan)
    imagenet, start = begin
    try:
        load_imagenet(net, read_state(imagenet))
    except RuntimeError as error:
        raise TrainingError(f"'{imagenet}' does not hold the weights of efficientnet_lite0: {error}") from error
    if start is None and plan.start_share:
        raise TrainingError("The recipe averages with the network that training begins with: name its work folder.")
    begun = _stored(start / NETWORK, plan).state_dict() if start is not None else {}
    if begun:
        net.load_state_dict(begun)
    crops = Crops(rows, read_pixels(work / "train", rows), device)
    development = Crops(held_out, read_pixels(work / DEVELOPMENT, held_out), device)
    trips = _autoencoders(plan, work, crops)
    path = work / STATE
    state: dict[str, Any] | None = None
    if resume and path.exists():
        state = read_plain(path, device)
        if state.pop("recipe", None) != plan.fingerprint():
            raise TrainingError("The last checkpoint belongs to another recipe. Use that one, or another work folder.")

    def save(now: dict[str, Any]) -> None:
        part = path.with_suffix(".part")
        torch.save({**now, "recipe": plan.fingerprint()}, part)
        part.replace(path)

    def check(current: PictureNet, step: int) -> None:
        for name, quality in (("plain", None), ("JPEG 75", 75)):
            logits = logits_of(current, development, side=plan.optimisation.side, quality=quality)
            told = figures(development.rows, logits)
            log.info("step %d, development, %s: %s", step, name, told)

    every = plan.optimisation.evaluate_every
    fit(net.to(device), crops, plan.plan(), trips, check=check, check_every=every, save=save, state=state)
    net = net.cpu()
    for name, value in net.state_dict().items():
        if begun and value.dtype.is_floating_point:
            value.lerp_(begun[name], plan.start_share)
    save_picture_network(net, work / NETWORK, plan)
    return net


def _autoencoders(plan: PictureRecipe, work: Path, crops: Crops) -> list[nn.Module]:
    """Those that the work folder holds, or new ones, trained on the bona fide crops."""
    folder = work / "autoencoders"
    folder.mkdir(exist_ok=True)
    nets: list[nn.Module] = []
    bona = torch.tensor([i for i, row in enumerate(crops.rows) if row.key == "bona_fide"], device=crops.device)
    generator = torch.Generator(crops.device)
    generator.manual_seed(plan.seed)

    def batches() -> torch.Tensor:
        picked = bona[torch.randint(len(bona), (16,), generator=generator, device=crops.device)]
        top, left = torch.randint(0, 128, (2,), generator=generator, device=crops.device).tolist()
        cut = crops.pixels[picked, :, top : top + 128, left : left + 128].float() / 127.5 - 1
        return cut.contiguous(memory_format=torch.channels_last)

    for number, shape in enumerate(SHAPES):
        path = folder / f"{number}.safetensors"
        if path.exists():
            net = Autoencoder(shape)
            net.load_state_dict(load_file(path))
        else:
            net, psnr = fit_autoencoder(
                shape,
                batches,
                device=crops.device,
                seconds=float("inf"),
                seed=plan.seed + number,
                most_steps=plan.autoencoder_steps,
            )
            log.info("autoencoder %s: %.1f dB", shape, psnr)
            save_file({name: value.contiguous() for name, value in net.state_dict().items()}, path)
        nets.append(net.eval().to(crops.device))
    return nets


def save_picture_network(net: PictureNet, path: Path, plan: PictureRecipe) -> None:
    """Write a trained network."""
    state = {name: value.contiguous() for name, value in net.state_dict().items()}
    part = path.with_name(path.name + ".part")
    save_file(state, part, metadata={"view": net.view, "looks": ",".join(LOOKS), "recipe": plan.fingerprint()})
    part.replace(path)


def load_picture_network(path: Path, plan: PictureRecipe) -> PictureNet:
    """Read a trained network, in eval mode.

    Raises:
        TrainingError: If it is none of this version, or of another recipe.
    """
    return _stored(path, plan, plan.fingerprint())


def _stored(path: Path, plan: PictureRecipe, fingerprint: str | None = None) -> PictureNet:
    """A trained network of the recipe's view; of the recipe itself, where its fingerprint is given."""
    try:
        with safe_open(path, framework="pt") as stored:
            notes = stored.metadata() or {}
            if fingerprint is not None and notes.get("recipe") != fingerprint:
                raise TrainingError(f"'{path}' was trained by another recipe. Use that one, or another work folder.")
            net = PictureNet(plan.view, plan.optimisation.dropout)
            net.load_state_dict({name: stored.get_tensor(name).float() for name in stored.keys()})  # noqa: SIM118
    except (SafetensorError, RuntimeError, OSError) as error:
        raise TrainingError(f"'{path}' is not a network of this version: {error}") from error
    return net.eval()
