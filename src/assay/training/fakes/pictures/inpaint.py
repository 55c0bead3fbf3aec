"""A region removed and filled with patches of the rest of the picture, as retouching programs do.

Coarse to fine, every patch of the region looks for the most similar patch outside (Barnes et al., "PatchMatch",
SIGGRAPH 2009: by chance, by what its neighbours found, and around what it has), then every pixel takes the mean of what
the patches over it propose (Wexler et al., PAMI 2007). The last step of the finest level copies instead, which keeps
the texture sharp.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage  # type: ignore[import-untyped]

from assay.training.fakes.pictures.masks import feathered
from assay.training.fakes.pictures.method import Helps, Made, Pixels, Planes, Unfit, mixed
from assay.training.fakes.pictures.seamless import membrane
from assay.training.fakes.pictures.splice import region
from assay.training.fakes.pictures.warp import resized

REACH = 3  # a patch is 7 × 7
MOST_PIXELS = 9_000  # of a region: bounds the time
COARSEST = 48  # pixels of the shorter side of the coarsest level
ROUNDS = (6, 4, 3, 2)  # of search and vote, from the coarsest level on; the last number for all others
AROUND = 2.0  # the search goes as far as so many sides of the region

_STEPS = np.array([(y, x) for y in range(-REACH, REACH + 1) for x in range(-REACH, REACH + 1)])


def inpaint_patch(pixels: Pixels, rng: np.random.Generator, helps: Helps) -> Made:
    """Remove a region by chance and fill it with what is around it."""
    (left, top, right, bottom), blot = region(pixels, rng)
    hole = np.zeros(pixels.shape[:2], bool)
    hole[top:bottom, left:right] = blot > 0.5
    hole = _shrunk(hole)
    made, inside = fill(pixels, hole, rng)
    mask = np.asarray(inside, np.float32)
    if rng.random() < 0.5:
        mask = feathered(mask, rng.uniform(0.6, 1.5))
    return mixed(pixels, made, mask), mask


def _shrunk(hole: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """At most `MOST_PIXELS`, worn off from the edge inwards."""
    count = int(hole.sum())
    if count <= MOST_PIXELS:
        return hole
    depth = ndimage.distance_transform_edt(hole)
    least = np.partition(depth[hole], count - MOST_PIXELS)[count - MOST_PIXELS]
    return np.asarray(depth >= least, bool)


def fill(
    pixels: Pixels, hole: NDArray[np.bool_], rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Fill a hole.

    Args:
        pixels: uint8, shape (h, w, 3).
        hole: Shape (h, w).
        rng: Where the search begins.

    Returns:
        The picture with the hole filled, float32 in [0, 255], shape (h, w, 3); and the hole.

    Raises:
        Unfit: If too little is left around the hole.
    """
    rows, columns = np.flatnonzero(hole.any(axis=1)), np.flatnonzero(hole.any(axis=0))
    if not len(rows):
        raise Unfit("The hole is empty.")
    reach = int(AROUND * max(rows[-1] - rows[0], columns[-1] - columns[0])) + 4 * REACH
    top, bottom = max(0, rows[0] - reach), min(hole.shape[0], rows[-1] + reach + 1)
    left, right = max(0, columns[0] - reach), min(hole.shape[1], columns[-1] + reach + 1)
    filled = _filled(pixels[top:bottom, left:right], hole[top:bottom, left:right], rng)
    whole = pixels.astype(np.float32)
    whole[top:bottom, left:right] = filled
    return whole, hole


def _filled(pixels: Pixels, hole: NDArray[np.bool_], rng: np.random.Generator) -> Planes:
    sizes = [hole.shape]
    while min(sizes[-1]) >= 2 * COARSEST and int(hole.sum()) // 4 ** len(sizes) > 60:
        sizes.append((sizes[-1][0] // 2, sizes[-1][1] // 2))
    found: _Field | None = None
    planes = pixels.astype(np.float32)
    for level, (height, width) in enumerate(reversed(sizes)):
        finest = level == len(sizes) - 1
        here, gone = _level(pixels, hole, height, width)
        if found is None:
            here = np.where(gone[..., None], membrane(here, gone), here)
        found = _Field.of(gone, found, rng)
        for round_ in range(ROUNDS[min(level, len(ROUNDS) - 1)]):
            if level and round_ == 0:
                here = found.vote(here)  # what the coarser level found, with this one's detail
            found.search(here, rng)
            here = found.vote(here)
        planes = found.copied(here) if finest else here
    return planes


def _level(pixels: Pixels, hole: NDArray[np.bool_], height: int, width: int) -> tuple[Planes, NDArray[np.bool_]]:
    if (height, width) == hole.shape:
        return pixels.astype(np.float32), hole
    share = resized((hole * np.uint8(255)).astype(np.uint8), width, height)
    return resized(pixels, width, height).astype(np.float32), np.asarray(share > 8, bool)


@dataclass(eq=False)
class _Field:
    """For every patch that touches the hole, the centre of a patch outside.

    Attributes:
        hole: Shape (h, w).
        at: Centres of the patches, row and column, shape (n, 2).
        index: Number of the patch at each centre, -1 where there is none, shape (h, w).
        to: Centres of what they found, shape (n, 2).
        allowed: Centres of whole patches outside, shape (h, w).
        cost: Mean square difference of each pair, shape (n,).
    """

    hole: NDArray[np.bool_]
    at: NDArray[np.intp]
    index: NDArray[np.intp]
    to: NDArray[np.intp]
    allowed: NDArray[np.bool_]
    cost: NDArray[np.float32]

    @classmethod
    def of(cls, hole: NDArray[np.bool_], coarser: _Field | None, rng: np.random.Generator) -> _Field:
        square = np.ones((2 * REACH + 1, 2 * REACH + 1), bool)
        allowed = ~ndimage.binary_dilation(hole, square)
        touching = ~allowed
        inner = np.zeros_like(hole)
        inner[REACH:-REACH, REACH:-REACH] = True
        allowed &= inner
        if int(allowed.sum()) < 50:
            raise Unfit("Too little is left around the hole.")
        at = np.argwhere(touching & inner)
        index = np.full(hole.shape, -1, np.intp)
        index[tuple(at.T)] = np.arange(len(at))
        free = np.argwhere(allowed)
        to = free[rng.integers(len(free), size=len(at))]
        if coarser is not None:
            scale = np.array(hole.shape) / coarser.hole.shape
            before = coarser.index[tuple(np.minimum((at / scale).astype(np.intp), np.array(coarser.hole.shape) - 1).T)]
            known = before >= 0
            moved = coarser.to[before[known]] - coarser.at[before[known]]
            to[known] = _nearest(at[known] + np.rint(moved * scale).astype(np.intp), to[known], allowed)
        return cls(hole, at, index, to, allowed, np.full(len(at), np.inf, np.float32))

    def search(self, planes: Planes, rng: np.random.Generator) -> None:
        """Better patches: of the neighbours, near and far ones, and around what there is."""
        flat = np.ascontiguousarray(planes).reshape(-1, planes.shape[2])
        own = flat[self._flat(self.at)]
        self.cost[:] = self._distance(flat, own, self.to)
        height, width = self.hole.shape
        for step in (8, 4, 2, 1):
            for dy, dx in ((0, step), (step, 0), (0, -step), (-step, 0)):
                y, x = self.at[:, 0] + dy, self.at[:, 1] + dx
                inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
                other = np.where(inside, self.index[np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)], -1)
                self._try(flat, own, self.to[other] - (dy, dx), other >= 0)
        radius = max(height, width) / 2
        while radius >= 1:
            offset = np.rint(rng.uniform(-radius, radius, self.to.shape)).astype(np.intp)
            self._try(flat, own, self.to + offset, np.ones(len(self.at), bool))
            radius /= 3

    def _try(self, flat: Planes, own: Planes, candidate: NDArray[np.intp], which: NDArray[np.bool_]) -> None:
        height, width = self.hole.shape
        inside = ((candidate >= 0) & (candidate < (height, width))).all(axis=1) & which
        rows = np.flatnonzero(inside)
        rows = rows[self.allowed[tuple(candidate[rows].T)]]
        rows = rows[(candidate[rows] != self.to[rows]).any(axis=1)]
        if not len(rows):
            return
        cost = self._distance(flat, own[rows], candidate[rows])
        better = cost < self.cost[rows]
        self.to[rows[better]], self.cost[rows[better]] = candidate[rows[better]], cost[better]

    def _flat(self, centres: NDArray[np.intp]) -> NDArray[np.intp]:
        width = self.hole.shape[1]
        steps = _STEPS[:, 0] * width + _STEPS[:, 1]
        return np.asarray(centres[:, :1] * width + centres[:, 1:] + steps, np.intp)

    def _distance(self, flat: Planes, own: Planes, to: NDArray[np.intp]) -> NDArray[np.float32]:
        difference = own - flat[self._flat(to)]
        return np.asarray(np.einsum("npc,npc->n", difference, difference), np.float32)

    def vote(self, planes: Planes) -> Planes:
        """Each pixel of the hole becomes the mean of what the patches over it propose, the good ones more."""
        height, width = self.hole.shape
        flat = planes.reshape(-1, planes.shape[2])
        cost = np.where(np.isfinite(self.cost), self.cost, 0)
        scale = max(float(np.percentile(cost, 75)), 1.0)
        weight = np.exp(-cost / (2 * scale)).astype(np.float32) + np.float32(1e-6)
        where = self._flat(self.at).ravel()
        proposed = flat[self._flat(self.to)] * weight[:, None, None]
        spread = np.repeat(weight, len(_STEPS))
        total = np.stack(
            [np.bincount(where, proposed[..., c].ravel(), height * width) for c in range(flat.shape[1])], axis=1
        )
        count = np.bincount(where, spread, height * width)
        out = flat.copy()
        inside = self.hole.ravel() & (count > 0)
        out[inside] = total[inside] / count[inside, None]
        return out.reshape(planes.shape)

    def copied(self, planes: Planes) -> Planes:
        """Each pixel of the hole is that of the patch around it, copied."""
        out = planes.copy()
        here = self.hole[tuple(self.at.T)]
        out[tuple(self.at[here].T)] = planes[tuple(self.to[here].T)]
        return out


def _nearest(wanted: NDArray[np.intp], otherwise: NDArray[np.intp], allowed: NDArray[np.bool_]) -> NDArray[np.intp]:
    """`wanted` where that is allowed, else `otherwise`; shape (n, 2)."""
    inside = np.asarray(((wanted >= 0) & (wanted < allowed.shape)).all(axis=1), bool)
    fine: NDArray[np.bool_] = inside.copy()
    fine[inside] = allowed[tuple(wanted[inside].T)]
    return np.where(fine[:, None], wanted, otherwise)
