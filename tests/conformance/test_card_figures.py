"""The figures on the card are those that the shipped weight gives: measured again on the shared eval partition."""

from assay.evaluate import evaluate_protocol
from assay.metrics import EvaluationOptions
from assay.models import detector_card
from assay.settings import load_settings


def test_the_card_states_what_the_eval_partition_gives(shared):
    settings = load_settings(jobs=2)
    found = evaluate_protocol(
        shared / "data" / "audio" / "protocol.csv",
        settings=settings,
        partition="eval",
        options=EvaluationOptions(n_resamples=0),
    ).summary()
    stated = detector_card(settings.audio_model).measured["pooled"]
    for figure in ("bona_fide", "spoof", "unscored"):
        assert found[figure] == stated[figure]
    for figure in ("eer", "auc", "false_alarm_rate", "detection_rate", "coverage"):
        assert abs(found[figure] - stated[figure]) <= 0.01, figure
