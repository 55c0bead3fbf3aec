"""The folder of a trained network that is small enough to be made on the spot: its logit is the mean of the samples."""

import hashlib

from onnx import TensorProto, helper

from assay.models.card import Calibration, KnownAnswer, ZooCard, ZooDecision
from assay.models.known import KNOWN_INPUT, known_input

SAMPLES = 16_000


def write_run(folder):
    """Write graph and card; gives the folder."""
    graph = helper.make_graph(
        [helper.make_node("ReduceMean", ["samples", "axes"], ["logit"], keepdims=0)],
        "mean",
        [helper.make_tensor_value_info("samples", TensorProto.FLOAT, ["n", SAMPLES])],
        [helper.make_tensor_value_info("logit", TensorProto.FLOAT, ["n"])],
        [helper.make_tensor("axes", TensorProto.INT64, [1], [1])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    weight = model.SerializeToString()
    answer = round(float(known_input((SAMPLES,), integer=False).mean()), 5)
    card = ZooCard(
        name="aasist",
        version="1",
        summary="The mean of the samples.",
        file="model.onnx",
        sha256=hashlib.sha256(weight).hexdigest(),
        size_bytes=len(weight),
        licence_weights="",
        origin="",
        limits=(),
        known_answer=KnownAnswer(sample=KNOWN_INPUT, values=(answer,), tolerance=0.05),
        recipe="",
        commit="",
        calibration=Calibration(slope=1.0, offset=0.0, lowest=-9.0, highest=9.0),
        data=(),
        architecture="aasist",
        media="audio",
        input="samples",
        shape=(SAMPLES,),
        integer=False,
        views=3,
        longest_s=30.0,
        look="",
        parameters=1,
        parity=0.0,
        decision=ZooDecision(file=None, bona_fide_below_llr=-1.0, miss_rate=0.1, eer_llr=0.0),
    )
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(weight)
    (folder / "card.json").write_text(card.model_dump_json())
    return folder
