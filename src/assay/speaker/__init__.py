"""Does this voice sound like that of an enrolled speaker? Enrolment with consent, verification 1:1, identification 1:N.

A recording becomes a voice (`voice`: speech alone, one level), an embedding (`encoder`), and beside a profile a score,
an llr and a decision (`scoring`, `recognition`); what is answered stands in `answers`. Profiles (`profile`) lie
encrypted on disk (`store`, `sealed`, `files`) under a key (`keys`).

In this room scores rise for the same speaker. A match or a mismatch is no proof: see `answers.NO_PROOF`.
"""

from assay.speaker.answers import (
    NO_PROOF,
    Candidate,
    Enrolment,
    Identification,
    ProfileSummary,
    SpoofVerdict,
    Verification,
)
from assay.speaker.profile import Consent, Profile
from assay.speaker.recognition import Recogniser, enroll, identify, verify
from assay.speaker.store import Listing, ProfileStore

__all__ = [
    "NO_PROOF",
    "Candidate",
    "Consent",
    "Enrolment",
    "Identification",
    "Listing",
    "Profile",
    "ProfileStore",
    "ProfileSummary",
    "Recogniser",
    "SpoofVerdict",
    "Verification",
    "enroll",
    "identify",
    "verify",
]
