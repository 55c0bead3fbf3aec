"""Pictures that tests make: drawn with numpy, written by Pillow (HEIC: pillow-heif)."""

import functools
import io
import struct
import zlib

import numpy as np
import pillow_heif
from PIL import Image

LOSSLESS = ("png", "webp", "tiff", "bmp", "gif")
LOSSY = ("jpeg", "heic", "avif")
FORMATS = (*LOSSLESS, *LOSSY)


def drawing(width=48, height=32):
    """Uint8 RGB (height, width, 3): four flat corners of different colours; no symmetry maps it to itself."""
    pixels = np.zeros((height, width, 3), np.uint8)
    half_y, half_x = height // 2, width // 2
    pixels[:half_y, :half_x] = (255, 0, 0)
    pixels[:half_y, half_x:] = (0, 255, 0)
    pixels[half_y:, :half_x] = (0, 0, 255)
    pixels[half_y:, half_x:] = (255, 255, 0)
    return pixels


def stored_as(pixels, orientation):
    """How a camera stores an upright picture that carries this EXIF orientation; written after its definition.

    EXIF says where row 0 and column 0 of what is stored belong: 1 top left, 2 top right, 3 bottom right, 4 bottom
    left, 5 left top, 6 right top, 7 right bottom, 8 left bottom.
    """
    if orientation in (5, 6, 7, 8):
        rows = pixels.swapaxes(0, 1)  # stored row 0 is a column of the upright picture
        rows = rows[::-1] if orientation in (6, 7) else rows
        return rows[:, ::-1] if orientation in (7, 8) else rows
    rows = pixels[::-1] if orientation in (3, 4) else pixels
    return rows[:, ::-1] if orientation in (2, 3) else rows


def exif(orientation, maker="Assay's own"):
    """An EXIF block, without ``Exif`` in front."""
    block = Image.Exif()
    block[274], block[271] = orientation, maker
    return block.tobytes().removeprefix(b"Exif\0\0")


def encoded(name, pixels=None, **options):
    """A file of one of the `FORMATS`.

    Args:
        name: The format.
        pixels: Array or Pillow image; by default the drawing.
        **options: For Pillow's writer.
    """
    pixels = drawing() if pixels is None else pixels
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(np.ascontiguousarray(pixels))
    file = io.BytesIO()
    if name == "heic":
        pillow_heif.from_pillow(image).save(file, **{"quality": 90, **options})
        return file.getvalue()
    if name == "jpeg" and "exif" in options:
        options["exif"] = b"Exif\0\0" + options["exif"]
    best = {"jpeg": {"quality": 95, "subsampling": 0}, "webp": {"lossless": True}, "avif": {"quality": 95}}
    image.save(file, name.upper(), **{**best.get(name, {}), **options})
    return file.getvalue()


def animated(name, frames=3):
    """An animation whose first frame is the drawing."""
    later = [Image.fromarray(np.full((32, 48, 3), 40 * n, np.uint8)) for n in range(1, frames)]
    return encoded(name, save_all=True, append_images=later, duration=50)


def chunk(name, body):
    """A chunk of a PNG."""
    return len(body).to_bytes(4, "big") + name + body + zlib.crc32(name + body).to_bytes(4, "big")


def png_bomb(width, height):
    """A PNG that claims a size and holds next to nothing."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")
    )


def claims(name, width, height):
    """A small whole file of one of the formats, changed to claim another size; None if that is not easily done."""
    data = bytearray(encoded(name, lossless=False) if name == "webp" else encoded(name))
    if name == "png":
        return png_bomb(width, height)
    if name == "jpeg":
        at = data.find(b"\xff\xc0")
        data[at + 5 : at + 9] = struct.pack(">HH", height, width)
    elif name == "gif":
        data[6:10] = struct.pack("<HH", width, height)
    elif name == "bmp":
        data[18:26] = struct.pack("<ii", width, height)
    elif name == "webp":
        at = data.find(b"\x9d\x01\x2a")
        data[at + 3 : at + 7] = struct.pack("<HH", min(width, 16_383), min(height, 16_383))
    elif name == "tiff":
        for tag, value in ((256, width), (257, height)):
            at = data.find(struct.pack("<HHI", tag, 4, 1))
            at = at if at >= 0 else data.find(struct.pack("<HHI", tag, 3, 1))
            data[at : at + 12] = struct.pack("<HHII", tag, 4, 1, value)
    else:
        at = data.find(b"ispe")
        data[at + 8 : at + 16] = struct.pack(">II", width, height)
    return bytes(data)


@functools.cache
def seeds():
    """Whole files of every format and of the less usual variants, by name."""
    grey_16 = np.linspace(0, 65_535, 32 * 48).astype(np.uint16).reshape(32, 48)
    alpha = np.dstack([drawing(), np.full((32, 48), 99, np.uint8)])
    image = Image.fromarray(drawing())
    found = {name: encoded(name) for name in FORMATS}
    found["jpeg-exif"] = encoded("jpeg", exif=exif(6))
    found["jpeg-progressive"] = encoded("jpeg", progressive=True)
    found["jpeg-cmyk"] = encoded("jpeg", image.convert("CMYK"))
    found["jpeg-icc"] = encoded("jpeg", icc_profile=profile())
    found["png-16"] = encoded("png", grey_16)
    found["png-palette"] = encoded("png", image.quantize(8))
    found["png-animated"] = animated("png")
    found["png-exif"] = encoded("png", alpha, exif=exif(3), icc_profile=profile())
    found["gif-animated"] = animated("gif")
    found["webp-animated"] = animated("webp")
    found["webp-lossy"] = encoded("webp", alpha, lossless=False, exif=exif(8))
    found["tiff-lzw"] = encoded("tiff", compression="tiff_lzw")
    found["tiff-jpeg"] = encoded("tiff", compression="jpeg")
    found["tiff-16"] = encoded("tiff", grey_16, compression="tiff_adobe_deflate")
    found["tiff-pages"] = encoded("tiff", save_all=True, append_images=[image, image])
    found["bmp-palette"] = encoded("bmp", image.quantize(8))
    found["avif-alpha"] = encoded("avif", alpha, exif=exif(5))
    found["heic-exif"] = encoded("heic", exif=exif(6))
    return found


@functools.cache
def profile(primaries=(0.64, 0.33, 0.21, 0.71, 0.15, 0.06), gamma=2.2):
    """An ICC profile (version 2, RGB, matrix and gamma): by default with the wider green of Adobe RGB (1998).

    Args:
        primaries: xy chromaticities of red, green and blue; white is D65, adapted to D50 by Bradford.
        gamma: Exponent of all three curves.
    """
    xy = np.reshape(primaries, (3, 2))
    columns = np.array([[x / y, 1, (1 - x - y) / y] for x, y in xy]).T
    d65, d50 = np.array([0.95047, 1, 1.08883]), np.array([0.9642, 1, 0.8249])
    matrix = columns * np.linalg.solve(columns, d65)
    bradford = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
    matrix = np.linalg.inv(bradford) @ np.diag(bradford @ d50 / (bradford @ d65)) @ bradford @ matrix

    def xyz(values):
        return b"XYZ \0\0\0\0" + struct.pack(">iii", *(round(float(v) * 65_536) for v in values))

    curve = b"curv\0\0\0\0" + struct.pack(">IHxx", 1, round(gamma * 256))
    text = b"desc\0\0\0\0" + struct.pack(">I", 2) + b"t\0" + bytes(78 + 4)
    tags = {b"desc": text, b"cprt": b"text\0\0\0\0own\0", b"wtpt": xyz(d50)}
    tags |= {name: xyz(column) for name, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), matrix.T, strict=True)}
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    table, body, at = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for name, value in tags.items():
        table += name + struct.pack(">II", at + len(body), len(value))
        body += value + bytes(-len(value) % 4)
    head = struct.pack(">I4xI4s4s4s", at + len(body), 0x02400000, b"mntr", b"RGB ", b"XYZ ")
    head += struct.pack(">6H4s", 2026, 1, 1, 0, 0, 0, b"acsp") + bytes(28) + struct.pack(">iii", 63_190, 65_536, 54_061)
    return head.ljust(128, b"\0") + table + body
