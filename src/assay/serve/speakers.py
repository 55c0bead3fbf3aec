"""`/api/speakers`: enrolment with consent, verification 1:1, identification 1:N, and the end of profiles.

The door to `assay.speaker`, in whose answers scores rise for the same speaker. Probes are scanned for synthesis by the
service's own scorer, so a match never stands without what a scan says. Everything done here is written into the audit
log, names and consent left out: profiles are sealed so that whoever reads the database does not learn who is enrolled.

Profiles are asked for by id, never by name: names need not be unique, and addresses are written into logs.
"""

from __future__ import annotations

from datetime import date
from functools import partial
from threading import Lock
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.concurrency import run_in_threadpool

from assay.errors import BadRequest
from assay.serve.access import Principal, require
from assay.serve.acts import Acts
from assay.serve.answers import documented
from assay.serve.context import Context
from assay.serve.multipart import FormRules, Upload
from assay.serve.operation.audit import append, seal_of
from assay.serve.reception import Reception
from assay.serve.tracing import request_id_of
from assay.settings import Settings
from assay.speaker import Consent, Enrolment, Identification, Profile, ProfileSummary, Recogniser, Verification
from assay.speaker.enrolment import MOST_RECORDINGS

FIELDS = {
    "name": "of the speaker, for display",
    "consent": "what was agreed to, or where the signed text is kept",
    "consent_by": "who asked for consent and recorded it",
    "consent_on": "when it was recorded; today if not given",
    "retain_until": "last day of use, UTC; the longest that speaker_retention_days allows if not given",
}
REQUIRED, DATES = ("name", "consent", "consent_by"), ("consent_on", "retain_until")
STATUSES = (400, 405, 408, 413, 415, 422, 500, 501, 503, 504)
User = Annotated[Principal, Depends(require("speaker"))]
Id = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="of the profile")]


class Unreadable(BaseModel):
    """A profile whose file cannot be opened."""

    model_config = ConfigDict(extra="forbid")

    id: str
    code: str
    message: str


class Profiles(BaseModel):
    """All profiles, those whose retention date has passed among them."""

    model_config = ConfigDict(extra="forbid")

    profiles: list[ProfileSummary]
    unreadable: list[Unreadable]


class Deleted(BaseModel):
    """What is gone for good."""

    model_config = ConfigDict(extra="forbid")

    deleted: list[str] = Field(description="ids of profiles")


class Desk:
    """Works for all routes with one set of networks.

    Args:
        context: Of the process.
        acts: Run what takes long.
        reception: Takes files in.
    """

    def __init__(self, context: Context, acts: Acts, reception: Reception) -> None:
        self.acts, self.reception = acts, reception
        self._context = context
        self._made: Recogniser | None = None
        self._making = Lock()

    def recogniser(self) -> Recogniser:
        """The one that all share; made when it is first needed.

        Raises:
            MissingExtra: If the extra `speaker` is not installed.
            SettingsError, ModelError: As `Recogniser`.
        """
        with self._making:
            if self._made is None:
                self._made = Recogniser(self._context.settings, scan=self.acts.scan)
            return self._made

    def profile(self, identity: str) -> Profile:
        """A profile that may be used.

        Raises:
            ProfileNotFound, ProfileExpired, ProfileDamaged, ProfileKeyError: As `ProfileStore.load`.
        """
        store = self.recogniser().store
        store.require(identity)
        return store.load(identity)

    def tell(
        self, request: Request, principal: Principal, action: str, target: str, outcome: str = "done", **detail: Any
    ) -> None:
        """Write into the audit log; waits for the database."""
        with self._context.database.session() as session:
            append(
                session, seal_of(self._context.settings), principal, f"speaker.{action}", target,
                outcome=outcome, detail=detail, request_id=request_id_of(request.scope),
            )  # fmt: skip


def router(desk: Desk, settings: Settings) -> APIRouter:
    """The routes below ``/api/speakers``."""
    routes = APIRouter(prefix="/api/speakers", tags=["speakers"])
    acts, reception = desk.acts, desk.reception
    one = FormRules.of(settings)
    several = FormRules.of(settings, fields=FIELDS, file_field="files", max_files=MOST_RECORDINGS)

    @routes.post(
        "",
        status_code=201,
        operation_id="enroll_speaker",
        openapi_extra=_body(several),
        responses=documented(*STATUSES),
    )
    async def enroll(request: Request, principal: User) -> Enrolment:
        """Enrol a speaker: keep a sealed profile of a voice, with consent and an end date."""
        acts.require_room()
        async with reception.form(request, several) as form:
            wanted = wanted_of(form.fields)
            sources = [upload.source for upload in form.files]
            names = [upload.name for upload in form.files]
            act = partial(_enrolled, desk, sources=sources, names=names, wanted=wanted)
            made: Enrolment = await acts.run(request, act)
        until = made.profile.retain_until.isoformat()
        told = partial(desk.tell, recordings=made.profile.recordings, retain_until=until)
        await run_in_threadpool(told, request, principal, "enroll", made.profile.id)
        return made

    @routes.get("", operation_id="list_speakers", responses=documented(405, 500, 501))
    def listed(_principal: User) -> Profiles:
        """All profiles, oldest first, then those that have expired."""
        found = desk.recogniser().store.list()
        profiles = [ProfileSummary.of(profile) for profile in found.profiles]
        profiles += [ProfileSummary.of(profile, expired=True) for profile in found.expired]
        unreadable = [Unreadable(id=i, code=e.code, message=e.message) for i, e in found.unreadable.items()]
        return Profiles(profiles=profiles, unreadable=unreadable)

    @routes.post(
        "/identify", operation_id="identify_speaker", openapi_extra=_body(one), responses=documented(*STATUSES)
    )
    async def identify(request: Request, principal: User) -> Identification:
        """Tell which enrolled speaker a voice sounds like, if any, and whether it sounds synthetic. No proof."""
        acts.require_room()
        async with reception.form(request, one) as form:
            (upload,) = form.files
            act = partial(_identified, desk, upload)
            found: Identification = await acts.run(request, act)
        told = partial(desk.tell, compared=len(found.candidates))
        await run_in_threadpool(told, request, principal, "identify", found.probe.sha256, found.decision)
        return found

    @routes.post("/expire", operation_id="expire_speakers", responses=documented(405, 500, 501))
    def expire(request: Request, principal: User) -> Deleted:
        """Overwrite and remove the profiles whose retention date has passed."""
        gone = desk.recogniser().store.expire()
        for identity in gone:
            desk.tell(request, principal, "expire", identity)
        return Deleted(deleted=list(gone))

    @routes.get("/{id}", operation_id="show_speaker", responses=documented(404, 405, 410, 422, 500, 501))
    def show(_principal: User, id: Id) -> ProfileSummary:  # noqa: A002 - the name in the address
        """One profile."""
        return ProfileSummary.of(desk.profile(id))

    @routes.post(
        "/{id}/verify",
        operation_id="verify_speaker",
        openapi_extra=_body(one),
        responses=documented(*sorted({*STATUSES, 404, 409, 410})),
    )
    async def verify(request: Request, principal: User, id: Id) -> Verification:  # noqa: A002
        """Tell whether a voice sounds like one enrolled speaker, and whether it sounds synthetic. No proof."""
        acts.require_room()
        await run_in_threadpool(desk.profile, id)  # before a file is taken in
        async with reception.form(request, one) as form:
            (upload,) = form.files
            act = partial(_verified, desk, upload, id)
            found: Verification = await acts.run(request, act)
        spoof = found.spoof.verdict if found.spoof else None
        told = partial(desk.tell, probe=found.probe.sha256, spoof=spoof)
        await run_in_threadpool(told, request, principal, "verify", id, found.decision)
        return found

    @routes.delete("/{id}", operation_id="delete_speaker", responses=documented(404, 405, 422, 500, 501))
    def delete(request: Request, principal: User, id: Id) -> Deleted:  # noqa: A002
        """Overwrite and remove a profile; there is no way back."""
        store = desk.recogniser().store
        store.require(id)
        gone = store.delete(id)
        desk.tell(request, principal, "delete", gone)
        return Deleted(deleted=[gone])

    return routes


class Wanted(BaseModel):
    """What a form of an enrolment says beside its recordings."""

    name: str
    consent: str
    consent_by: str
    consent_on: date | None = None
    retain_until: date | None = None


def wanted_of(fields: dict[str, str]) -> Wanted:
    """The fields of an enrolment; an empty one counts as none.

    Raises:
        BadRequest: If one is missing, or a date is none.
    """
    given = {name: text.strip() for name, text in fields.items() if text.strip()}
    missing = [name for name in REQUIRED if name not in given]
    if missing:
        raise BadRequest(f"The form needs the fields {', '.join(missing)}: {'; '.join(FIELDS[m] for m in missing)}.")
    for name in DATES:
        if name in given and not _is_date(given[name]):
            raise BadRequest(f"{name} is {given[name][:40]!r}; give a day such as 2027-01-31.", field=name)
    return Wanted.model_validate(given)


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return len(text) == len("2027-01-31")


def _identified(desk: Desk, upload: Upload) -> Identification:
    return desk.recogniser().identify(upload.source, name=upload.name)


def _verified(desk: Desk, upload: Upload, identity: str) -> Verification:
    return desk.recogniser().verify(upload.source, identity, name=upload.name)


def _enrolled(desk: Desk, *, sources: list[Any], names: list[str], wanted: Wanted) -> Enrolment:
    using = desk.recogniser()
    on = wanted.consent_on or using.store.now().date()
    try:
        consent = Consent(recorded_by=wanted.consent_by, recorded_on=on, reference=wanted.consent)
    except ValidationError as error:
        told = "; ".join(f"{fault['loc'][0]}: {fault['msg']}" for fault in error.errors())
        raise BadRequest(f"The consent cannot be kept like this: {told}.") from error
    return using.enroll(sources, name=wanted.name, consent=consent, retain_until=wanted.retain_until, names=names)


def _body(rules: FormRules) -> dict[str, Any]:
    """The request as OpenAPI says it."""
    content: dict[str, Any] = {
        "type": "string",
        "format": "binary",
        "description": "a recording, or a video with sound",
    }
    if rules.max_files > 1:
        content = {"type": "array", "items": content, "minItems": 1, "maxItems": rules.max_files}
    properties: dict[str, Any] = {rules.file_field: content}
    for name, told in FIELDS.items() if rules.max_files > 1 else ():
        properties[name] = {"type": "string", "description": told} | ({"format": "date"} if name in DATES else {})
    required = [rules.file_field, *(REQUIRED if rules.max_files > 1 else ())]
    schema = {"type": "object", "required": required, "properties": properties, "additionalProperties": False}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}
