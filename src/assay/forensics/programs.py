"""Names that programs leave in metadata: editors, and generators of pictures.

A name in metadata is a claim of whoever wrote the file last; anybody can write or remove one.

References:
    IPTC NewsCodes, digitalsourcetype; AUTOMATIC1111 stable-diffusion-webui (text chunk ``parameters``); ComfyUI
    (``prompt``, ``workflow``); InvokeAI (``invokeai_metadata``, ``sd-metadata``, ``Dream``); NovelAI (``Software``,
    ``Comment``); Google and Midjourney, which write IPTC's source type into XMP.
"""

from __future__ import annotations

import re

# Word that a text holds, in small letters -> name to show. Longer names first where one holds another.
EDITORS: dict[str, str] = {
    "adobe photoshop lightroom": "Adobe Lightroom",
    "lightroom": "Adobe Lightroom",
    "photoshop": "Adobe Photoshop",
    "adobe camera raw": "Adobe Camera Raw",
    "gimp": "GIMP",
    "affinity photo": "Affinity Photo",
    "capture one": "Capture One",
    "darktable": "darktable",
    "rawtherapee": "RawTherapee",
    "paint.net": "Paint.NET",
    "pixelmator": "Pixelmator",
    "snapseed": "Snapseed",
    "picasa": "Picasa",
    "acdsee": "ACDSee",
    "paintshop": "PaintShop Pro",
    "corel": "Corel",
    "luminar": "Luminar",
    "dxo": "DxO",
    "photoscape": "PhotoScape",
    "picsart": "Picsart",
    "facetune": "Facetune",
    "faceapp": "FaceApp",
    "meitu": "Meitu",
    "canva": "Canva",
    "krita": "Krita",
    "inkscape": "Inkscape",
    "imagemagick": "ImageMagick",
    "graphicsmagick": "GraphicsMagick",
    "irfanview": "IrfanView",
    "xnview": "XnView",
    "digikam": "digiKam",
    "shotwell": "Shotwell",
    "microsoft windows photo": "Windows Photos",
    "vsco": "VSCO",
}
# No name that is a word or a surname by itself: "imagen" is Spanish for picture, Dalle a name, and credits hold both.
GENERATORS: dict[str, str] = {
    "stable diffusion": "Stable Diffusion",
    "stable-diffusion": "Stable Diffusion",
    "stablediffusion": "Stable Diffusion",
    "automatic1111": "Stable Diffusion web UI",
    "comfyui": "ComfyUI",
    "invokeai": "InvokeAI",
    "novelai": "NovelAI",
    "midjourney": "Midjourney",
    "dall-e": "DALL-E",
    "dall·e": "DALL-E",
    "dalle-2": "DALL-E",
    "dalle-3": "DALL-E",
    "gpt-4o": "OpenAI",
    "openai": "OpenAI",
    "adobe firefly": "Adobe Firefly",
    "made with google ai": "Google AI",
    "google imagen": "Imagen",
    "imagen 3": "Imagen",
    "imagen 4": "Imagen",
    "ideogram": "Ideogram",
    "leonardo.ai": "Leonardo.Ai",
    "bing image creator": "Bing Image Creator",
    "fooocus": "Fooocus",
    "easy diffusion": "Easy Diffusion",
    "draw things": "Draw Things",
    "black forest labs": "FLUX",
}
SOURCE_TYPES: dict[str, str] = {
    "trainedAlgorithmicMedia": "made by a trained model",
    "compositeWithTrainedAlgorithmicMedia": "a composite that holds parts made by a trained model",
    "algorithmicMedia": "made by an algorithm without training data",
    "compositeSynthetic": "a composite with synthetic parts",
    "algorithmicallyEnhanced": "altered by an algorithm",
}
MADE_BY_MODELS = frozenset({"trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia"})
_SAMPLER = re.compile(r"\bSteps: \d+, Sampler: ")
_GRAPH = re.compile(r'"(?:class_type|last_node_id|nodes)"\s*:')


def named(text: str, names: dict[str, str]) -> str | None:
    """The first of the names that stands in the text as words of its own, or None."""
    small = text.lower()
    for word, name in names.items():
        # Looking for the bare word first is many times quicker, and mostly it is not there.
        if word in small and re.search(rf"(?<![a-z0-9]){re.escape(word)}(?![a-z])", small):
            return name
    return None


def chunk_generator(keyword: str, text: str) -> str | None:
    """The generator whose kind of text chunk this is, or None.

    Args:
        keyword: Of the chunk, or ``"UserComment"`` and the like.
        text: Its content.
    """
    if _SAMPLER.search(text):
        return "Stable Diffusion web UI"
    if keyword in ("prompt", "workflow") and _GRAPH.search(text):
        return "ComfyUI"
    if keyword in ("invokeai_metadata", "invokeai_graph", "sd-metadata", "Dream"):
        return "InvokeAI"
    if keyword == "fooocus_scheme":
        return "Fooocus"
    return None
