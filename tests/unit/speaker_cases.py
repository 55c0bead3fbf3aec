"""What several tests of speakers need: a clock that is set, keys, consent, profiles without a network."""

from datetime import date, datetime, timezone
from uuid import uuid4

import numpy as np

from assay.speaker.encoder import unit
from assay.speaker.keys import GivenKey
from assay.speaker.profile import Consent, EncoderReference, Profile, Recording, encoded
from assay.speaker.store import ProfileStore

KEY, OTHER_KEY = bytes(range(32)), bytes(range(1, 33))
CONSENT = Consent(recorded_by="B. Clerk", recorded_on=date(2026, 11, 2), reference="signed form 17")
ENCODER = EncoderReference(name="encoder", version="1", sha256="0" * 64)


class Clock:
    """Says what it is set to."""

    def __init__(self, year=2026, month=11, day=10, hour=12):
        self.now = datetime(year, month, day, hour, tzinfo=timezone.utc)

    def __call__(self):
        return self.now


def make_profile(name="A. Speaker", *, retain_until=date(2026, 12, 31), seed=0, **changes):
    embedding = unit(np.abs(np.random.default_rng(seed).standard_normal(256)))
    given = {
        "id": uuid4().hex,
        "name": name,
        "embedding_base64": encoded(embedding),
        "recordings": (Recording(sha256="a" * 64, speech_s=5.5), Recording(sha256="b" * 64, speech_s=4.5)),
        "consent": CONSENT,
        "retain_until": retain_until,
        "encoder": ENCODER,
        "created": datetime(2026, 11, 3, tzinfo=timezone.utc),
    }
    return Profile(**(given | changes))


def make_store(folder, key=KEY, clock=None):
    return ProfileStore(folder, GivenKey(key), now=clock or Clock())
