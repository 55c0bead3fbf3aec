"""`/api/speakers`: enrolment with consent, verification 1:1, identification 1:N, and the end of profiles.

The door to `assay.speaker`, in whose answers scores rise for the same speaker. Probes are scanned for synthesis by the
service's own scorer, so a match never stands without what a scan says. Everything done here is written into the audit
log, reading and what was refused or failed among it, names and consent left out: profiles are sealed so that whoever
reads the database does not learn who is enrolled. What cannot be written there is not answered, and a speaker whose
enrolment cannot be is not enrolled.

Profiles are asked for by id, never by name: names need not be unique, and addresses are written into logs.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from threading import Lock
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from assay.errors import AssayError, Unavailable
from assay.serve.access import Principal, require
from assay.serve.acts import Acts
from assay.serve.answers import documented
from assay.serve.context import Context
from assay.serve.fields import DATES, FIELDS, REQUIRED, Wanted, wanted_of
from assay.serve.multipart import ClientGone, FormRules, Upload
from assay.serve.operation.audit import append, seal_of
from assay.serve.profiles import Deleted, Profiles, Unreadable, worded, worded_of
from assay.serve.reception import Reception
from assay.serve.request_id import request_id_of
from assay.settings import Settings
from assay.speaker import Enrolment, Identification, Profile, ProfileSummary, Recogniser, Verification
from assay.speaker.enrolment import MOST_RECORDINGS
from assay.stopping import check_stop

STATUSES = (400, 405, 408, 413, 415, 422, 500, 501, 503, 504)
User = Annotated[Principal, Depends(require("speaker"))]
ALL = "speakers"  # target of what is about no profile in particular
Id = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="of the profile")]


log = logging.getLogger("assay.serve.speakers")


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
                self._made = Recogniser(
                    self._context.settings, scan=self.acts.scan, tell=lambda error: worded_of(error).message
                )
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
        """Write into the audit log; waits for the database.

        Raises:
            Unavailable: If the database does not take it.
        """
        request_id = request_id_of(request.scope)
        try:
            with self._context.database.session() as session:
                append(
                    session, seal_of(self._context.settings), principal, f"speaker.{action}", target,
                    outcome=outcome, detail=detail, request_id=request_id,
                )  # fmt: skip
        except SQLAlchemyError as error:
            log.error("speaker.%s %s cannot be recorded: %s", action, target, error, extra={"request_id": request_id})
            raise Unavailable("This cannot be written into the audit log, so there is no answer. Ask again.") from error

    @asynccontextmanager
    async def refusals(
        self, request: Request, principal: Principal, action: str, target: str = ALL
    ) -> AsyncIterator[None]:
        """What ends the block early is told in the audit log by its code, and then in words for callers."""
        try:
            with worded():
                yield
        except Exception as error:
            code = "client_gone" if isinstance(error, ClientGone) else "unexpected"
            code = error.code if isinstance(error, AssayError) else code
            await run_in_threadpool(self.tell, request, principal, action, target, code)
            raise


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
        async with desk.refusals(request, principal, "enroll"), reception.form(request, several) as form:
            wanted = wanted_of(form.fields)
            told = partial(desk.tell, request, principal, "enroll")
            made: Enrolment = await acts.run(request, partial(_enrolled, desk, form.files, wanted, told))
        return made

    @routes.get("", operation_id="list_speakers", responses=documented(405, 500, 501, 503))
    async def listed(request: Request, principal: User) -> Profiles:
        """All profiles, oldest first, then those that have expired."""
        async with desk.refusals(request, principal, "list"):
            found = await run_in_threadpool(_listed, desk)
        told = partial(desk.tell, profiles=len(found.profiles), unreadable=len(found.unreadable))
        await run_in_threadpool(told, request, principal, "list", ALL)
        return found

    @routes.post(
        "/identify", operation_id="identify_speaker", openapi_extra=_body(one), responses=documented(*STATUSES)
    )
    async def identify(request: Request, principal: User) -> Identification:
        """Tell which enrolled speaker a voice sounds like, if any, and whether it sounds synthetic. No proof."""
        acts.require_room()
        async with desk.refusals(request, principal, "identify"), reception.form(request, one) as form:
            (upload,) = form.files
            act = partial(_identified, desk, upload)
            found: Identification = await acts.run(request, act)
        told = partial(desk.tell, compared=len(found.candidates))
        await run_in_threadpool(told, request, principal, "identify", found.probe.sha256, found.decision)
        return found

    @routes.post("/expire", operation_id="expire_speakers", responses=documented(405, 500, 501, 503))
    async def expire(request: Request, principal: User) -> Deleted:
        """Overwrite and remove the profiles whose retention date has passed."""
        async with desk.refusals(request, principal, "expire"):
            gone = await run_in_threadpool(lambda: desk.recogniser().store.expire())
        for identity in gone:
            await run_in_threadpool(desk.tell, request, principal, "expire", identity)
        return Deleted(deleted=list(gone))

    @routes.get("/{id}", operation_id="show_speaker", responses=documented(404, 405, 410, 422, 500, 501, 503))
    async def show(request: Request, principal: User, id: Id) -> ProfileSummary:  # noqa: A002 - the name in the address
        """One profile."""
        async with desk.refusals(request, principal, "show", id):
            found = await run_in_threadpool(desk.profile, id)
        await run_in_threadpool(desk.tell, request, principal, "show", id)
        return ProfileSummary.of(found)

    @routes.post(
        "/{id}/verify",
        operation_id="verify_speaker",
        openapi_extra=_body(one),
        responses=documented(*sorted({*STATUSES, 404, 409, 410})),
    )
    async def verify(request: Request, principal: User, id: Id) -> Verification:  # noqa: A002
        """Tell whether a voice sounds like one enrolled speaker, and whether it sounds synthetic. No proof."""
        acts.require_room()
        async with desk.refusals(request, principal, "verify", id):
            await run_in_threadpool(desk.profile, id)  # before a file is taken in
            async with reception.form(request, one) as form:
                (upload,) = form.files
                act = partial(_verified, desk, upload, id)
                found: Verification = await acts.run(request, act)
        spoof = found.spoof.verdict if found.spoof else None
        told = partial(desk.tell, probe=found.probe.sha256, spoof=spoof)
        await run_in_threadpool(told, request, principal, "verify", id, found.decision)
        return found

    @routes.delete("/{id}", operation_id="delete_speaker", responses=documented(404, 405, 422, 500, 501, 503))
    async def delete(request: Request, principal: User, id: Id) -> Deleted:  # noqa: A002
        """Overwrite and remove a profile; there is no way back."""
        async with desk.refusals(request, principal, "delete", id):
            await run_in_threadpool(_deleted, desk, id)
        await run_in_threadpool(desk.tell, request, principal, "delete", id)
        return Deleted(deleted=[id])

    return routes


def _identified(desk: Desk, upload: Upload) -> Identification:
    return desk.recogniser().identify(upload.source, name=upload.name)


def _verified(desk: Desk, upload: Upload, identity: str) -> Verification:
    return desk.recogniser().verify(upload.source, identity, name=upload.name)


def _enrolled(desk: Desk, uploads: Sequence[Upload], wanted: Wanted, told: Callable[..., None]) -> Enrolment:
    """Enrol and tell; whom nobody waits for any more, or whose enrolment cannot be told, is not enrolled."""
    using = desk.recogniser()
    consent = wanted.consent_of(using.store.now().date())
    sources, names = [upload.source for upload in uploads], [upload.name for upload in uploads]
    made = using.enroll(sources, name=wanted.name, consent=consent, retain_until=wanted.retain_until, names=names)
    try:
        check_stop()
        until = made.profile.retain_until.isoformat()
        told(made.profile.id, recordings=made.profile.recordings, retain_until=until)
    except BaseException:
        using.store.delete(made.profile.id)
        raise
    return made


def _listed(desk: Desk) -> Profiles:
    found = desk.recogniser().store.list()
    profiles = [ProfileSummary.of(profile) for profile in found.profiles]
    profiles += [ProfileSummary.of(profile, expired=True) for profile in found.expired]
    unreadable = {identity: worded_of(error) for identity, error in found.unreadable.items()}
    told = [Unreadable(id=identity, code=error.code, message=error.message) for identity, error in unreadable.items()]
    return Profiles(profiles=profiles, unreadable=told)


def _deleted(desk: Desk, identity: str) -> None:
    store = desk.recogniser().store
    store.require(identity)
    store.delete(identity)


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
