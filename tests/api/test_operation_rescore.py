import hashlib

import pytest
import service_toys as toys

from assay.errors import DecodeError
from assay.models.registry import load_card
from assay.result import ModelReference
from assay.serve.access import LOCAL
from assay.serve.operation import record
from assay.serve.operation.rescore import rescore


@pytest.fixture
def context(tmp_path):
    return toys.make_context(tmp_path)


def kept(context, folder, name, llr):
    path = folder / name
    path.write_bytes(name.encode())
    digest = hashlib.sha256(name.encode()).hexdigest()
    return record(context, LOCAL, toys.make_result(llr, sha256=digest), name, kept=path)


def scan_as(llr):
    def scan(path, label):
        if label.startswith("broken"):
            raise DecodeError("broken")
        return toys.make_result(llr, sha256=hashlib.sha256(path.read_bytes()).hexdigest(), model="newer")

    return scan


def test_kept_files_are_scanned_again_and_changes_listed(context, tmp_path):
    names = ("same.wav", "turned.wav", "broken.wav", "gone.wav", "other.wav")
    ids = {name: kept(context, tmp_path, name, 3.0 if name == "same.wav" else -1.0) for name in names}
    (tmp_path / "gone.wav").unlink()
    (tmp_path / "other.wav").write_bytes(b"something else")
    found = rescore(context.database, context.settings, scan_as(3.0))
    (change,) = found.changes
    assert (change.id, change.how, change.before, change.after) == (ids["turned.wav"], "scanned", "bona_fide", "spoof")
    assert (change.model_before, change.model_after) == ("toy-model", "newer")
    assert found.same == 1
    assert found.failed == {ids["broken.wav"]: "decode_failed"}
    assert sorted(found.unknown) == sorted([ids["gone.wav"], ids["other.wav"]])


def test_a_file_is_judged_by_its_newest_result(context, tmp_path):
    kept(context, tmp_path, "a.wav", 3.0)
    newest = kept(context, tmp_path, "a.wav", -1.0)
    found = rescore(context.database, context.settings, scan_as(3.0))
    assert [change.id for change in found.changes] == [newest]


def with_the_shipped_model(settings, llr, threshold, **more):
    card = load_card(settings.audio_model)
    model = ModelReference(name=card.name, version=card.version, sha256=card.sha256)
    below = card.decision.bona_fide_below_llr
    result = toys.make_result(llr, threshold=threshold, **more)
    point = result.operating_point.model_copy(update={"bona_fide_below_llr": below})
    return result.model_copy(update={"model": model, "operating_point": point})


def test_a_kept_score_meets_the_thresholds_in_force_now(context):
    settings = context.settings
    tail = load_card(settings.audio_model).decision.file
    half = tail.threshold(0.005)  # a long recording spends half of its 1 % on this question
    llr = half + 0.01
    record(context, LOCAL, with_the_shipped_model(settings, llr, half), "a.wav")
    same = rescore(context.database, settings, scan_as(0.0))
    assert (same.changes, same.same) == ([], 1)
    stricter = settings.model_copy(update={"max_false_alarm": 0.0001})
    (change,) = rescore(context.database, stricter, scan_as(0.0)).changes
    assert (change.how, change.before, change.after) == ("score", "spoof", "inconclusive")
    assert llr < tail.threshold(0.00005)


def test_what_a_score_cannot_tell_is_left_alone(context):
    settings = context.settings
    mixed = with_the_shipped_model(settings, 9.0, 2.0, verdict="mixed", sha256="1" * 64)
    record(context, LOCAL, mixed, "a part stood out.wav")
    record(context, LOCAL, toys.make_result(3.0, sha256="2" * 64), "another weight.wav")
    record(context, LOCAL, toys.make_result(3.0, media="video", sha256="3" * 64), "a video.mp4")
    found = rescore(context.database, settings, scan_as(0.0))
    assert len(found.unknown) == 3
    only = rescore(context.database, settings, scan_as(0.0), media="video", limit=1)
    assert len(only.unknown) == 1
