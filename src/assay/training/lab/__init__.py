"""The laboratory: trains any architecture of `assay.training.zoo` on any protocol, and writes down everything about it.

    config ──> check ──> prepare ──> fit ──> export ──> run folder
    (TOML)     (trials)  (cache)     (Lightning)  (ONNX, card, figures, plots)

`run.train` walks this line; `folds`, `search` and `every` walk it many times.
"""
