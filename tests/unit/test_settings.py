import os

import pytest
from pydantic import ValidationError

from assay.errors import SettingsError
from assay.settings import PROFILES, Settings, load_settings, origin_of


@pytest.fixture(autouse=True)
def empty_place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in [*os.environ]:
        if name.startswith("ASSAY_"):
            monkeypatch.delenv(name)
    return tmp_path


@pytest.fixture
def settings_file(tmp_path):
    def write(text):
        (tmp_path / "assay.toml").write_text(text, encoding="utf-8")

    return write


def test_each_layer_wins_over_the_one_before(settings_file, monkeypatch):
    assert load_settings().jobs == 1
    settings_file("jobs = 2")
    assert load_settings().jobs == 2
    monkeypatch.setenv("ASSAY_JOBS", "3")
    assert load_settings().jobs == 3
    assert load_settings(jobs=4).jobs == 4


def test_layers_are_merged_setting_by_setting(settings_file, monkeypatch):
    settings_file("jobs = 2\nprior = 0.1")
    monkeypatch.setenv("ASSAY_JOBS", "3")
    found = load_settings(threads=5)
    assert (found.jobs, found.prior, found.threads) == (3, 0.1, 5)


def test_none_means_not_given(monkeypatch):
    monkeypatch.setenv("ASSAY_PRIOR", "0.2")
    assert load_settings(prior=None, jobs=None) == load_settings()


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_changes_defaults_and_nothing_that_was_given(profile, monkeypatch):
    expected = PROFILES[profile]
    found = load_settings(profile=profile)
    assert {name: getattr(found, name) for name in expected} == expected
    monkeypatch.setenv("ASSAY_LOG_LEVEL", "ERROR")
    assert load_settings(profile=profile).log_level == "ERROR"
    assert load_settings(profile=profile, log_level="INFO").log_level == "INFO"


def test_settings_are_frozen():
    with pytest.raises(ValidationError, match="frozen"):
        load_settings().jobs = 2


def test_assay_config_names_the_file(tmp_path, monkeypatch, settings_file):
    settings_file("jobs = 2")
    (tmp_path / "other.toml").write_text("jobs = 7")
    monkeypatch.setenv("ASSAY_CONFIG", str(tmp_path / "other.toml"))
    assert load_settings().jobs == 7


def test_assay_config_without_its_file_is_an_error_that_names_it(monkeypatch):
    monkeypatch.setenv("ASSAY_CONFIG", "no-such.toml")
    with pytest.raises(SettingsError, match=r"ASSAY_CONFIG names 'no-such\.toml', which is not a file"):
        load_settings()


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"max_false_alarm": 0}, "max_false_alarm"),
        ({"max_false_alarm": 0.6}, "max_false_alarm"),
        ({"max_false_alarm": float("nan")}, "max_false_alarm"),
        ({"prior": 1.0}, "prior"),
        ({"prior": "likely"}, "prior"),
        ({"jobs": 0}, "jobs"),
        ({"jobs": 1.5}, "jobs"),
        ({"channels": "left"}, "channels"),
        ({"profile": "nightly"}, "profile"),
        ({"no_such_setting": 1}, "no_such_setting"),
    ],
)
def test_a_wrong_setting_is_named_with_what_was_given(given, named):
    with pytest.raises(SettingsError, match="Settings are wrong") as caught:
        load_settings(**given)
    assert f"{named}: " in caught.value.message
    assert repr(given[named]) in caught.value.message


def test_all_wrong_settings_are_named_at_once():
    with pytest.raises(SettingsError, match=r"(?s)jobs.*threads"):
        load_settings(jobs=0, threads=0)


def test_an_unknown_setting_in_the_file_is_an_error(settings_file):
    settings_file("max_false_alarms = 0.1")
    with pytest.raises(SettingsError, match="max_false_alarms"):
        load_settings()


@pytest.mark.parametrize("content", ["jobs = ", "jobs = 2\njobs = 3"])
def test_a_file_that_is_not_toml_is_an_error_that_names_it(settings_file, content):
    settings_file(content)
    with pytest.raises(SettingsError, match=r"assay\.toml"):
        load_settings()


def test_a_table_of_levels_comes_from_file_and_environment(settings_file, monkeypatch):
    settings_file('[log_levels]\nmedia = "DEBUG"')
    assert load_settings().log_levels == {"media": "DEBUG"}
    monkeypatch.setenv("ASSAY_LOG_LEVELS", '{"scan": "INFO"}')
    assert load_settings().log_levels["scan"] == "INFO"


def test_origin_tells_the_layer_of_each_value(settings_file, monkeypatch):
    settings_file("jobs = 2")
    monkeypatch.setenv("ASSAY_THREADS", "2")
    origins = origin_of(load_settings(profile="prod", prior=0.3))
    assert origins["jobs"] == "file"
    assert origins["threads"] == "environment"
    assert origins["prior"] == "argument"
    assert origins["log_json"] == "profile"
    assert origins["max_false_alarm"] == "default"
    assert set(origins) == set(Settings.model_fields)


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_says_what_it_means(name):
    assert Settings.model_fields[name].description


@pytest.mark.parametrize(
    ("variable", "meant"),
    [("ASSAY_MAX_FALSE_ALARMS", "ASSAY_MAX_FALSE_ALARM"), ("assay_log_levle", "ASSAY_LOG_LEVEL")],
)
def test_a_misspelt_variable_is_an_error_that_names_the_setting(monkeypatch, variable, meant):
    monkeypatch.setenv(variable, "0.001")
    with pytest.raises(SettingsError, match=f"{variable} is no setting; {meant} is"):
        load_settings()


@pytest.mark.parametrize("variable", ["ASSAY_SERVICE_HOST", "ASSAY_PORT_8000_TCP", "MY_ASSAY_JOBZ", "JOBS"])
def test_variables_of_others_are_left_alone(monkeypatch, variable):
    monkeypatch.setenv(variable, "nonsense")
    found = load_settings()
    assert found == Settings()
    assert set(origin_of(found).values()) == {"default"}


def test_a_variable_that_should_be_json_is_named(monkeypatch):
    monkeypatch.setenv("ASSAY_LOG_LEVELS", "media=DEBUG")
    with pytest.raises(SettingsError, match=r"environment cannot be read.*log_levels"):
        load_settings()


@pytest.mark.parametrize("content", [b"prior = \xff", b"\xff\xfe"])
def test_a_file_that_is_not_utf_8_is_an_error_that_names_it(tmp_path, content):
    (tmp_path / "assay.toml").write_bytes(content)
    with pytest.raises(SettingsError, match=r"assay\.toml cannot be read"):
        load_settings()


def test_an_argument_over_a_lower_layer_is_an_argument(settings_file, monkeypatch):
    settings_file("threads = 2\nprofile = 'prod'")
    monkeypatch.setenv("ASSAY_JOBS", "3")
    origins = origin_of(load_settings(jobs=4, threads=5, log_level="ERROR"))
    assert (origins["jobs"], origins["threads"], origins["log_level"]) == ("argument", "argument", "argument")
    assert (origins["log_json"], origins["profile"]) == ("profile", "file")


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_in_the_file_changes_defaults_only(settings_file, profile):
    settings_file(f"profile = '{profile}'\nlog_level = 'ERROR'")
    found = load_settings()
    assert found.log_level == "ERROR"
    for name, value in PROFILES[profile].items():
        assert name == "log_level" or getattr(found, name) == value


@pytest.mark.parametrize("cost", [0, -1, float("inf"), float("nan")])
def test_a_cost_is_a_positive_number(cost):
    with pytest.raises(SettingsError, match="false_alarm_cost"):
        load_settings(false_alarm_cost=cost)


def test_a_level_may_be_written_in_small_letters(monkeypatch):
    monkeypatch.setenv("ASSAY_LOG_LEVEL", "info")
    assert load_settings().log_level == "INFO"
