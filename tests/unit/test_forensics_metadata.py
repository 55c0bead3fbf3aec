"""Metadata that the test wrote are read back as plain data; what is broken is told, and nothing is resolved."""

import io
import struct
import zlib

import numpy as np
import pytest
from forensic_pictures import jpeg, textured
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from assay.forensics.containers import MOST_BLOCK_BYTES, read_blocks
from assay.forensics.exif import read_exif
from assay.forensics.metadata import metadata_traces, read_metadata
from assay.forensics.packets import read_iptc, read_xmp
from assay.forensics.programs import EDITORS, GENERATORS, chunk_generator, named

PIXELS = textured(0, 48, 64)
PARAMETERS = "a portrait\nNegative prompt: hands\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 512x512"
TRAINED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
RDF = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/"'
    ' xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" {attributes}>{elements}</rdf:Description>'
    "</rdf:RDF></x:xmpmeta>"
)


def xmp(attributes="", elements=""):
    return RDF.format(attributes=attributes, elements=elements).encode()


def segment(marker, payload):
    return bytes([0xFF, marker]) + struct.pack(">H", len(payload) + 2) + payload


def with_segments(*segments):
    plain = jpeg(PIXELS)
    return plain[:2] + b"".join(segments) + plain[2:]


def with_xmp(packet):
    return with_segments(segment(0xE1, b"http://ns.adobe.com/xap/1.0/\x00" + packet))


def exif(**tags):
    made = Image.Exif()
    inner = made.get_ifd(0x8769)
    places = {
        "Make": (made, 0x010F),
        "Model": (made, 0x0110),
        "Software": (made, 0x0131),
        "DateTime": (made, 0x0132),
        "DateTimeOriginal": (inner, 0x9003),
        "FNumber": (inner, 0x829D),
        "PixelXDimension": (inner, 0xA002),
        "PixelYDimension": (inner, 0xA003),
        "UserComment": (inner, 0x9286),
    }
    for name, value in tags.items():
        directory, tag = places[name]
        directory[tag] = value
    return made.tobytes()


def png(*texts, pixels=PIXELS, **options):
    info = PngImagePlugin.PngInfo()
    for keyword, text in texts:
        info.add_text(keyword, text, zip=len(text) > 500)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", pnginfo=info, **options)
    return buffer.getvalue()


def chunk(name, payload):
    return struct.pack(">I", len(payload)) + name + payload + struct.pack(">I", zlib.crc32(name + payload))


def png_with(*chunks):
    plain = png()
    return plain[:33] + b"".join(chunks) + plain[33:]


def webp(**options):
    buffer = io.BytesIO()
    Image.fromarray(PIXELS).save(buffer, "WEBP", **options)
    return buffer.getvalue()


def found(data):
    return {trace.name: trace for trace in metadata_traces(read_metadata(data))}


@pytest.mark.parametrize(
    "data", [jpeg(PIXELS), png(), webp(), webp(lossless=True)], ids=["jpeg", "png", "webp", "vp8l"]
)
def test_a_plain_picture_says_nothing(data):
    metadata = read_metadata(data)
    assert metadata_traces(metadata) == ()
    assert (metadata.width, metadata.height) == (64, 48)
    assert metadata.chunks


@pytest.mark.parametrize(
    "write",
    [lambda e: jpeg(PIXELS, exif=e), lambda e: png(exif=e), lambda e: webp(exif=e)],
    ids=["jpeg", "png", "webp"],
)
def test_the_camera_is_read_from_every_container(write):
    data = write(exif(Make="Canon", Model="EOS 5D", FNumber=2.8, DateTimeOriginal="2024:05:01 10:00:00"))
    metadata = read_metadata(data)
    assert metadata.tags["Make"] == "Canon"
    assert metadata.tags["FNumber"] == pytest.approx(2.8)
    camera = found(data)["camera"]
    assert camera.measured["Model"] == "EOS 5D"
    assert camera.measured["exposure_tags"] == 1
    assert "copied into any picture" in camera.note


def test_tiff_directories_are_read_from_the_file_itself():
    buffer = io.BytesIO()
    Image.fromarray(PIXELS).save(buffer, "TIFF", software="GIMP 2.10")
    assert found(buffer.getvalue())["editing_software"].measured["program"] == "GIMP"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Adobe Photoshop 25.0 (Windows)", "Adobe Photoshop"),
        ("Adobe Photoshop Lightroom 6", "Adobe Lightroom"),
        ("GIMP 2.10.34", "GIMP"),
    ],
)
def test_editors_are_known_by_name(text, name):
    trace = found(jpeg(PIXELS, exif=exif(Software=text)))["editing_software"]
    assert trace.measured["program"] == name
    assert trace.strength is None


@pytest.mark.parametrize("text", ["gimpel", "Nikon D850 Ver.1.10", "xgimp", "13.4.1"])
def test_words_that_only_contain_a_name_are_none(text):
    assert named(text, EDITORS) is None
    assert named(text, GENERATORS) is None


@pytest.mark.parametrize(
    "packet",
    [
        xmp(f'Iptc4xmpExt:DigitalSourceType="{TRAINED}"'),
        xmp("", f'<Iptc4xmpExt:DigitalSourceType rdf:resource="{TRAINED}"/>'),
        xmp("", f"<Iptc4xmpExt:DigitalSourceType>{TRAINED}</Iptc4xmpExt:DigitalSourceType>"),
        b"\xff\xfe" + xmp(f'Iptc4xmpExt:DigitalSourceType="{TRAINED}"').decode().encode("utf-16-le"),
    ],
    ids=["attribute", "resource", "text", "utf-16"],
)
def test_a_source_type_is_found_in_every_form_of_xmp(packet):
    trace = found(with_xmp(packet))["digital_source_type"]
    assert trace.measured["type"] == "trainedAlgorithmicMedia"
    assert trace.strength == 1


def test_a_source_type_of_a_camera_is_no_finding():
    camera = TRAINED.replace("trainedAlgorithmicMedia", "digitalCapture")
    assert found(with_xmp(xmp(f'Iptc4xmpExt:DigitalSourceType="{camera}"'))) == {}


@pytest.mark.parametrize(
    ("texts", "program"),
    [
        ([("parameters", PARAMETERS)], "Stable Diffusion web UI"),
        ([("parameters", PARAMETERS + " " * 600)], "Stable Diffusion web UI"),
        ([("prompt", '{"3": {"class_type": "KSampler"}}')], "ComfyUI"),
        ([("workflow", '{"last_node_id": 9, "nodes": []}')], "ComfyUI"),
        ([("invokeai_metadata", "{}")], "InvokeAI"),
        ([("Software", "NovelAI")], "NovelAI"),
        ([("Author", "Midjourney")], "Midjourney"),
    ],
)
def test_generators_are_known_by_their_chunks(texts, program):
    trace = found(png(*texts))["generator_tag"]
    assert trace.measured["program"] == program
    assert trace.strength == 1


def test_a_prompt_in_a_user_comment_is_found():
    comment = b"UNICODE\x00" + PARAMETERS.encode("utf-16-be")
    assert found(jpeg(PIXELS, exif=exif(UserComment=comment)))["generator_tag"].measured["where"] == "exif UserComment"


@pytest.mark.parametrize(
    "text", [("Title", "My prompt for today"), ("prompt", "what a day"), ("Comment", "Steps: two")]
)
def test_texts_that_only_look_like_prompts_are_none(text):
    assert chunk_generator(*text) is None


def test_content_credentials_are_noticed_and_not_believed():
    jumbf = b"JP\x00\x01\x00\x00\x00\x01" + struct.pack(">I", 60) + b"jumb" + bytes(8) + b"jumdc2pa" + bytes(30)
    for data in (with_segments(segment(0xEB, jumbf)), png_with(chunk(b"caBX", bytes(50)))):
        trace = found(data)["c2pa_present"]
        assert trace.measured["bytes"] >= 50
        assert "not verified" in trace.note
    assert "c2pa_present" not in found(with_segments(segment(0xEB, b"JP" + bytes(60))))


def test_dates_that_disagree():
    early, late = "2020:01:01 10:00:00", "2024:06:01 10:00:00"
    assert found(jpeg(PIXELS, exif=exif(DateTimeOriginal=late, DateTime=early)))["dates_disagree"].measured[
        "days_apart"
    ] == pytest.approx(1613, abs=1)
    assert "dates_disagree" not in found(jpeg(PIXELS, exif=exif(DateTimeOriginal=early, DateTime=late)))  # edited later
    zones = exif(DateTimeOriginal="2024:06:01 20:00:00", DateTime="2024:06:01 10:00:00")
    assert "dates_disagree" not in found(jpeg(PIXELS, exif=zones))


@pytest.mark.parametrize("date", ["0000:00:00 00:00:00", "    :  :     :  :  ", "2024:13:41 99:99:99"])
def test_dates_of_unset_clocks_are_none(date):
    assert "dates_disagree" not in found(jpeg(PIXELS, exif=exif(DateTimeOriginal=date, DateTime="2024:06:01 10:00:00")))


def test_a_size_that_disagrees():
    assert found(jpeg(PIXELS, exif=exif(PixelXDimension=4000, PixelYDimension=3000)))["size_disagrees"]
    assert "size_disagrees" not in found(jpeg(PIXELS, exif=exif(PixelXDimension=48, PixelYDimension=64)))  # turned


def thumbnail_exif(thumbnail):
    second = 14
    entries = struct.pack("<HHII", 0x201, 4, 1, 44) + struct.pack("<HHII", 0x202, 4, 1, len(thumbnail))
    head = b"II*\x00" + struct.pack("<IHI", 8, 0, second)
    return b"Exif\x00\x00" + head + struct.pack("<H", 2) + entries + bytes(4) + thumbnail


@pytest.mark.parametrize(
    ("height", "width", "agrees"), [(24, 32, True), (32, 24, True), (24, 40, False), (120, 160, True)]
)
def test_the_aspect_of_the_thumbnail(height, width, agrees):
    small = jpeg(textured(1, height, width))
    assert ("thumbnail_disagrees" in found(with_segments(segment(0xE1, thumbnail_exif(small))))) != agrees


def test_iptc_inside_photoshop_resources():
    dataset = b"\x1c\x02\x41\x00\x09Photoshop" + b"\x1c\x02\x19\x00\x01a" + b"\x1c\x02\x19\x00\x01b"
    resources = b"8BIM\x03\xed\x00\x00" + struct.pack(">I", 3) + b"abc\x00"
    resources += b"8BIM\x04\x04\x03abc" + struct.pack(">I", len(dataset)) + dataset
    data = with_segments(segment(0xED, b"Photoshop 3.0\x00" + resources))
    assert read_metadata(data).iptc == {"OriginatingProgram": "Photoshop", "Keywords": "a; b"}
    assert found(data)["editing_software"].measured["program"] == "Adobe Photoshop"


@pytest.mark.parametrize(
    "data", [b"", b"\x1c", b"\x1c\x02\x41", b"\x1c\x02\x41\xff\xff", b"rubbish", b"\x1c\x02\x41\x00\x09x"]
)
def test_broken_iptc_ends_where_it_breaks(data):
    assert set(read_iptc(data)) <= {"OriginatingProgram"}


@pytest.mark.parametrize("coding", ["utf-8", "utf-16-le", "utf-16-be"])
def test_entities_are_refused_before_parsing(coding):
    bomb = '<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>' + xmp("", "&b;").decode()
    mark = {"utf-8": b"", "utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}[coding]
    fields, faults = read_xmp(mark + bomb.encode(coding))
    assert fields == {}
    assert "document type" in faults[0]


def test_a_coding_that_hides_a_document_type_is_not_followed():
    hidden = ('<?xml version="1.0" encoding="cp037"?>' + xmp().decode()).encode("cp037")
    assert read_xmp(hidden)[0] == {}


@pytest.mark.parametrize("packet", [b"", b"<x:xmpmeta", b"no xml", xmp()[:-9], b"<rdf:RDF>" * 9, b"\xff\xfe<"])
def test_broken_xmp_is_a_fault(packet):
    fields, faults = read_xmp(packet)
    assert fields == {}
    assert faults


def test_deep_and_wide_xmp_is_read_in_part():
    assert read_xmp(xmp("", "<dc:a>" * 500 + "</dc:a>" * 500))[1]
    assert read_xmp(xmp("", "".join(f"<dc:a{i}>x</dc:a{i}>" for i in range(2000))))[1]


def test_a_packed_text_does_not_grow_without_end():
    bomb = zlib.compress(bytes(4 * MOST_BLOCK_BYTES))
    blocks = read_blocks(png_with(chunk(b"zTXt", b"parameters\x00\x00" + bomb)))
    assert len(blocks.texts[0][1]) <= MOST_BLOCK_BYTES
    assert "was cut" in blocks.faults[0]


def test_directories_that_point_at_themselves_end():
    loop = b"II*\x00" + struct.pack("<IH", 8, 1) + struct.pack("<HHII", 0x8769, 4, 1, 8) + struct.pack("<I", 8)
    assert read_exif(loop).faults
    many = b"II*\x00" + struct.pack("<IH", 8, 65_535) + struct.pack("<HHII", 0x010F, 2, 4, 0) * 65_535
    assert read_exif(many).faults == ("too many entries",)


@pytest.mark.parametrize("block", [b"", b"II", b"II*\x00", b"II*\x00\xff\xff\xff\xff", b"JJ*\x00" + bytes(40)])
def test_broken_exif_is_a_fault(block):
    assert read_exif(block).faults
    trace = found(with_segments(segment(0xE1, b"Exif\x00\x00" + block)))["metadata_damage"]
    assert trace.measured["count"] >= 1


@pytest.mark.parametrize(
    "data", [b"", b"GIF89a", b"\x00" * 300, b"RIFF", b"RIFF\x00\x00\x00\x00WEBP", b"\x89PNG\r\n\x1a\n", b"\xff\xd8"]
)
def test_little_or_foreign_bytes_give_little(data):
    assert isinstance(metadata_traces(read_metadata(data)), tuple)


def test_long_texts_are_cut_in_traces():
    trace = found(png(("parameters", "x" * 5000 + PARAMETERS)))["generator_tag"]
    assert len(trace.measured["text"]) <= 200


@pytest.mark.parametrize("text", ["Imagen: NASA/JPL", "François Dalle", "Firefly Studios", "Canvas print"])
def test_words_and_surnames_are_no_generators(text):
    assert named(text, GENERATORS) is None
    assert named(text, EDITORS) is None


@pytest.mark.parametrize("text", ["Google Imagen", "Imagen 3", "DALL-E 3", "dalle-2", "Adobe Firefly 1.0"])
def test_generators_by_their_full_names(text):
    assert named(text, GENERATORS)


ORIGINALS = [
    jpeg(PIXELS[:16, :16], exif=exif(Make="Canon", FNumber=2.8, DateTimeOriginal="2024:05:01 10:00:00")),
    with_xmp(xmp(f'Iptc4xmpExt:DigitalSourceType="{TRAINED}"'))[:900],
    png(("parameters", PARAMETERS), ("workflow", "{}" * 300), pixels=np.zeros((8, 8), np.uint8)),
    webp(exif=exif(Make="x"), xmp=xmp()),
]


@settings(max_examples=400)
@given(st.integers(0, len(ORIGINALS) - 1), st.integers(0, 2**32), st.integers(1, 12))
def test_mutants_end_without_an_error(which, seed, changes):
    rng = np.random.default_rng(seed)
    mutant = np.frombuffer(ORIGINALS[which], np.uint8).copy()
    mutant[rng.integers(0, mutant.size, changes)] = rng.integers(0, 256, changes)
    data = mutant[: rng.integers(mutant.size // 2, mutant.size + 1)].tobytes()
    for trace in metadata_traces(read_metadata(data)):
        assert trace.model_dump_json()
