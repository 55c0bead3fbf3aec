"""Status codes and findings in plain words.

References:
    C2PA 2.2, section 15 (validation, status codes); IPTC NewsCodes, digital source type.
"""

from __future__ import annotations

from collections.abc import Iterator

from assay.credentials import Failure, Provenance, Reason, Signer, Where
from assay.forensics.programs import SOURCE_TYPES

ABSENT = "The file holds no Content Credentials. That proves nothing: most files have none, and re-saving strips them."
NOT_TRUE = "A signature says who vouches for the file, not that what it shows or says is true."

# By the beginning of the code; the longest that fits counts.
_CODES: dict[str, tuple[Where, str]] = {
    "assertion.dataHash": ("content", "The file was altered after signing: its bytes are not the ones signed."),
    "assertion.bmffHash": ("content", "The file was altered after signing: its media boxes are not the ones signed."),
    "assertion.boxesHash": ("content", "The file was altered after signing: its parts are not the ones signed."),
    "assertion.collectionHash": ("content", "A file of the signed collection was altered after signing."),
    "assertion.hashedURI": ("assertion", "A statement in the credentials was altered after signing."),
    "assertion.missing": ("assertion", "A statement that the signature covers is missing from the credentials."),
    "assertion.undeclared": ("assertion", "The credentials hold a statement that the signature does not cover."),
    "assertion.action": ("assertion", "The declared history breaks C2PA's rules."),
    "assertion.ingredient": ("ingredient", "An ingredient is declared in a way that breaks C2PA's rules."),
    "assertion": ("assertion", "A statement in the credentials breaks C2PA's rules."),
    "hashedURI": ("assertion", "A part that the credentials point to is missing or was altered."),
    "claimSignature.mismatch": ("signature", "The signature does not fit: the credentials were altered or forged."),
    "claimSignature.missing": ("signature", "The credentials are not signed."),
    "claimSignature.outsideValidity": ("signature", "It was signed while the certificate was not valid."),
    "claimSignature": ("signature", "The signature breaks C2PA's rules."),
    "claim": ("claim", "The claim, which lists what is signed, is missing or broken."),
    "signingCredential.expired": (
        "certificate",
        "The certificate has expired, and no trusted time stamp shows that the signature is older.",
    ),
    "signingCredential.untrusted": ("certificate", "No given trust anchor vouches for the certificate."),
    "signingCredential.invalid": ("certificate", "The certificate is not one that may sign Content Credentials."),
    "signingCredential": ("certificate", "The certificate was revoked or cannot be used."),
    "timeStamp": ("time_stamp", "The time stamp does not fit, is broken or is not trusted."),
    "ingredient": ("ingredient", "The credentials of an ingredient are missing, altered or not the ones declared."),
    "manifest": ("manifest", "The manifest store is put together in a way that C2PA forbids."),
    "algorithm": ("manifest", "An algorithm is used that C2PA does not allow or this version does not know."),
}

REASONS: dict[Reason, str] = {
    "damaged": "Content Credentials are in the file, but broken or cut off, so they prove nothing.",
    "misplaced": "Bytes of Content Credentials are in the file, but not where its format keeps them: they were damaged,"
    " or belong to something embedded. They prove nothing about this file.",
    "missing_extra": "Content Credentials are in the file and were not read.",
    "remote_only": "The file says that its Content Credentials are kept at an address, which was not fetched: nothing"
    " is known about them. Anybody can write such an address.",
    "unsupported": "Bytes of Content Credentials are in a file of a kind in which they cannot be validated.",
    "took_too_long": "Content Credentials are in the file, but validating them took too long and was given up.",
    "library_failed": "Content Credentials are in the file, but the library that validates them failed.",
}


def failure(code: str, part: str | None) -> Failure:
    """A failed check in plain words; of an unknown code it is said that C2PA's rules are broken."""
    fitting = [name for name in _CODES if code == name or code.startswith(f"{name}.")]
    where, words = _CODES[max(fitting, key=len)] if fitting else ("manifest", "The credentials break C2PA's rules.")
    return Failure(code=code, where=where, part=part, words=words)


def findings(found: Provenance, *, anchors_given: bool, left_out: int) -> tuple[str, ...]:
    """What credentials that were read prove and what they do not, most important first.

    Args:
        found: Everything but its findings.
        anchors_given: Whether the caller gave trust anchors.
        left_out: Entries that were not kept because there were too many.
    """
    return tuple(_findings(found, anchors_given, left_out))


def _findings(found: Provenance, anchors_given: bool, left_out: int) -> Iterator[str]:
    yield from _signature(found, anchors_given)
    yield from _declared(found)
    for ingredient in found.ingredients:
        name = f"'{ingredient.title}'" if ingredient.title else "without a title"
        if ingredient.failures:
            yield f"Ingredient {name}: {ingredient.failures[0].words}"
        elif ingredient.state == "absent":
            yield f"Ingredient {name} came without Content Credentials; where it is from is the signer's word."
    if left_out:
        yield f"{left_out} further entries of the credentials are not shown."


def _signature(found: Provenance, anchors_given: bool) -> Iterator[str]:
    signer = found.signer
    name = (signer and (signer.common_name or signer.organisation)) or "an unnamed signer"
    if found.state == "invalid":
        yield "The Content Credentials are not valid; what they state must not be relied on."
        yield from dict.fromkeys(each.words for each in found.failures)
        return
    yield f"The signature of {name} holds: nothing that it covers was altered since."
    if found.state == "trusted" and signer:
        yield f"A given trust anchor vouches for {name} through {signer.issuer or 'its issuer'}."
    elif signer and signer.self_issued:
        yield "The certificate is self-signed: it proves integrity only, for anybody can make one under any name."
    elif anchors_given:
        yield "No given trust anchor vouches for the certificate, so the name may be anybody's."
    else:
        yield "No trust anchors were given, so whether the name is genuine was not checked."
    yield NOT_TRUE
    yield _time(signer)


def _time(signer: Signer | None) -> str:
    if signer is None or signer.signed_at is None:
        return "It holds no time stamp that fits, so the time of signature is not known."
    authority = signer.time_authority or "an unnamed authority"
    if signer.time_trusted:
        return (
            f"It was signed by {signer.signed_at} at the latest; a given anchor vouches for {authority}, who says so."
        )
    return f"A time stamp says {signer.signed_at}, but nothing vouches for {authority}, who made it."


def _declared(found: Provenance) -> Iterator[str]:
    whose = "The credentials, which are not valid, declare" if found.state == "invalid" else "The signer declares"
    for kind in found.source_types:
        if kind in SOURCE_TYPES:
            yield f"{whose} of the file or an ingredient: {SOURCE_TYPES[kind]} ({kind})."
    if not found.declares_ai and found.state != "invalid":
        yield "No use of generative models is declared, which does not rule it out."
