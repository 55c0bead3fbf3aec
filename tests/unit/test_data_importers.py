"""Importers: a tiny copy of each corpus gives the protocol that its own lists and folders tell."""

import json

import pytest

from assay.data import read_protocol
from assay.data.importers import IMPORTERS, import_corpus
from assay.errors import DataError


@pytest.fixture
def corpus(tmp_path):
    """Make files: ``corpus({"a/b.wav": ""})``; the folder is returned."""

    def make(files):
        for name, text in files.items():
            path = tmp_path / "corpus" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return tmp_path / "corpus"

    return make


def empty(*names):
    return dict.fromkeys(names, "")


def imported(name, folder):
    """Trials by path, as read from the protocol, with paths as seen from the corpus."""
    to = folder.parent / "lists" / "protocol.csv"
    import_corpus(name, folder, to)
    trials = read_protocol(to)
    assert all(trial.file.is_file() for trial in trials)
    assert all(not trial.parent or (trial.root / trial.parent).is_file() for trial in trials)
    return {trial.path.removeprefix("../corpus/"): trial for trial in trials}


def told(trial, *names):
    return tuple(getattr(trial, name).removeprefix("../corpus/") for name in names)


@pytest.mark.parametrize("importer", IMPORTERS.values(), ids=IMPORTERS)
def test_every_importer_states_what_it_expects_and_whom_to_cite(importer):
    assert importer.title
    assert importer.expects.endswith(".")
    if importer.name != "folders":
        assert importer.licence
        assert importer.citation.endswith(".")


@pytest.mark.parametrize("importer", IMPORTERS)
def test_an_empty_folder_is_an_error_that_says_what_is_expected(importer, corpus):
    with pytest.raises(DataError, match="holds"):
        import_corpus(importer, corpus({"readme.md": ""}), corpus({}) / "protocol.csv")


def test_an_unknown_importer_is_an_error_that_lists_the_known(corpus):
    with pytest.raises(DataError, match=r"no importer 'vctk'; there are .*'asvspoof2019'"):
        import_corpus("vctk", corpus(empty("a.wav")), corpus({}) / "protocol.csv")


def test_folders_by_key_alone(corpus):
    trials = imported("folders", corpus(empty("real/a.wav", "fake/b.png", "other/c.wav", "fake/notes.txt")))
    assert {path: trial.key for path, trial in trials.items()} == {"real/a.wav": "bona_fide", "fake/b.png": "spoof"}


@pytest.mark.parametrize(
    ("path", "key", "partition"),
    [
        ("train/real/a.wav", "bona_fide", "train"),
        ("val/Fake/a.wav", "spoof", "dev"),
        ("test/bona-fide/a.wav", "bona_fide", "eval"),
        ("Genuine/training/a.wav", "bona_fide", "train"),
        ("training_fake/a.jpg", "spoof", "train"),
        ("synthetic/a.mp4", "spoof", ""),
    ],
)
def test_folders_by_partition_and_key_in_many_spellings(corpus, path, key, partition):
    (trial,) = imported("folders", corpus(empty(path))).values()
    assert told(trial, "key", "partition", "generator", "speaker", "source") == (key, partition, "", "", "")


def test_folders_below_and_above_the_key_tell_generator_speaker_and_source(corpus):
    trials = imported("folders", corpus(empty("fake/hifigan/x/a.wav", "real/ann/b.wav", "vctk/real/c.wav")))
    assert told(trials["fake/hifigan/x/a.wav"], "generator", "speaker", "source") == ("hifigan", "", "")
    assert told(trials["real/ann/b.wav"], "generator", "speaker", "source") == ("", "ann", "")
    assert told(trials["vctk/real/c.wav"], "key", "source") == ("bona_fide", "vctk")


def test_asvspoof2019(corpus):
    folder = corpus(
        {
            "LA/ASVspoof2019_LA_cm_protocols/ASVspoof2019.LA.cm.train.trn.txt": (
                "LA_0079 LA_T_1138215 - - bonafide\nLA_0080 LA_T_1000137 - A01 spoof\nLA_0080 LA_T_9 - A01 spoof\n"
            ),
            "PA/ASVspoof2019_PA_cm_protocols/ASVspoof2019.PA.cm.dev.trl.txt": "PA_0001 PA_D_0000001 aaa AA spoof\n",
            **empty(
                "LA/ASVspoof2019_LA_train/flac/LA_T_1138215.flac", "LA/ASVspoof2019_LA_train/flac/LA_T_1000137.flac"
            ),
            **empty("PA/ASVspoof2019_PA_dev/flac/PA_D_0000001.flac"),
        }
    )
    trials = imported("asvspoof2019", folder)
    columns = ("key", "partition", "generator", "speaker", "source")
    la = "LA/ASVspoof2019_LA_train/flac"
    assert told(trials[f"{la}/LA_T_1138215.flac"], *columns) == (
        *("bona_fide", "train", "", "LA_0079", "ASVspoof2019-LA"),
    )
    assert told(trials[f"{la}/LA_T_1000137.flac"], *columns)[2] == "ASVspoof2019-LA/A01"
    assert told(trials["PA/ASVspoof2019_PA_dev/flac/PA_D_0000001.flac"], *columns) == (
        *("spoof", "dev", "ASVspoof2019-PA/AA", "PA_0001", "ASVspoof2019-PA"),
    )
    assert import_corpus("asvspoof2019", folder, folder / "again.csv").missing == ("LA_T_9",)


def test_asvspoof2021(corpus):
    folder = corpus(
        {
            "keys/LA/CM/trial_metadata.txt": (
                "LA_0009 LA_E_9332881 alaw ita_tx A07 spoof notrim eval\n"
                "LA_0021 LA_E_1 none none bonafide bonafide notrim progress\n"
            ),
            "keys/LA/ASV/trial_metadata.txt": "LA_0009 LA_E_9332881 alaw\n",
            "keys/DF/CM/trial_metadata.txt": (
                "LA_0023 DF_E_2000011 nocodec asvspoof A14 spoof notrim progress traditional_vocoder - - - -\n"
                "TEF2 DF_E_2 low_mp3 vcc2020 Task1-team20 spoof notrim eval neural_vocoder_autoregressive - - - -\n"
            ),
            "keys/PA/CM/trial_metadata.txt": (
                "PA_0010 PA_E_1000001 R3 M3 d4 r1 m1 s4 c4 spoof notrim eval\n"
                "PA_0010 PA_E_2 R3 M3 d4 - - - - bonafide notrim hidden\n"
            ),
            **empty("LA/flac/LA_E_9332881.flac", "LA/flac/LA_E_1.flac", "DF/flac/DF_E_2000011.flac"),
            **empty("DF/flac/DF_E_2.flac", "PA/flac/PA_E_1000001.flac", "PA/flac/PA_E_2.flac"),
        }
    )
    trials = imported("asvspoof2021", folder)
    columns = ("key", "partition", "generator", "source")
    assert {path.rpartition("/")[2]: told(trial, *columns) for path, trial in trials.items()} == {
        "LA_E_9332881.flac": ("spoof", "eval", "ASVspoof2019-LA/A07", "ASVspoof2021-LA"),
        "LA_E_1.flac": ("bona_fide", "progress", "", "ASVspoof2021-LA"),
        "DF_E_2000011.flac": ("spoof", "progress", "ASVspoof2019-LA/A14", "ASVspoof2021-DF/asvspoof"),
        "DF_E_2.flac": ("spoof", "eval", "vcc2020/Task1-team20", "ASVspoof2021-DF/vcc2020"),
        "PA_E_1000001.flac": ("spoof", "eval", "ASVspoof2021-PA/r1-m1-s4-c4", "ASVspoof2021-PA"),
        "PA_E_2.flac": ("bona_fide", "hidden", "", "ASVspoof2021-PA"),
    }
    assert trials["DF/flac/DF_E_2.flac"].speaker == "TEF2"


def test_asvspoof5(corpus):
    folder = corpus(
        {
            "ASVspoof5.train.tsv": "T_4850 T_0000000000 F - - - AC3 A05 spoof -\n",
            "ASVspoof5.eval.track_1.tsv": (
                "E_1607 E_0000000001 M - 0 - - bonafide bonafide -\n"
                "E_1607 E_0000000002 M C11 4 E_0000000001 - bonafide bonafide -\n"
            ),
            "ASVspoof5.eval.track_2.trial.tsv": "something else\n",
            **empty("flac_T/T_0000000000.flac", "flac_E_eval/E_0000000001.flac", "flac_E_eval/E_0000000002.flac"),
        }
    )
    trials = imported("asvspoof5", folder)
    columns = ("key", "partition", "generator", "speaker", "parent")
    assert told(trials["flac_T/T_0000000000.flac"], *columns) == ("spoof", "train", "ASVspoof5/A05", "T_4850", "")
    assert told(trials["flac_E_eval/E_0000000001.flac"], *columns) == ("bona_fide", "eval", "", "E_1607", "")
    assert told(trials["flac_E_eval/E_0000000002.flac"], "parent") == ("flac_E_eval/E_0000000001.flac",)


def test_for(corpus):
    folder = corpus(empty("for-norm/training/real/file1.wav", "for-norm/testing/fake/file2.wav"))
    trials = imported("for", folder)
    assert told(trials["for-norm/training/real/file1.wav"], "key", "partition", "source") == (
        *("bona_fide", "train", "FoR"),
    )
    assert told(trials["for-norm/testing/fake/file2.wav"], "key", "partition") == ("spoof", "eval")
    within = import_corpus("for", folder / "for-norm", folder / "within.csv")
    assert [trial.key for trial in within.trials] == ["spoof", "bona_fide"]


def test_two_versions_of_for_are_refused(corpus):
    folder = corpus(empty("for-norm/training/real/a.wav", "for-2sec/training/real/a.wav"))
    with pytest.raises(DataError, match="the same recordings"):
        import_corpus("for", folder, folder / "protocol.csv")


def test_in_the_wild(corpus):
    meta = "file,speaker,label\n0.wav,Alec Guinness,spoof\n4.wav,Christopher Hitchens,bona-fide\n5.wav,Nobody,spoof\n"
    folder = corpus(
        {"release_in_the_wild/meta.csv": meta, **empty("release_in_the_wild/0.wav", "release_in_the_wild/4.wav")}
    )
    trials = imported("in-the-wild", folder)
    assert {path: told(trial, "key", "speaker") for path, trial in trials.items()} == {
        "release_in_the_wild/0.wav": ("spoof", "Alec Guinness"),
        "release_in_the_wild/4.wav": ("bona_fide", "Christopher Hitchens"),
    }


def test_wavefake(corpus):
    folder = corpus(
        empty(
            *("LJSpeech-1.1/wavs/LJ001-0001.wav", "generated_audio/ljspeech_melgan/LJ001-0001_gen.wav"),
            *("jsut_ver1.1/basic5000/wav/BASIC5000_0001.wav", "jsut_parallel_wavegan/BASIC5000_0001_gen.wav"),
            *("common_voices_prompts_from_conformer_fastspeech2_pwg_ljspeech/gen_0.wav", "other/music.wav"),
        )
    )
    trials = imported("wavefake", folder)
    columns = ("key", "generator", "speaker", "language", "parent")
    assert told(trials["LJSpeech-1.1/wavs/LJ001-0001.wav"], *columns) == ("bona_fide", "", "LJSpeech", "en", "")
    assert told(trials["generated_audio/ljspeech_melgan/LJ001-0001_gen.wav"], *columns) == (
        *("spoof", "WaveFake/ljspeech_melgan", "LJSpeech", "en", "LJSpeech-1.1/wavs/LJ001-0001.wav"),
    )
    assert told(trials["jsut_parallel_wavegan/BASIC5000_0001_gen.wav"], *columns) == (
        *("spoof", "WaveFake/jsut_parallel_wavegan", "JSUT", "ja", "jsut_ver1.1/basic5000/wav/BASIC5000_0001.wav"),
    )
    prompts = "common_voices_prompts_from_conformer_fastspeech2_pwg_ljspeech"
    assert told(trials[f"{prompts}/gen_0.wav"], *columns) == ("spoof", f"WaveFake/{prompts}", "LJSpeech", "en", "")
    assert len(trials) == 5


def test_faceforensics(corpus):
    real, fake = "original_sequences/{}/c23/videos/{}.mp4", "manipulated_sequences/{}/c23/videos/{}.mp4"
    paths = [
        real.format("youtube", "000"),
        real.format("youtube", "003"),
        real.format("actors", "01__exit_phone_room"),
        fake.format("Deepfakes", "000_003"),
        fake.format("FaceSwap", "003_000"),
        fake.format("DeepFakeDetection", "01_02__exit_phone_room__YVGY8LOK"),
        "manipulated_sequences/Deepfakes/masks/videos/000_003.mp4",
    ]
    folder = corpus({**empty(*paths[:6]), "splits/val.json": json.dumps([["000", "003"]]), "splits/train.json": "[]"})
    trials = imported("faceforensics", folder)
    columns = ("key", "partition", "generator", "identity", "parent")
    assert told(trials[paths[0]], *columns) == ("bona_fide", "dev", "", "ff-000", "")
    assert told(trials[paths[2]], *columns) == ("bona_fide", "", "", "actor-01", "")
    assert told(trials[paths[3]], *columns) == (
        *("spoof", "dev", "FaceForensics++/Deepfakes", "ff-000;ff-003", paths[0]),
    )
    assert told(trials[paths[4]], "identity", "parent") == ("ff-003;ff-000", paths[1])
    assert told(trials[paths[5]], *columns) == (
        *("spoof", "", "FaceForensics++/DeepFakeDetection", "actor-01;actor-02", paths[2]),
    )


def test_faceforensics_frames_and_masks(corpus):
    frames = "original_sequences/youtube/c40/images/000/0007.png"
    fake = "manipulated_sequences/Face2Face/c40/images/000_003/0007.png"
    masks = "manipulated_sequences/Face2Face/c40/masks/000_003/0007.png"
    trials = imported("faceforensics", corpus(empty(frames, fake, masks)))
    assert set(trials) == {frames, fake}
    assert told(trials[fake], "parent", "partition") == (frames, "")


def test_celeb_df(corpus):
    paths = ["Celeb-real/id0_0000.mp4", "YouTube-real/00170.mp4", "Celeb-synthesis/id0_id1_0000.mp4"]
    folder = corpus(
        {
            **empty(*paths),
            "List_of_testing_videos.txt": "1 YouTube-real/00170.mp4\n0 Celeb-synthesis/id9_id1_0003.mp4\n",
        }
    )
    trials = imported("celeb-df", folder)
    columns = ("key", "partition", "identity", "parent")
    assert told(trials[paths[0]], *columns) == ("bona_fide", "train", "celeb-df-id0", "")
    assert told(trials[paths[1]], *columns) == ("bona_fide", "eval", "celeb-df-youtube-00170", "")
    assert told(trials[paths[2]], *columns) == ("spoof", "train", "celeb-df-id0;celeb-df-id1", paths[0])
    assert import_corpus("celeb-df", folder, folder / "again.csv").missing == ("Celeb-synthesis/id9_id1_0003.mp4",)


def test_a_list_of_celeb_df_that_contradicts_the_folders_is_refused(corpus):
    folder = corpus({**empty("Celeb-real/id0_0000.mp4"), "List_of_testing_videos.txt": "0 Celeb-real/id0_0000.mp4\n"})
    with pytest.raises(DataError, match="line 1"):
        import_corpus("celeb-df", folder, folder / "protocol.csv")


def test_dfdc(corpus):
    rows = {
        "aagfhgtpmv.mp4": {"label": "FAKE", "split": "train", "original": "vudstovrck.mp4"},
        "vudstovrck.mp4": {"label": "REAL", "split": "train", "original": None},
        "gone.mp4": {"label": "REAL", "split": "train"},
    }
    part = "dfdc_train_part_0"
    files = empty(f"{part}/aagfhgtpmv.mp4", f"{part}/vudstovrck.mp4")
    trials = imported("dfdc", corpus({f"{part}/metadata.json": json.dumps(rows), **files}))
    columns = ("key", "partition", "generator", "parent")
    assert told(trials[f"{part}/aagfhgtpmv.mp4"], *columns) == ("spoof", "train", "DFDC", f"{part}/vudstovrck.mp4")
    assert told(trials[f"{part}/vudstovrck.mp4"], *columns) == ("bona_fide", "train", "", "")
    assert len(trials) == 2


@pytest.mark.parametrize(
    ("importer", "files", "message"),
    [
        ("asvspoof2019", {"ASVspoof2019.LA.cm.train.trn.txt": "LA_0079 LA_T_1138215\n"}, "line 1 has 2 fields"),
        ("asvspoof2019", {"ASVspoof2019.LA.cm.train.trn.txt": "a b - - maybe\n"}, "'maybe' is no key"),
        ("asvspoof2021", {"trial_metadata.txt": "a XX_E_1 c d e spoof notrim eval\n"}, "no trial of LA, DF or PA"),
        ("in-the-wild", {"meta.csv": "file,label\n0.wav,spoof\n"}, r"no column \['speaker'\]"),
        ("faceforensics", {"train.json": "{", "original_sequences/youtube/raw/videos/000.mp4": ""}, "no list of pairs"),
        ("dfdc", {"metadata.json": "[1]"}, "no list of videos"),
        ("dfdc", {"metadata.json": "{"}, "cannot be read"),
    ],
)
def test_a_malformed_list_is_an_error_with_its_place(corpus, importer, files, message):
    folder = corpus(files)
    with pytest.raises(DataError, match=message):
        import_corpus(importer, folder, folder / "protocol.csv")


def test_two_lists_that_contradict_each_other_are_refused(corpus):
    folder = corpus(
        {
            "a/ASVspoof2019.LA.cm.train.trn.txt": "s LA_T_1 - - bonafide\n",
            "b/ASVspoof2019.LA.cm.train.trn.txt": "s LA_T_1 - A01 spoof\n",
            "LA_T_1.flac": "",
        }
    )
    with pytest.raises(DataError, match="both bona fide and spoof"):
        import_corpus("asvspoof2019", folder, folder / "protocol.csv")
