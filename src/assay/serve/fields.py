"""What fields of forms say: yes or no, and an enrolment."""

from __future__ import annotations

from datetime import date

from pydantic import BaseModel, ValidationError

from assay.errors import AssayError, BadRequest
from assay.speaker import Consent

YES, NO = ("1", "true", "yes", "on"), ("", "0", "false", "no", "off")
FIELDS = {
    "name": "of the speaker, for display",
    "consent": "what was agreed to, or where the signed text is kept",
    "consent_by": "who asked for consent and recorded it",
    "consent_on": "when it was recorded; today if not given",
    "retain_until": "last day of use, UTC; the longest that speaker_retention_days allows if not given",
}
REQUIRED, DATES = ("name", "consent", "consent_by"), ("consent_on", "retain_until")


def flag(name: str, text: str, refusal: type[AssayError] = BadRequest) -> bool:
    """A field that is true or false; an empty one is false.

    Args:
        name: Of the field.
        text: What it holds: a word of `YES` or `NO`, in capitals or not.
        refusal: The error to raise.

    Raises:
        AssayError: `refusal`, if it is neither.
    """
    said = text.strip().lower()
    if said not in (*YES, *NO):
        raise refusal(f"{name}: {text[:40]!r} is neither true nor false.", field=name)
    return said in YES


class Wanted(BaseModel):
    """What a form of an enrolment says beside its recordings."""

    name: str
    consent: str
    consent_by: str
    consent_on: date | None = None
    retain_until: date | None = None

    def consent_of(self, today: date) -> Consent:
        """The consent that it tells of.

        Args:
            today: When it was recorded, if the form does not say.

        Raises:
            BadRequest: If it cannot be kept like this.
        """
        on = self.consent_on or today
        try:
            return Consent(recorded_by=self.consent_by, recorded_on=on, reference=self.consent)
        except ValidationError as error:
            told = "; ".join(f"{fault['loc'][0]}: {fault['msg']}" for fault in error.errors())
            raise BadRequest(f"The consent cannot be kept like this: {told}.") from error


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
