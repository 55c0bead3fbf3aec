"""Media that the tests make and sign themselves, with a chain of their own: root, intermediate, signer (ES256)."""

import datetime
import io
import json

import av
import c2pa
import numpy as np
import pillow_heif
import soundfile
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID
from PIL import Image

STORE = b"c2pa\x00\x11\x00\x10\x80\x00\x00\xaa\x008\x9bq"
SOURCE = "http://cv.iptc.org/newscodes/digitalsourcetype/"
MIMES = {
    "jpeg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "tiff": "image/tiff",
    "gif": "image/gif",
    "avif": "image/avif",
    "heic": "image/heic",
    "wav": "audio/wav",
    "flac": "audio/flac",
    "mp3": "audio/mpeg",
    "m4a": "audio/mp4",
    "mp4": "video/mp4",
}


class Certificate:
    """A certificate with its key, issued by another one or by itself."""

    def __init__(self, name, issuer=None, *, authority=False, valid=None, ocsp=None, purpose=None):
        now = datetime.datetime.now(datetime.timezone.utc)
        day = datetime.timedelta(days=1)
        begin, end = valid or (now - day, now + 365 * day)
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Assay tests"),
                x509.NameAttribute(NameOID.COMMON_NAME, name),
            ]
        )
        by = issuer or self
        usage = dict.fromkeys(
            (
                "content_commitment",
                "key_encipherment",
                "data_encipherment",
                "key_agreement",
                "encipher_only",
                "decipher_only",
            ),
            False,
        )
        builder = (
            x509.CertificateBuilder(by.name, self.name, self.key.public_key(), x509.random_serial_number(), begin, end)
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.key.public_key()), critical=False)
            .add_extension(
                x509.KeyUsage(digital_signature=not authority, key_cert_sign=authority, crl_sign=authority, **usage),
                critical=True,
            )
        )
        if not authority:  # C2PA 2.2, 14.5: a signer's certificate states what it may sign
            purpose = purpose or ExtendedKeyUsageOID.EMAIL_PROTECTION
            stamps = purpose == ExtendedKeyUsageOID.TIME_STAMPING  # RFC 3161, 2.3: then it must be critical
            builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=stamps)
        if ocsp:
            place = x509.UniformResourceIdentifier(ocsp)
            access = x509.AuthorityInformationAccess(
                [x509.AccessDescription(AuthorityInformationAccessOID.OCSP, place)]
            )
            builder = builder.add_extension(access, critical=False)
        self.certificate = builder.sign(by.key, hashes.SHA256())

    @property
    def pem(self):
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self):
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )


ROOT = Certificate("Test Root", authority=True)
INTERMEDIATE = Certificate("Test Intermediate", ROOT, authority=True)
SIGNER = Certificate("Test Signer", INTERMEDIATE)
CLOCK_PURPOSE = ExtendedKeyUsageOID.TIME_STAMPING
CLOCK = Certificate("Test Clock", ROOT, purpose=CLOCK_PURPOSE)


def manifest(title="a title", actions=None, **more):
    actions = actions or [{"action": "c2pa.created", "digitalSourceType": f"{SOURCE}digitalCapture"}]
    return {
        "claim_generator_info": [{"name": "test-camera", "version": "1.2"}],
        "title": title,
        "assertions": [{"label": "c2pa.actions", "data": {"actions": actions}}],
        **more,
    }


def sign(
    data,
    mime,
    what=None,
    *,
    chain=(SIGNER, INTERMEDIATE),
    ingredients=(),
    remote=None,
    embed=True,
    clock=None,
    trusts=None,
):
    """Sign a file.

    Ingredients are (definition, MIME type, bytes), clock the address of a time-stamp authority, trusts the PEM of the
    anchors with which the signer looks at ingredients.
    """
    info = c2pa.C2paSignerInfo("es256", b"".join(each.pem for each in chain), chain[0].key_pem, clock)
    # The signer's copy of our settings, so that signing reaches no network either.
    chosen = {
        "verify": {"verify_after_sign": False, "remote_manifest_fetch": False},
        "builder": {"thumbnail": {"enabled": False}},
    }
    if trusts:
        chosen["trust"] = {"trust_anchors": trusts.decode()}
    with c2pa.Context.from_dict(chosen) as context, c2pa.Builder(json.dumps(what or manifest()), context) as builder:
        for definition, kind, content in ingredients:
            builder.add_ingredient(json.dumps(definition), kind, io.BytesIO(content))
        if remote:
            builder.set_remote_url(remote)
        if not embed:
            builder.set_no_embed()
        signed = io.BytesIO()
        with c2pa.Signer.from_info(info) as signer:
            builder.sign(signer, mime, io.BytesIO(data), signed)
    return signed.getvalue()


def picture(form="JPEG", seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    if form == "HEIF":
        pillow_heif.from_pillow(Image.fromarray(pixels)).save(buffer)
    else:
        Image.fromarray(pixels).save(buffer, form)
    return buffer.getvalue()


def sound(form, subtype):
    samples = np.random.default_rng(0).normal(scale=0.1, size=16_000)
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, 16_000, format=form, subtype=subtype)
    return buffer.getvalue()


def moving(kind):
    """An m4a of noise, or an mp4 video of five frames."""
    rng = np.random.default_rng(0)
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="ipod" if kind == "m4a" else "mp4") as container:
        if kind == "m4a":
            stream = container.add_stream("aac", rate=16_000, layout="mono")
            samples = rng.normal(scale=0.1, size=(1, 16_000)).astype(np.float32)
            frames = [av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")]
            frames[0].sample_rate = 16_000
        else:
            stream = container.add_stream("mpeg4", rate=10, width=64, height=64, pix_fmt="yuv420p")
            shape = (64, 64, 3)
            frames = [av.VideoFrame.from_ndarray(rng.integers(0, 256, shape, dtype=np.uint8)) for _ in range(5)]
        for frame in [*frames, None]:
            container.mux(stream.encode(frame))
    return buffer.getvalue()


def media(kind):
    """A small file of a kind, unsigned."""
    if kind in ("m4a", "mp4"):
        return moving(kind)
    subtypes = {"wav": "PCM_16", "flac": "PCM_16", "mp3": "MPEG_LAYER_III"}
    if kind in subtypes:
        return sound(kind.upper(), subtypes[kind])
    return picture({"heic": "HEIF"}.get(kind, kind.upper()))


def alter(signed, original):
    """Flip a bit in the middle of the content; the place is found by the original's bytes around it."""
    middle = len(original) // 2
    at = signed.index(original[middle : middle + 24])
    return flip(signed, at + 8)


def flip(data, at, bit=0x01):
    return data[:at] + bytes([data[at] ^ bit]) + data[at + 1 :]
