"""A trained network in the forms in which it is used: ONNX, integers, LiteRT, safetensors; each checked and timed.

    run folder ──> read_trained ──> prune? ──> ONNX ──> INT8 ──> LiteRT ──> benchmark

Nothing is written that does not answer as the network does, and integers only where the error rate holds.
"""

from assay.training.export.run import Exported, export_model

__all__ = ["Exported", "export_model"]
