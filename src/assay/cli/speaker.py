"""`assay speaker`: enrol speakers with consent, verify and identify voices, keep and remove profiles."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from assay.cli import exits

if TYPE_CHECKING:
    from assay.settings import Settings
    from assay.speaker import Candidate, Identification, ProfileStore, ProfileSummary, Recogniser, Verification

Form = Literal["text", "json"]
FailOn = Literal["match", "no_match", "not_enough_speech"]
OptionForm = Annotated[Form, typer.Option("--format", "-f", help="For people or programs.")]
OptionFalseMatch = Annotated[
    float | None, typer.Option(help="Accepted rate of other people taken for an enrolled speaker, such as 0.01.")
]
OptionScan = Annotated[bool, typer.Option("--scan/--no-scan", help="Scan the probe for signs of synthesis, too.")]
OptionFailOn = Annotated[FailOn | None, typer.Option(help="End with 4 at this decision.")]
Who = Annotated[str, typer.Argument(metavar="SPEAKER", help="Id of the profile, or its name.", show_default=False)]
Probe = Annotated[
    str,
    typer.Argument(metavar="PROBE", help="Recording or video; - is standard input.", show_default=False),
]

EPILOG = f"""\b
Examples:
  assay speaker enroll *.wav --name 'A. Speaker' --consent-by 'B. Clerk' --consent 'signed form 17'
  assay speaker verify message.wav 'A. Speaker'
  assay speaker identify message.wav --format json
  assay speaker list
  assay speaker delete 'A. Speaker'
  assay speaker expire
  assay speaker rekey

A match or a mismatch is no proof that a recording is genuine or a clone.

{exits.TABLE}
"""

app = typer.Typer(
    help="Enrol speakers with consent; verify and identify voices.",
    epilog=EPILOG,
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.callback()
def _speaker() -> None:
    """Enrol speakers with consent; verify and identify voices."""


@app.command()
def enroll(
    recordings: Annotated[
        list[str],
        typer.Argument(metavar="RECORDING", help="Of this speaker alone; 3 to 5 are best.", show_default=False),
    ],
    name: Annotated[str, typer.Option(help="Of the speaker, for display.", show_default=False)],
    consent_by: Annotated[str, typer.Option(help="Who asked for consent and recorded it.", show_default=False)],
    consent: Annotated[
        str, typer.Option(help="What was agreed to, or where the signed text is kept.", show_default=False)
    ],
    consent_on: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="When it was recorded; today if not given.")
    ] = None,
    retain_until: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help="Last day of use, UTC; the longest that speaker_retention_days allows if not given.",
        ),
    ] = None,
    form: OptionForm = "text",
) -> None:
    """Enrol a speaker: keep an encrypted profile of a voice, with consent and an end date."""
    from assay.speaker import Consent

    recogniser = _recogniser(_prepare())
    recorded = (consent_on or recogniser.store.now()).date()
    try:
        given = Consent(recorded_by=consent_by, recorded_on=recorded, reference=consent)
    except ValueError as error:  # pydantic's
        raise typer.BadParameter(
            "--consent and --consent-by need words, not blanks.", param_hint="--consent"
        ) from error
    found = recogniser.enroll(
        recordings, name=name, consent=given, retain_until=retain_until.date() if retain_until else None
    )
    from assay.cli.terminal import note, say, say_json

    if form == "json":
        say_json(found.model_dump(mode="json"))
        return
    profile = found.profile
    say(f"enrolled {profile.name} as {profile.id}")
    say(f"  {profile.recordings} recordings, {profile.speech_s:.1f} s of speech; kept until {profile.retain_until}")
    for line in found.notes:
        note(f"note: {line}")


@app.command()
def verify(
    probe: Probe,
    who: Who,
    max_false_match: OptionFalseMatch = None,
    scan: OptionScan = True,
    fail_on: OptionFailOn = None,
    form: OptionForm = "text",
) -> None:
    """Tell whether a voice sounds like one enrolled speaker, and whether it sounds synthetic."""
    found = _recogniser(_prepare(max_false_match), scan=scan).verify(probe, who)
    _show(found, [found.speaker], form)
    raise typer.Exit(exits.FLAGGED if found.decision == fail_on else exits.OK)


@app.command()
def identify(
    probe: Probe,
    max_false_match: OptionFalseMatch = None,
    scan: OptionScan = True,
    most: Annotated[int, typer.Option("--most", min=1, help="Candidates shown as text; JSON has all.")] = 10,
    fail_on: OptionFailOn = None,
    form: OptionForm = "text",
) -> None:
    """Tell which enrolled speaker a voice sounds like, if any, and whether it sounds synthetic."""
    found = _recogniser(_prepare(max_false_match), scan=scan).identify(probe)
    _show(found, found.candidates[:most], form)
    raise typer.Exit(exits.FLAGGED if found.decision == fail_on else exits.OK)


@app.command("list")
def list_(form: OptionForm = "text") -> None:
    """List the profiles, expired and unreadable ones, too; ends with 1 if one cannot be read."""
    from assay.cli.terminal import complain, note, say_json, table
    from assay.speaker import ProfileSummary

    found = _store(_prepare()).list()
    profiles = [ProfileSummary.of(p) for p in found.profiles]
    profiles += [ProfileSummary.of(p, expired=True) for p in found.expired]
    if form == "json":
        unreadable = [{"id": i, "code": e.code, "message": e.message} for i, e in found.unreadable.items()]
        say_json({"profiles": [p.model_dump(mode="json") for p in profiles], "unreadable": unreadable})
    elif profiles:
        columns = ("id", "name", "recordings", "speech", "created", "kept until", "consent")
        table(columns, [_row(profile) for profile in profiles])
    else:
        note("no profiles")
    for error in found.unreadable.values() if form == "text" else ():
        complain(error.message, error.code)
    raise typer.Exit(exits.INPUT_FAILED if found.unreadable else exits.OK)


@app.command()
def delete(who: Who, form: OptionForm = "text") -> None:
    """Overwrite and remove a profile; there is no way back."""
    from assay.cli.terminal import say, say_json

    gone = _store(_prepare()).delete(who)
    say_json({"deleted": [gone]}) if form == "json" else say(f"deleted {gone}")


@app.command()
def expire(form: OptionForm = "text") -> None:
    """Overwrite and remove the profiles whose retention date has passed; run it every day."""
    from assay.cli.terminal import say, say_json

    gone = _store(_prepare()).expire()
    say_json({"deleted": list(gone)}) if form == "json" else say(f"{len(gone)} expired profiles deleted")


@app.command()
def rekey(
    old_key_file: Annotated[
        Path | None,
        typer.Option(help="Where the new key is in the setting speaker_key: file with the old one.", dir_okay=False),
    ] = None,
    form: OptionForm = "text",
) -> None:
    """Change the key: seal every profile anew, and overwrite the old key."""
    from assay.cli.terminal import say, say_json
    from assay.errors import SettingsError
    from assay.speaker.keys import read_key_file

    settings = _prepare()
    old = read_key_file(old_key_file) if old_key_file else None
    if old_key_file and old is None:
        raise SettingsError(f"--old-key-file: '{old_key_file}' is not there. Name the file with the old key.")
    changed = _store(settings, old).rekey()
    say_json({"sealed_anew": changed}) if form == "json" else say(f"{changed} profiles sealed with the new key")


def _prepare(max_false_match: float | None = None) -> Settings:
    from assay.cli.terminal import prepare

    return prepare(speaker_false_match=max_false_match)


def _store(settings: Settings, old_key: bytes | None = None) -> ProfileStore:
    from assay.speaker import ProfileStore

    return ProfileStore.from_settings(settings, old_key=old_key)


def _recogniser(settings: Settings, *, scan: bool = False) -> Recogniser:
    from assay.speaker import Recogniser

    if not scan:
        return Recogniser(settings)
    from assay.line import Detector

    return Recogniser(settings, scan=Detector(settings=settings).scan)


def _row(profile: ProfileSummary) -> tuple[str, ...]:
    until = f"{profile.retain_until}{' (expired)' if profile.expired else ''}"
    consent = f"{profile.consent.reference} ({profile.consent.recorded_by}, {profile.consent.recorded_on})"
    created = profile.created.date().isoformat()
    return profile.id, profile.name, str(profile.recordings), f"{profile.speech_s:.1f} s", created, until, consent


def _show(found: Verification | Identification, candidates: Any, form: Form) -> None:
    from assay.cli.terminal import note, say, say_json

    if form == "json":
        say_json({**found.model_dump(mode="json"), "plain_decision": found.plain_decision})
        return
    probe, point = found.probe, found.operating_point
    say(f"{probe.path}: {found.plain_decision}")
    say(f"  speech: {probe.speech_s:.1f} s (at least {probe.needed_s:g} s needed)")
    for one in candidates:
        say(f"  {_candidate(one)}")
    among = f" over {point.comparisons} profiles" if point.comparisons > 1 else ""
    beyond = "; beyond what was measured" if point.extrapolated else ""
    rate = f"a false-match rate of {point.max_false_match:g}{among}{beyond}"
    say(f"  threshold: llr {point.threshold_llr:.2f}, for {rate}")
    if found.spoof is None:
        say(f"  synthesis: {found.no_spoof}")
    else:
        likely = "" if found.spoof.spoof_probability is None else f", P(spoof) {found.spoof.spoof_probability:.2f}"
        say(f"  synthesis: {found.spoof.plain}{likely}")
        for reason in found.spoof.reasons:
            say(f"    {reason}")
    say(f"  {found.statement}")
    for line in found.notes:
        note(f"note: {line}")
    for identity, why in getattr(found, "left_out", {}).items():
        note(f"not compared: {identity}: {why}")


def _candidate(one: Candidate) -> str:
    if one.llr is None or one.score is None or one.chance is None:
        return f"{one.name} ({one.id}): not compared"
    mark = "match" if one.match else "no match"
    return (
        f"{one.name} ({one.id}): {mark}, llr {one.llr:+.2f}, cosine {one.score:.3f};"
        f" at most {one.chance:.2g} of other people's voices reach it"
    )
