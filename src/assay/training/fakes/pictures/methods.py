"""Every way of making a spoof from a bona fide picture, by the name that ``--methods`` uses."""

from __future__ import annotations

from assay.training.fakes.pictures import autoencoders, tiny
from assay.training.fakes.pictures.inpaint import inpaint_patch
from assay.training.fakes.pictures.landmark_swap import landmark_swap
from assay.training.fakes.pictures.method import Method
from assay.training.fakes.pictures.self_blended import self_blended
from assay.training.fakes.pictures.splice import copy_move, splice

METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method("self-blended", "Self-blended(own)", self_blended, "face"),
        Method("landmark-swap", "Landmark-swap(own)", landmark_swap, "other face"),
        Method("splice", "Splice(own)", splice, "other"),
        Method("copy-move", "Copy-move(own)", copy_move),
        Method("inpaint-patch", "PatchMatch-inpainting(own)", inpaint_patch),
        *autoencoders.methods(),
        *tiny.methods(),
    )
}
