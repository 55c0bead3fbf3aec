import hashlib
import hmac
import re
from contextlib import suppress

import pytest
import service_toys as toys

from assay.errors import KeyRefused, RecordNotFound, SettingsError
from assay.serve.access import keys
from assay.serve.access.scopes import ROLES, SCOPES, scopes_of

DAY = 86_400.0


@pytest.fixture
def context(tmp_path):
    return toys.make_context(tmp_path)


@pytest.fixture
def session(context):
    with context.database.session() as session:
        yield session


def test_a_key_is_good_for_its_scopes_and_kept_as_a_hash_only(context, session):
    key, text = keys.create_key(session, "lab", ["user"])
    assert re.fullmatch(r"assay_[0-9a-f]{12}_[A-Za-z0-9_-]{43}", text)
    assert keys.check_key(session, text).principal().scopes == frozenset(ROLES["user"])
    kept = {column.name: getattr(key, column.name) for column in keys.ApiKey.__table__.columns}
    assert kept["digest"] == hashlib.sha256(text.encode()).hexdigest()
    assert not any(text.rsplit("_", 1)[1] in str(value) for value in kept.values())
    session.commit()
    raw = b"".join(path.read_bytes() for path in context.settings.serve_folder.iterdir())
    assert key.id.encode() in raw
    assert text.encode()[18:] not in raw


def test_keys_differ():
    assert len({keys.secrets.token_urlsafe(32) for _ in range(100)}) == 100


@pytest.mark.parametrize(
    "text", ["", "assay_", "assay_abc_def", "x" * 10_000, "assay_" + "g" * 12 + "_" + "a" * 43, "é"]
)
def test_a_malformed_key_is_refused(session, text):
    with pytest.raises(KeyRefused, match="malformed") as refused:
        keys.check_key(session, text)
    assert refused.value.context == {"reason": "malformed"}


def test_a_key_of_another_deployment_is_refused(session, tmp_path):
    _, foreign = toys.make_key(toys.make_context(tmp_path / "elsewhere"))
    with pytest.raises(KeyRefused, match="another deployment"):
        keys.check_key(session, foreign)


def test_a_secret_is_good_for_its_own_identifier_only(session):
    _, one = keys.create_key(session, "one", ["user"])
    _, other = keys.create_key(session, "other", ["admin"])
    for mixed in (other[:18] + "_" + one[19:], other[:-1] + ("A" if other[-1] != "A" else "B")):
        with pytest.raises(KeyRefused) as refused:
            keys.check_key(session, mixed)
        assert refused.value.context == {"reason": "unknown"}


def test_a_key_expires_at_its_time(session):
    _, text = keys.create_key(session, "lab", ["user"], lifetime_s=DAY, now=1000.0)
    assert keys.check_key(session, text, now=1000.0 + DAY - 1)
    with pytest.raises(KeyRefused, match="expired"):
        keys.check_key(session, text, now=1000.0 + DAY)


def test_a_revoked_key_is_refused_and_its_time_stays(session):
    key, text = keys.create_key(session, "lab", ["user"])
    keys.revoke_key(session, key.id, now=5.0)
    keys.revoke_key(session, key.id, now=6.0)
    assert key.revoked_at == 5.0
    with pytest.raises(KeyRefused, match="revoked"):
        keys.check_key(session, text)


def test_only_who_holds_the_secret_is_told_that_a_key_is_revoked(session):
    key, text = keys.create_key(session, "lab", ["user"])
    keys.revoke_key(session, key.id)
    with pytest.raises(KeyRefused) as refused:
        keys.check_key(session, text[:19] + "A" * 43)
    assert refused.value.context == {"reason": "unknown"}


def test_rotation_keeps_holder_scopes_and_lifetime_and_both_keys_for_the_overlap(session):
    old, before = keys.create_key(session, "lab", ["predict"], lifetime_s=10 * DAY, rate=7, now=0.0)
    new, after = keys.rotate_key(session, old.id, overlap_s=100, now=DAY)
    assert (new.holder, new.scopes, new.rate, new.expires_at) == (old.id, "predict", 7, 11 * DAY)
    assert old.replaced_by == new.id
    assert keys.check_key(session, before, now=DAY + 99).principal().id == old.id
    assert keys.check_key(session, after, now=DAY + 99).principal().id == old.id
    with pytest.raises(KeyRefused, match="expired"):
        keys.check_key(session, before, now=DAY + 100)


def test_overlap_never_lengthens_a_life(session):
    old, _ = keys.create_key(session, "lab", ["predict"], lifetime_s=50, now=0.0)
    keys.rotate_key(session, old.id, overlap_s=1e6, now=10.0)
    assert old.expires_at == 50


def test_a_key_is_rotated_once_and_only_while_it_is_good(session):
    old, _ = keys.create_key(session, "lab", ["predict"])
    new, _ = keys.rotate_key(session, old.id)
    with pytest.raises(SettingsError, match="rotated already"):
        keys.rotate_key(session, old.id)
    keys.revoke_key(session, new.id)
    with pytest.raises(SettingsError, match="revoked"):
        keys.rotate_key(session, new.id)
    with pytest.raises(RecordNotFound, match="keys list"):
        keys.rotate_key(session, "nobody")


def test_use_is_written_down_once_a_minute(context, monkeypatch):
    key, text = toys.make_key(context)
    seen = []
    for now in (1000.0, 1030.0, 1061.0):
        monkeypatch.setattr(keys.time, "time", lambda now=now: now)
        keys.authenticate(context.database, text)
        with context.database.session() as session:
            seen.append(session.get(keys.ApiKey, key.id).last_used_at)
    assert seen == [1000.0, 1000.0, 1061.0]


def test_every_check_compares_in_constant_time(session, monkeypatch):
    """Known and unknown identifiers, right and wrong secrets: one comparison each, of digests of one length."""
    compared = []
    genuine = hmac.compare_digest

    def compare(one, other):
        compared.append((len(one), len(other)))
        return genuine(one, other)

    _, text = keys.create_key(session, "lab", ["user"])
    monkeypatch.setattr(keys.hmac, "compare_digest", compare)
    for attempt in (text, text[:-4] + "AAAA", "assay_" + "0" * 12 + "_" + "A" * 43):
        with suppress(KeyRefused):
            keys.check_key(session, attempt)
    assert compared == [(64, 64)] * 3


@pytest.mark.parametrize(
    "more", [{"name": ""}, {"name": "a\nb"}, {"lifetime_s": 0}, {"rate": -1}, {"allowed": []}, {"allowed": ["root"]}]
)
def test_what_makes_no_sense_is_refused(session, more):
    with pytest.raises(SettingsError):
        keys.create_key(session, **{"name": "lab", "allowed": ["user"]} | more)


def test_roles_are_sets_of_scopes():
    assert all(set(scopes) <= set(SCOPES) for scopes in ROLES.values())
    assert scopes_of(["admin"]) == frozenset(SCOPES)
    assert scopes_of(["monitor", "predict"]) == {"metrics", "predict"}
