"""`frame-gru`: three GRU layers with attention over the features of a face, frame by frame.

Layers, for 16 x 1280: those of `frame-rnn` with gated recurrent units in place of LSTM: each feature standardised ->
dropout -> dense 64, ReLU -> GRU 256 -> self-attention -> GRU 128 -> self-attention -> GRU 64, dropout behind each -> a
logit and a weight for each frame -> the weighted mean of the logits. 761,409 parameters, 12.3 M multiply-adds.

Decisions: those of `assay.training.zoo.frame_rnn`.

Source: Cho et al., "Learning phrase representations using RNN encoder-decoder", EMNLP 2014; requirement D1.
"""

from __future__ import annotations

from assay.training.pictures.network import FEATURES
from assay.training.zoo.frame_rnn import FRAMES, FrameRnn
from assay.training.zoo.registry import Architecture, register


class FrameGru(FrameRnn):
    """Standardised features through gated recurrent units.

    Args:
        features: Numbers for each frame.
        narrow: What they are brought to before the first layer.
        dropout: Share dropped in training, of features and between layers.
    """

    def __init__(self, features: int = FEATURES, narrow: int = 64, dropout: float = 0.3) -> None:
        super().__init__("gru", features, narrow, dropout)


register(
    Architecture(
        name="frame-gru",
        media="video",
        make=FrameGru,
        shape=(FRAMES, FEATURES),
        integer=False,
        summary="GRU 256, 128 and 64 with attention over a face's features in 16 frames (Cho et al., 2014).",
        small_shape=(6, FEATURES),
    )
)
