"""Foreign score files: forms, direction, scale, joining, and an error that helps for whatever is wrong."""

import math

import pytest

from assay.data import Trial
from assay.errors import ProtocolError
from assay.evaluate import join_scores, read_scores, read_verifier


@pytest.fixture
def write(tmp_path):
    def write(text, name="scores.csv"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def trials(*paths):
    return [Trial(path, "spoof" if "s" in path else "bona_fide") for path in paths]


@pytest.mark.parametrize(
    "text",
    [
        "path,score\na.wav,1.5\nb.wav,-2\n",
        "file\tcm-score\na.wav\t1.5\nb.wav\t-2\n",
        "utt score\na.wav 1.5\nb.wav   -2\n",
        "a.wav 1.5\nb.wav -2\n",
        "a.wav - A07 spoof 1.5\nb.wav - - bonafide -2\n",
        "\ufeffpath,key,score\r\na.wav,spoof,1.5\r\nb.wav,bona_fide,-2\r\n",
        "\n\na.wav,1.5\nb.wav,-2\n\n",
    ],
)
def test_every_form_is_read(write, text):
    found = read_scores(write(text), higher="spoof")
    assert (found.ids, found.scores, found.scale) == (("a.wav", "b.wav"), (1.5, -2.0), "score")
    assert not found.llrs


def test_the_direction_must_be_told(write):
    path = write("path,score\na.wav,1.5\n")
    with pytest.raises(ProtocolError, match="--higher spoof or --higher bona_fide"):
        read_scores(path)
    assert read_scores(path, higher="bona_fide").scores == (-1.5,)


@pytest.mark.parametrize("higher", ["spoof", "bona_fide"])
def test_a_probability_becomes_its_log_odds(write, higher):
    sign = 1 if higher == "spoof" else -1
    found = read_scores(write("path,prob\na,0.75\nb,0\nc,1\nd,0.5\n"), higher=higher)
    assert found.llrs
    assert found.scores[0] == pytest.approx(sign * math.log(3))
    assert sign * found.scores[1] < -20
    assert sign * found.scores[2] > 20
    assert found.scores[3] == pytest.approx(0)


def test_a_logit_is_taken_as_a_ratio_and_scale_and_column_can_be_told(write):
    path = write("id,score,logit\na,0.9,1.25\n")
    assert read_scores(path, higher="spoof").column == "logit"
    assert read_scores(path, higher="spoof").llrs
    assert read_scores(path, higher="spoof", column="Score").scores == (0.9,)
    assert read_scores(path, higher="spoof", column="score", scale="probability").scores == pytest.approx(
        (math.log(9),)
    )


def test_our_own_files_need_no_direction_and_keep_blanks(write):
    header = "path,key,generator,source,llr,spoof_probability,verdict,reason\n"
    found = read_scores(write(header + "a.wav,spoof,,,2.5,0.9,spoof,x\nb.wav,spoof,,,,,error,no\n"))
    assert (found.scores, found.scale) == ((2.5, None), "llr")


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "holds no scores"),
        ("path,score\n", "holds no scores"),
        ("path,key\na,spoof\n", "no column of scores"),
        ("score,key\n1,spoof\n", "no column of ids"),
        ("path,score\na,1\na,2\n", "scores 'a' twice, in lines 2 and 3"),
        ("path,score\n,1\n", "line 2 names no file"),
        ("path,score\na,x\n", "line 2: the score 'x' is not a finite number"),
        ("path,score\na,nan\n", "not a finite number"),
        ("path,score\na,inf\n", "not a finite number"),
        ("path,score\na,1,2\n", "line 2 has 3 columns where 2"),
        ("path,prob\na,1.5\n", "1.5 is no probability"),
        ("alone\n", "columns"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(write, text, match):
    with pytest.raises(ProtocolError, match=match):
        read_scores(write(text), higher="spoof")


def test_a_file_that_is_not_text_or_not_there_is_one_of_our_errors(tmp_path):
    (tmp_path / "x.csv").write_bytes(b"\xff\xfe\x00")
    for name in ("x.csv", "absent.csv"):
        with pytest.raises(ProtocolError, match="cannot be read"):
            read_scores(tmp_path / name, higher="spoof")


def test_an_unknown_column_lists_what_there_is(write):
    with pytest.raises(ProtocolError, match=r"its columns are path, score"):
        read_scores(write("path,score\na,1\n"), higher="spoof", column="margin")
    with pytest.raises(ProtocolError, match="no header"):
        read_scores(write("a 1\n"), higher="spoof", column="margin")


def joined(write, ids, *paths, **given):
    return join_scores(trials(*paths), read_scores(write("path,score\n" + ids), higher="spoof"), **given)


def test_trials_meet_by_path_and_extra_scores_do_not_matter(write):
    assert joined(write, "x/b.wav,2\nx/a.wav,1\nx/c.wav,3\n", "x/a.wav", "x/b.wav") == [1, 2]
    assert joined(write, "./x\\a.wav,1\n", "x/a.wav") == [1]


def test_trials_meet_by_name_where_no_path_fits(write):
    assert joined(write, "LA_1,1\nLA_2.5,2\n", "flac/LA_2.5.flac", "flac/LA_1.flac") == [2, 1]


def test_trials_meet_by_absolute_path(write, tmp_path):
    trial = Trial("a.wav", "spoof", root=tmp_path)
    found = read_scores(write(f"path,score\n{tmp_path / 'a.wav'},4\n"), higher="spoof")
    assert join_scores([trial], found) == [4]


def test_a_name_of_several_files_is_refused(write):
    with pytest.raises(ProtocolError, match="in the protocol 'a' stand for several files"):
        joined(write, "a,1\n", "x/a.wav", "y/a.wav")
    with pytest.raises(ProtocolError, match=r"scores.csv' 'a' stand for several files"):
        joined(write, "u/a.wav,1\nv/a.wav,2\n", "x/a.wav")


def test_missing_scores_are_an_error_or_counted(write):
    with pytest.raises(ProtocolError, match=r"no score for 1 of 2 trials: 'b.wav'.*--missing skip"):
        joined(write, "a.wav,1\n", "a.wav", "b.wav")
    assert joined(write, "a.wav,1\n", "a.wav", "b.wav", missing="skip") == [1, None]


def test_files_that_do_not_belong_together_are_told_by_example(write):
    with pytest.raises(ProtocolError, match=r"names 'q.wav', the protocol 'a.wav'"):
        joined(write, "q.wav,1\n", "a.wav", missing="skip")


def test_scores_of_a_verifier(write):
    text = "CM-key ASV-key score\nbonafide target 3\nbonafide target 2\nbonafide nontarget -1\nA07 spoof 2.5\n"
    found = read_verifier(write(text))
    assert (found.miss_rate, found.false_alarm_rate, found.spoof_rate) == (0, 0, 1)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("x target 1\nx spoof 2\n", "no nontarget trials"),
        ("x target 1\nx what 2\n", "line 2"),
        ("x target 1\nx target y\n", "line 2"),
        ("", "no target and no nontarget and no spoof"),
    ],
)
def test_a_broken_verifier_file_is_told(write, text, match):
    with pytest.raises(ProtocolError, match=match):
        read_verifier(write(text))
