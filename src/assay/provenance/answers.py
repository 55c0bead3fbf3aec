"""The library's two reports as our own frozen objects.

Everything in them came out of a file that anybody may have written, so nothing is taken for granted: types are
checked, texts and counts are cut, and depth costs no recursion.

References:
    c2pa-rs, manifest store JSON and crJSON as version 0.91 writes them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from assay.credentials import Action, Failure, Ingredient, Provenance, Signer, State
from assay.forensics.programs import MADE_BY_MODELS
from assay.provenance.words import failure, findings

MOST_TEXT = 300
MOST_ENTRIES = 100  # actions, ingredients and failures each
MOST_NODES = 200_000  # of the report, walked in search of source types
UNTRUSTED = "signingCredential.untrusted"  # the library's failure; here it is the difference of valid and trusted
_STATES: dict[object, State] = {"Trusted": "trusted", "Valid": "valid", "Invalid": "invalid"}

Node = dict[str, Any]


def provenance(store: str, certificates: str, *, anchors_given: bool, library: str) -> Provenance | None:
    """What the two reports of the library tell.

    Args:
        store: Its manifest store as JSON.
        certificates: Its crJSON.
        anchors_given: Whether trust anchors were given; without, nothing is trusted.
        library: Version of c2pa-python.

    Returns:
        None if the reports do not have the shape that they should.
    """
    try:
        report, details = _node(json.loads(store)), _node(json.loads(certificates))
    except (ValueError, RecursionError):
        return None
    manifests = _node(report.get("manifests"))
    label = str(report.get("active_manifest"))
    active = _node(manifests.get(label))
    results = _node(report.get("validation_results"))
    state = _STATES.get(report.get("validation_state"))
    if not active or state is None:
        return None
    declared = list(_actions(active))
    deltas = [each for each in _nodes(results.get("ingredientDeltas")) if _is_of(each, label)]
    parts = [_ingredient(part, manifests, deltas, anchors_given) for part in _nodes(active.get("ingredients"))]
    failed = [*_failures(results.get("activeManifest")), *_deltas(results)]
    if failed:
        state = "invalid"  # the library says so too; should it not, the failure counts
    elif state == "trusted" and not anchors_given:
        state = "valid"
    kinds = _source_types(manifests)
    passed = _codes(results.get("activeManifest"), "success")
    fits = "timeStamp.validated" in passed
    stamped = anchors_given and "timeStamp.trusted" in passed if fits else None
    found = Provenance(
        present=True,
        state=state,
        signer=_signer(active, details, label, stamped),
        claim_generator=_generator(active),
        title=_text(active.get("title")),
        actions=tuple(declared[:MOST_ENTRIES]),
        ingredients=tuple(parts[:MOST_ENTRIES]),
        source_types=tuple(sorted(kinds)),
        declares_ai=bool(kinds & MADE_BY_MODELS),
        failures=tuple(failed[:MOST_ENTRIES]),
        library=library,
    )
    left_out = sum(max(len(entries) - MOST_ENTRIES, 0) for entries in (declared, parts, failed))
    told = findings(found, anchors_given=anchors_given, left_out=left_out)
    return found.model_copy(update={"findings": told})


def _node(value: object) -> Node:
    return value if isinstance(value, dict) else {}


def _nodes(value: object) -> Iterator[Node]:
    return (entry for entry in (value if isinstance(value, list) else ()) if isinstance(entry, dict))


def _text(value: object) -> str | None:
    """A text to show: without control or direction characters, cut; None if there is none."""
    if not isinstance(value, str):
        return None
    return "".join(char if char.isprintable() else " " for char in value[:MOST_TEXT]).strip() or None


def _signer(active: Node, details: Node, label: str, stamped: bool | None) -> Signer | None:
    """Names and dates from the certificates (crJSON).

    Args:
        active: The active manifest.
        details: crJSON.
        label: Of the active manifest.
        stamped: Whether its time stamp is trusted, None if there is none that fits.
    """
    detailed = next((each for each in _nodes(details.get("manifests")) if each.get("label") == label), {})
    signature = _node(detailed.get("signature"))
    certificate, brief = _node(signature.get("certificateInfo")), _node(active.get("signature_info"))
    if not certificate and not brief:
        return None
    subject, issuer = _node(certificate.get("subject")), _node(certificate.get("issuer"))
    validity, stamp = _node(certificate.get("validity")), _node(signature.get("timeStampInfo"))
    clock = _node(_node(stamp.get("certificateInfo")).get("subject"))
    named = [name for name in (_text(issuer.get("CN")), _text(issuer.get("O"))) if name]
    return Signer(
        common_name=_text(subject.get("CN")) or _text(brief.get("common_name")),
        # The brief report calls the subject's organisation "issuer".
        organisation=_text(subject.get("O")) or _text(brief.get("issuer")),
        issuer=", ".join(named) or None,
        serial=_text(certificate.get("serialNumber")),
        algorithm=_text(signature.get("algorithm")) or _text(brief.get("alg")),
        not_before=_text(validity.get("notBefore")),
        not_after=_text(validity.get("notAfter")),
        signed_at=_text(stamp.get("timestamp")) if stamped is not None else None,
        time_authority=_text(clock.get("CN")) if stamped is not None else None,
        time_trusted=stamped,
        self_issued=subject == issuer if subject and issuer else None,
    )


def _generator(active: Node) -> str | None:
    infos = list(_nodes(active.get("claim_generator_info")))
    named = [f"{_text(info.get('name')) or ''} {_text(info.get('version')) or ''}".strip() for info in infos]
    return _text(", ".join(filter(None, named))) or _text(active.get("claim_generator"))


def _actions(active: Node) -> Iterator[Action]:
    for assertion in _nodes(active.get("assertions")):
        if str(assertion.get("label")).startswith("c2pa.actions"):
            for action in _nodes(_node(assertion.get("data")).get("actions")):
                agent = action.get("softwareAgent")
                yield Action(
                    name=_text(action.get("action")) or "unnamed",
                    source_type=_short(action.get("digitalSourceType")),
                    software=_text(_node(agent).get("name")) or _text(agent),
                    when=_text(action.get("when")),
                )


def _short(address: object) -> str | None:
    """The last part of a source type's address."""
    text = _text(address)
    return text.rstrip("/").rsplit("/", 1)[-1] if text else None


def _source_types(manifests: Node) -> set[str]:
    """Every digital source type that an assertion of any manifest names, whatever its depth."""
    kinds: set[str] = set()
    todo: list[object] = [each.get("assertions") for each in manifests.values() if isinstance(each, dict)]
    for _ in range(MOST_NODES):
        if not todo:
            break
        value = todo.pop()
        if isinstance(value, dict):
            kinds |= {kind for key in ("digitalSourceType", "DigitalSourceType") if (kind := _kind(value.get(key)))}
            todo.extend(value.values())
        elif isinstance(value, list):
            todo.extend(value)
    return set(sorted(kinds)[:MOST_ENTRIES])


def _kind(value: object) -> str | None:
    """A source type; in JSON-LD it may be the `@id` of an object."""
    return _short(_node(value).get("@id") if isinstance(value, dict) else value)


def _failures(results: object) -> list[Failure]:
    entries = _nodes(_node(results).get("failure"))
    return [
        failure(code, _part(entry.get("url")))
        for entry in entries
        if (code := _text(entry.get("code"))) and code != UNTRUSTED
    ]


def _part(url: object) -> str | None:
    """The last part of a JUMBF address."""
    text = url.rsplit("/", 1)[-1] if isinstance(url, str) else None
    return _text(text)


def _deltas(results: Node) -> Iterator[Failure]:
    """What fails now about ingredients and did not when they were added."""
    for delta in _nodes(results.get("ingredientDeltas")):
        yield from _failures(delta.get("validationDeltas"))


def _is_of(delta: Node, label: str) -> bool:
    """Whether a delta is about an ingredient of this manifest; those of its ingredients have ingredients too."""
    url = str(delta.get("ingredientAssertionURI"))
    return f"/{label}/" in url or "/c2pa/" not in url


def _ingredient(part: Node, manifests: Node, deltas: list[Node], anchors_given: bool) -> Ingredient:
    """An ingredient with what its adder found then and how that differs from what the library finds now."""
    then = _node(_node(part.get("validation_results")).get("activeManifest"))
    own = _node(manifests.get(str(part.get("active_manifest"))))
    now = [
        _node(delta.get("validationDeltas"))
        for delta in deltas
        if _part(delta.get("ingredientAssertionURI")) == part.get("label")
    ]
    failed = [*_failures(then), *(each for delta in now for each in _failures(delta))]
    trusted = any("signingCredential.trusted" in _codes(each, "success") for each in (then, *now))
    distrusted = any(UNTRUSTED in _codes(delta, "failure") for delta in now)  # the adder's anchors are not the caller's
    state: State = "absent"
    if failed:
        state = "invalid"
    elif part.get("active_manifest") and not own:
        state = "unreadable"
    elif own:
        state = "trusted" if anchors_given and trusted and not distrusted else "valid"
    return Ingredient(
        title=_text(part.get("title")),
        relationship=_text(part.get("relationship")),
        state=state,
        signer=_text(_node(own.get("signature_info")).get("common_name")),
        failures=tuple(failed[:MOST_ENTRIES]),
    )


def _codes(results: object, outcome: str) -> set[str]:
    return {str(entry.get("code")) for entry in _nodes(_node(results).get(outcome))}
