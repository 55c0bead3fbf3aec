"""Traces in the bytes of a picture: what its file tells about where it has been.

    jpeg.py         markers, tables, thumbnails, what stands behind the end; no pixel is decoded
    double_jpeg.py  whether it was compressed before on the same block grid, and at which quality
    grid.py         whether it was compressed before on another block grid
    metadata.py     EXIF, XMP, IPTC, text chunks; camera, software, generator tags, dates that disagree

Every door returns `Trace` objects. A trace is a measurement and never a verdict, and the absence of a trace proves
nothing: metadata is lost on every messenger, and a careful forger leaves none.
"""

from assay.forensics.trace import Trace

__all__ = ["Trace"]
