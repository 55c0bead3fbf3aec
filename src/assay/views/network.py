"""A trained network with its card: from the views of a file to the mean of their logits. It decides nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assay.errors import CardError, ModelError, WeightMismatch
from assay.image.looks import Pixels, Square, whole_square
from assay.models.card import PictureCard, ZooCard
from assay.models.providers import provider_of
from assay.models.registry import list_cards
from assay.models.weights import runtime_errors, session_of
from assay.views.form import Array, Form
from assay.views.reader import MediaReader

if TYPE_CHECKING:
    from assay.models.runs import TrainedRun
    from assay.settings import Settings

AT_A_TIME = 32  # views
Floats = NDArray[np.float64]


class Network:
    """A network of a run folder; may be shared between threads.

    Args:
        run: Its folder and card; `folder` keeps the one.
        settings: Threads, device and limits on media.

    Raises:
        WeightMismatch: If its weight was altered, or the features that it learnt from are those of another picture
            detector than the shipped one.
        CardError: If the card describes another graph.
        ModelError: If this ONNX Runtime cannot run it.
    """

    def __init__(self, run: TrainedRun, settings: Settings) -> None:
        self.card: ZooCard = run.card
        self.folder = run.folder
        self.form = Form.of(run.card)
        watcher = _teller(run.card) if self.form.features else None
        self.reader = MediaReader(self.form, settings, watcher=watcher)
        self._session = session_of(run.weight(), run.card.name, threads=settings.threads, device=settings.device)
        _check_graph(self._session, run.card)

    @property
    def provider(self) -> str:
        """ONNX Runtime's execution provider that answers."""
        return provider_of(self._session)

    def logit(self, stored: Array) -> float:
        """Mean logit of the views of what `reader` made of a file, positive for spoof.

        Raises:
            ModelError: If the network fails, or answers with what is no number.
        """
        mean = float(np.mean(self.logits(self.form.views(stored, self.card.views))))
        if not np.isfinite(mean):
            raise ModelError(
                f"'{self.card.name}' answers with what is no number. Train it again.", model=self.card.name
            )
        return mean

    def square(self, pixels: Pixels) -> Square | None:
        """What of a picture, uint8 (height, width, 3), `reader` stores; None if it is too small."""
        # Told here, since the text of the reader is the key of what training has cached.
        face = self.reader._face(pixels) if self.form.look == "face" else None
        return face or whole_square(*pixels.shape[:2])

    def logits(self, views: Array) -> Floats:
        """Logits of views, shape (n, *shape) to (n,).

        Raises:
            ModelError: If the network fails.
        """
        try:
            found = [
                self._session.run(["logit"], {self.card.input: np.ascontiguousarray(part)})[0]
                for part in np.split(views, range(AT_A_TIME, len(views), AT_A_TIME))
            ]
        except runtime_errors() as error:
            raise ModelError(f"'{self.card.name}' cannot be computed: {error}.", model=self.card.name) from error
        logits: Floats = np.concatenate([np.asarray(part, np.float64).reshape(-1) for part in found])
        if logits.size != len(views):
            raise ModelError(
                f"'{self.card.name}' gives {logits.size} logits for {len(views)} views.", model=self.card.name
            )
        return logits


def _teller(card: ZooCard) -> str:
    """Name of the shipped picture detector whose features a network takes."""
    shipped = [one for one in list_cards() if isinstance(one, PictureCard)]
    for one in shipped:
        if one.sha256 == card.features_sha256:
            return one.name
    told = ", ".join(f"{one.name} {one.sha256[:12]}…" for one in shipped)
    raise WeightMismatch(
        f"'{card.name}' learnt from features of a picture detector that is not installed (SHA-256"
        f" {card.features_sha256[:12]}…; there are {told}). Train it again, or install the version of then.",
        model=card.name,
        expected=card.features_sha256,
    )


def _check_graph(session: Any, card: ZooCard) -> None:
    """Whether the graph takes and gives what the card says.

    Raises:
        CardError: If not.
    """
    kind = "tensor(uint8)" if card.integer else "tensor(float)"
    given = [(one.name, one.type, one.shape) for one in session.get_inputs()]
    fits = len(given) == 1 and given[0][:2] == (card.input, kind) and len(given[0][2]) == len(card.shape) + 1
    # A name or None stands for an axis of any length.
    fits = fits and all(
        not isinstance(there, int) or there == said for there, said in zip(given[0][2][1:], card.shape, strict=True)
    )
    if not fits or "logit" not in [one.name for one in session.get_outputs()]:
        raise CardError(
            f"The card of '{card.name}' says that it takes {card.input} {kind} (n, {', '.join(map(str, card.shape))})"
            f" and gives logit; its weight takes {given}.",
            model=card.name,
        )
