"""What `deploy/` promises. Containers cannot run in these tests; they read the files, and systemd checks its own."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

try:
    import tomllib
except ModuleNotFoundError:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
SPEAKERS = ("ASSAY_SPEAKERS_DIR", "ASSAY_SPEAKER_KEY_FILE", "ASSAY_SERVE_FOLDER")
PINNED = re.compile(r"^[\w./-]+:\d+\.\d+(\.\d+)?-[\w.-]+$")


def instructions():
    """Instructions of the Dockerfile with their arguments, lines joined and comments left out."""
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    text = re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    return [tuple(line.split(None, 1)) for line in text.splitlines() if line.strip()]


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))


def final_stage():
    found = instructions()
    last = max(index for index, (name, _) in enumerate(found) if name == "FROM")
    return found[last:]


def test_the_image_is_built_in_two_stages_from_pinned_images():
    images = [argument.split()[0] for name, argument in instructions() if name == "FROM"]
    assert len(images) == 2
    assert all(PINNED.match(image) for image in images)
    assert {name for name, _ in instructions()} <= {
        *("FROM", "ENV", "RUN", "WORKDIR", "COPY", "LABEL", "USER", "VOLUME", "EXPOSE"),
        *("STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT", "CMD"),
    }  # no ADD, which fetches and unpacks


def test_the_image_runs_as_nobody_special_and_says_whether_it_lives():
    stage = final_stage()
    users = [argument for name, argument in stage if name == "USER"]
    assert users == ["10001:10001"]
    after = stage[stage.index(("USER", "10001:10001")) :]
    assert not [name for name, _ in after if name in ("RUN", "COPY")]
    check = dict(stage)["HEALTHCHECK"]
    assert "/livez" in check
    assert "--timeout=" in check
    assert dict(stage)["ENTRYPOINT"] == '["assay"]'


def environment_of(text):
    """Variables in an instruction ``ENV`` or a line ``Environment=``."""
    return dict(part.split("=", 1) for part in text.split())


def lies_in(path, folders):
    return any(Path(folder) in Path(path).parents for folder in folders)


def store_of(environment, monkeypatch):
    """Where a service with these variables keeps profiles of speakers and their key."""
    from assay.settings import load_settings

    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    profiles, key = settings.speakers_dir, settings.speaker_key_file
    assert profiles.is_absolute()
    assert profiles not in key.parents  # a copy of the profiles does not open them
    assert not lies_in(key, [settings.serve_folder])
    return profiles, key


def test_speakers_and_their_key_outlive_the_container(compose, monkeypatch):
    stage = final_stage()
    environment = environment_of(dict(stage)["ENV"])
    profiles, key = store_of({name: environment[name] for name in SPEAKERS}, monkeypatch)
    volumes = json.loads(dict(stage)["VOLUME"])
    assert lies_in(profiles, volumes)
    assert lies_in(key, volumes)
    (made,) = [argument for name, argument in stage if name == "RUN" and "install -d -o 10001 -g 10001" in argument]
    assert set(volumes) <= set(made.split())  # else a volume would begin as root's
    serve = compose["services"]["serve"]
    mounted = [volume.partition(":")[2] for volume in serve["volumes"]]
    assert sorted(mounted) == sorted(volumes)
    assert not set(SPEAKERS) & set(serve["environment"])
    keys = [volume for volume in serve["volumes"] if lies_in(key, [volume.partition(":")[2]])]
    assert not set(keys) & set(compose["services"]["worker"]["volumes"])  # it opens no profiles


def test_speakers_and_their_key_outlive_the_unit(monkeypatch):
    unit = (DEPLOY / "assay.service").read_text(encoding="utf-8")
    environment = environment_of(" ".join(re.findall(r"^Environment=(.*)$", unit, flags=re.MULTILINE)))
    (states,) = re.findall(r"^StateDirectory=(.*)$", unit, flags=re.MULTILINE)
    folders = [f"/var/lib/{name}" for name in states.split()]
    profiles, key = store_of({name: environment[name] for name in SPEAKERS}, monkeypatch)
    assert lies_in(profiles, folders)
    assert lies_in(key, folders)


def test_the_image_installs_extras_that_exist_and_copies_files_that_exist():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (extras,) = re.findall(r"'\.\[([\w,]+)\]'", " ".join(argument for _, argument in instructions()))
    assert {"serve", "postgresql", "redis"} <= set(extras.split(",")) <= set(project["optional-dependencies"])
    copied = [argument.split()[:-1] for name, argument in instructions() if name == "COPY" and "--from" not in argument]
    sources = [source for sources in copied for source in sources]
    assert sources
    assert all((ROOT / source).exists() for source in sources)
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert ignored[1] == "*"
    assert {f"!{source}" for source in sources} <= set(ignored)


def test_no_secret_is_written_down(compose):
    text = "".join(path.read_text(encoding="utf-8") for path in DEPLOY.iterdir() if path.is_file())
    assert not re.search(r"(?i)(password|secret|token)\w*[:=][^\S\n]*['\"]?[a-z0-9+]{6}", text)
    assert compose["services"]["database"]["environment"]["POSTGRES_PASSWORD_FILE"].startswith("/run/secrets/")


def test_every_container_is_read_only_pinned_and_comes_back(compose):
    for name, service in compose["services"].items():
        assert service["read_only"] is True, name
        assert service["image"] == "assay:local" or PINNED.match(service["image"]), name
        assert service["restart"] == "unless-stopped", name
        assert "no-new-privileges:true" in service["security_opt"], name
        assert not service.get("privileged"), name
        assert not any("docker.sock" in volume for volume in service["volumes"]), name
        used = {volume.partition(":")[0] for volume in service["volumes"]}
        assert used <= set(compose["volumes"]), name


def test_ours_run_without_root_capabilities_and_without_end(compose):
    for name in ("serve", "worker"):
        service = compose["services"][name]
        assert (service["user"], service["cap_drop"]) == ("10001:10001", ["ALL"])
        assert service["mem_limit"]
        assert service["pids_limit"]
        assert {one: told["condition"] for one, told in service["depends_on"].items()} == {
            "database": "service_healthy",
            "queue": "service_healthy",
        }


def test_only_the_service_is_reached_and_from_this_machine_only(compose):
    published = {name: service["ports"] for name, service in compose["services"].items() if "ports" in service}
    assert published == {"serve": ["127.0.0.1:5000:5000"]}
    assert compose["networks"]["inside"]["internal"] is True
    assert [name for name, service in compose["services"].items() if "outside" in service["networks"]] == ["serve"]


def test_what_compose_starts_are_commands_and_settings_of_ours(compose):
    from assay.settings import Settings

    for name in ("serve", "worker"):
        service = compose["services"][name]
        assert service["command"] == [name]
        for variable in service["environment"]:
            assert variable.removeprefix("ASSAY_").lower() in Settings.model_fields
        assert service["entrypoint"][-1] == "assay"
        assert 'exec assay "$$@"' in service["entrypoint"][2]


def test_the_shell_of_compose_hands_on_command_and_password(compose, tmp_path):
    """The entry point as it stands, with a program that says what it was given."""
    (tmp_path / "assay").write_text('#!/bin/sh\necho "$ASSAY_SERVE_DATABASE" "$@"\n')
    (tmp_path / "assay").chmod(0o755)
    (tmp_path / "password").write_text("0a1b")
    entry = [part.replace("$$", "$") for part in compose["services"]["serve"]["entrypoint"]]
    entry = [part.replace("/run/secrets/database_password", str(tmp_path / "password")) for part in entry]
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    done = subprocess.run(
        [*entry, "keys", "create", "news room"], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "postgresql://assay:0a1b@database/assay keys create news room\n"


def test_the_unit_is_one_that_systemd_knows_and_finds_well_fenced(tmp_path):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("needs systemd-analyze")
    text = (DEPLOY / "assay.service").read_text(encoding="utf-8")
    unit = tmp_path / "assay.service"
    unit.write_text(text.replace("/opt/assay/bin/assay", shutil.which("true")), encoding="utf-8")
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True)
    assert [line for line in done.stderr.splitlines() if "assay.service" in line] == []
    assert done.returncode == 0
    security = ["systemd-analyze", "security", "--offline=true", "--threshold=20", unit]  # 2.0 of 10
    assert subprocess.run(security, capture_output=True).returncode == 0


def test_the_unit_sets_what_it_must():
    text = (DEPLOY / "assay.service").read_text(encoding="utf-8")
    for line in (
        "DynamicUser=yes",
        "ProtectSystem=strict",
        "NoNewPrivileges=yes",
        "CapabilityBoundingSet=",
        "PrivateTmp=yes",
    ):
        assert f"\n{line}\n" in text
    assert "\nStateDirectory=assay assay-key\n" in text
    assert "\nStateDirectoryMode=0700\n" in text
    assert "ASSAY_SERVE_FOLDER=/var/lib/assay" in text
