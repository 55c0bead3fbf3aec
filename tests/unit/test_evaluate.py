"""Evaluation on a protocol of a few files: everything is counted once, at the threshold that users get."""

import csv
import json
import math

import movies
import pytest
from video_cases import make_eyes

from assay.errors import ModelNotFound, ProtocolError
from assay.evaluate import evaluate_protocol
from assay.line import Detector
from assay.metrics import EvaluationOptions
from assay.settings import Settings

HEADER = "path,key,generator,source,partition\n"
FEW = EvaluationOptions(n_resamples=0)


@pytest.fixture(scope="module")
def run(examples, tmp_path_factory):
    """Evaluate rows of a protocol beside links to the sample media."""
    folder = tmp_path_factory.mktemp("protocol")
    for path in examples.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "text.wav").write_text("no sound")
    (folder / "folder").mkdir()

    def run(rows, *, options=FEW, partition=None, progress=None, **settings):
        (folder / "protocol.csv").write_text(HEADER + "\n".join(rows), encoding="utf-8")
        return evaluate_protocol(
            folder / "protocol.csv",
            settings=Settings(**settings),
            options=options,
            partition=partition,
            progress=progress,
        )

    run.folder = folder
    return run


ROWS = [
    "human.wav,bona_fide,,austen,eval",
    "human-long.flac,bona_fide,,austen,eval",
    "human-telephone.mp3,bona_fide,,phone,eval",
    "noise.ogg,bona_fide,,made,eval",
    "vocoded.wav,spoof,hifigan,austen,eval",
    "espeak.wav,spoof,espeak,made,eval",
    "text.wav,spoof,espeak,made,eval",
    "absent.wav,spoof,espeak,made,eval",
]


@pytest.fixture(scope="module")
def evaluation(run):
    return run(ROWS)


def test_every_trial_is_counted_once(evaluation):
    assert [row["path"] for row in evaluation.rows] == [row.split(",")[0] for row in ROWS]
    assert sum(evaluation.verdicts["bona_fide"].values()) == 4
    assert sum(evaluation.verdicts["spoof"].values()) == 4
    assert evaluation.verdicts["spoof"]["error"] == 2


def test_what_could_not_be_scored_is_named_with_the_reason(evaluation):
    assert evaluation.unscored == {"noise.ogg": "no_speech", "text.wav": "unsupported", "absent.wav": "not_found"}
    pooled = evaluation.sources.pooled
    assert (pooled.n_bona_fide, pooled.n_spoof) == (3, 2)


def test_scores_are_those_of_a_scan(evaluation, examples):
    expected = Detector().scan(examples / "vocoded.wav")
    row = evaluation.rows[4]
    assert (row["llr"], row["verdict"]) == (expected.llr, expected.verdict)


def test_the_figures_are_those_at_the_threshold_of_the_policy(evaluation):
    llrs = {row["path"]: row["llr"] for row in evaluation.rows if row["llr"] is not None}
    flagged = sum(llrs[row["path"]] >= evaluation.threshold_llr for row in evaluation.rows[:3])
    assert evaluation.threshold_llr == pytest.approx(
        Detector().model.card.decision.file.threshold(evaluation.max_false_alarm)
    )
    assert evaluation.sources.pooled.decision.confusion.false_alarms == flagged


def test_a_cost_moves_the_threshold(run):
    found = run(ROWS, false_alarm_cost=2.0)
    assert found.threshold_llr == pytest.approx(math.log(2))


def test_groups_are_generators_and_sources(evaluation):
    assert set(evaluation.generators.groups) == {"bona fide", "hifigan", "espeak"}
    assert set(evaluation.sources.groups) == {"austen", "phone", "made"}
    assert evaluation.generators.groups["hifigan"].borrowed == "bona_fide"


def test_spoofs_without_a_generator_are_not_called_bona_fide(run):
    found = run(["human.wav,bona_fide,,,", "vocoded.wav,spoof,,,"])
    assert set(found.generators.groups) == {"bona fide", "-"}
    assert set(found.sources.groups) == {"-"}


def test_the_area_within_sources_is_of_those_that_hold_both_keys(evaluation, run):
    llrs = {row["path"]: row["llr"] for row in evaluation.rows}
    humans = [llrs["human.wav"], llrs["human-long.flac"]]
    expected = sum(llrs["vocoded.wav"] > llr for llr in humans) / 2  # austen is the only one
    assert evaluation.auc_within_sources == (expected, 1)
    apart = run(["human.wav,bona_fide,,austen,", "vocoded.wav,spoof,,other,"])
    assert apart.auc_within_sources == (None, 0)
    assert apart.summary()["auc_within_sources"] is None
    assert "| – |" in apart.to_markdown()


def test_coverage_counts_errors_as_undecided(evaluation):
    decided = sum(evaluation.verdicts[key][v] for key in evaluation.verdicts for v in ("bona_fide", "mixed", "spoof"))
    assert evaluation.summary()["coverage"] == pytest.approx(decided / 8)
    assert evaluation.summary()["unscored"] == 3


def test_the_report_is_plain_data(evaluation):
    found = json.loads(json.dumps(evaluation.to_dict()))
    assert found["unscored"] == evaluation.unscored
    assert json.loads(json.dumps(evaluation.summary()))["bona_fide"] == 3


def test_the_tables_hold_every_group_and_have_whole_rows(evaluation):
    text = evaluation.to_markdown()
    for name in ("austen", "phone", "made", "hifigan", "espeak", "EER", "error"):
        assert name in text
    for table in text.split("\n\n"):
        assert len({line.count("|") for line in table.splitlines()}) == 1


def test_scores_are_written_for_each_trial(evaluation, tmp_path):
    evaluation.write_scores(tmp_path / "scores.csv")
    with (tmp_path / "scores.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == len(ROWS)
    assert float(rows[0]["llr"]) == evaluation.rows[0]["llr"]
    assert (rows[6]["llr"], rows[6]["verdict"], rows[6]["reason"]) == ("", "error", "unsupported")


def test_progress_goes_from_the_first_to_the_last(run):
    steps = []
    run(ROWS, progress=lambda done, of: steps.append((done, of)))
    assert steps == [(n + 1, 8) for n in range(8)]


def test_jobs_change_nothing(run, evaluation):
    assert run(ROWS, jobs=3).rows == evaluation.rows


def test_intervals_come_on_request(run):
    found = run(ROWS, options=EvaluationOptions(n_resamples=20))
    assert found.sources.pooled.ranking.auc_interval is not None
    assert found.generators.pooled.ranking.auc_interval is None


def test_a_file_named_twice_by_other_spellings_is_scored_twice(run):
    found = run([*ROWS, "folder/../human.wav,bona_fide,,austen,eval"])
    assert found.rows[-1]["llr"] == found.rows[0]["llr"]


@pytest.mark.parametrize("path", ["folder", "*.wav"])
def test_a_folder_or_pattern_in_a_protocol_is_an_error_in_its_place(run, path):
    found = run([f"{path},spoof,x,s,eval", *ROWS])
    assert found.rows[0]["verdict"] == "error"
    assert found.rows[1]["path"] == "human.wav"


@pytest.mark.parametrize("rows", [ROWS[:3], ROWS[4:6], [*ROWS[:3], *ROWS[6:]], ["noise.ogg,bona_fide,,,", *ROWS[4:]]])
def test_without_scores_of_both_keys_there_is_nothing_to_measure(run, rows):
    with pytest.raises(ProtocolError, match="no scored trials of both keys"):
        run(rows)


def test_only_the_partition_is_scored(run):
    found = run([*ROWS, "spliced.flac,spoof,x,s,train"], partition="eval")
    assert "spliced.flac" not in {row["path"] for row in found.rows}


def test_an_unknown_model_is_an_error(run):
    with pytest.raises(ModelNotFound, match="no-such"):
        run(ROWS, audio_model="no-such")


def test_a_protocol_of_videos_is_measured_at_the_threshold_that_the_files_are_held_against(run, monkeypatch):
    monkeypatch.setattr(Detector, "video_models", property(lambda self: make_eyes()))
    rows = []
    for key, seed in (("bona_fide", 1), ("spoof", 2)):
        data = movies.video(frames=[movies.texture(seed, 320, 240)] * 12, rate=10)
        (run.folder / f"{key}.mp4").write_bytes(data)
        rows.append(f"{key}.mp4,{key},g,s,eval")
    found = run(rows)
    assert found.model["name"] == "by-hand"
    assert found.threshold_llr == pytest.approx(-math.log(0.01))
    with pytest.raises(ProtocolError, match="audio and video"):
        run([*rows, "human.wav,bona_fide,,austen,eval"])
