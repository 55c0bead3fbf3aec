"""What is told about the Content Credentials of one file.

Texts out of a manifest are claims of whoever wrote it: cut to 300 characters and without control characters, and never
followed, resolved or executed.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

State = Literal["absent", "valid", "trusted", "invalid", "unreadable"]
Reason = Literal[
    "damaged", "misplaced", "missing_extra", "remote_only", "unsupported", "took_too_long", "library_failed"
]
Where = Literal["content", "assertion", "claim", "signature", "certificate", "time_stamp", "ingredient", "manifest"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Signer(_Frozen):
    """The certificate behind the signature, as the manifest carries it.

    Attributes:
        common_name: Of the certificate's subject; None if it states none.
        organisation: Of the certificate's subject.
        issuer: Common name and organisation of whoever issued the certificate.
        serial: The certificate's serial number, hexadecimal.
        algorithm: Of the signature, ``"es256"``.
        not_before: Beginning of the certificate's validity, ISO 8601.
        not_after: Its end.
        signed_at: When the signature existed, ISO 8601, as a time-stamp authority attested it; None without a time
            stamp that fits. A signer's own word on the time is not used.
        time_authority: Common name in the authority's certificate.
        time_trusted: Whether one of the caller's anchors vouches for the authority; None without a time stamp.
        self_issued: Whether subject and issuer are the same, so that nobody else vouches for the name.
    """

    common_name: str | None = None
    organisation: str | None = None
    issuer: str | None = None
    serial: str | None = None
    algorithm: str | None = None
    not_before: str | None = None
    not_after: str | None = None
    signed_at: str | None = None
    time_authority: str | None = None
    time_trusted: bool | None = None
    self_issued: bool | None = None


class Action(_Frozen):
    """One step of the history that the signer declares.

    Attributes:
        name: C2PA's name, ``"c2pa.created"``, ``"c2pa.edited"``.
        source_type: IPTC's digital source type without its address, ``"trainedAlgorithmicMedia"``.
        software: The program that did it.
        when: ISO 8601, as declared.
    """

    name: str
    source_type: str | None = None
    software: str | None = None
    when: str | None = None


class Failure(_Frozen):
    """One check that failed.

    Attributes:
        code: C2PA's status code, ``"assertion.dataHash.mismatch"``.
        where: What the check was about: ``"content"`` is the file outside its credentials.
        part: The part of the manifest that the code points to, ``"c2pa.actions.v2"``.
        words: One plain sentence.
    """

    code: str
    where: Where
    part: str | None = None
    words: str


class Ingredient(_Frozen):
    """Something the file was made from.

    Attributes:
        title: As declared.
        relationship: ``"parentOf"`` (edited from), ``"componentOf"`` (holds) or ``"inputTo"`` (fed to a model).
        state: Of its own credentials: ``"absent"`` if it had none when it was added.
        signer: Common name of whoever signed the ingredient.
        failures: What failed when it was added, and what fails now.
    """

    title: str | None = None
    relationship: str | None = None
    state: State = "absent"
    signer: str | None = None
    failures: tuple[Failure, ...] = ()


class Provenance(_Frozen):
    """The Content Credentials of one file.

    Attributes:
        present: Whether a C2PA manifest store stands in the bytes.
        state: ``"absent"``: none. ``"valid"``: the signature holds and nothing was altered, by somebody whom no given
            anchor vouches for. ``"trusted"``: as valid, and the certificate leads to an anchor of the caller's.
            ``"invalid"``: altered, or signed wrongly. ``"unreadable"``: there may be some, `reason` says why
            nothing is known.
        reason: Why it is unreadable, None otherwise.
        signer: None if no certificate could be read.
        claim_generator: Program that wrote the manifest, with version.
        title: Of the file, as declared.
        actions: History of this file as declared, in order.
        ingredients: In order.
        source_types: Digital source types declared anywhere in the store, ingredients included, sorted.
        declares_ai: Whether one of them says that a trained model made the file or a part of it, ingredients included.
        failures: Checks that failed, of the active manifest and of what changed about its ingredients.
        remote_url: Where the file says that its manifest is kept; never fetched.
        findings: Plain sentences: what this proves and what it does not.
        library: Version of c2pa-python that answered, None if it was not asked.
    """

    present: bool = False
    state: State = "absent"
    reason: Reason | None = None
    signer: Signer | None = None
    claim_generator: str | None = None
    title: str | None = None
    actions: tuple[Action, ...] = ()
    ingredients: tuple[Ingredient, ...] = ()
    source_types: tuple[str, ...] = ()
    declares_ai: bool = False
    failures: tuple[Failure, ...] = ()
    remote_url: str | None = None
    findings: tuple[str, ...] = ()
    library: str | None = None
