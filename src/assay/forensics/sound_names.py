"""Names that programs leave in recordings: encoders, editors, recorders, and generators of speech and music.

A name is a claim of whoever wrote the file last. Where it stands decides what it means: the field of the encoder names
who wrote the file, while a comment may just as well talk about a program. So a comment counts only if it begins with a
generator's name or says "made with" it, and titles, lyrics and names of artists never count.

References:
    FFmpeg (``Lavf``, ``Lavc``), LAME, Xiph and Apple name themselves; Suno writes the comment "made with suno;
    created=…; id=…" and a link to suno.com; GB 45438-2025 (China) asks for a field ``AIGC`` with the label 1 (made by a
    model), 2 (may be) or 3 (suspected); IPTC NewsCodes, digitalsourcetype.
"""

from __future__ import annotations

import re

from assay.forensics.programs import named
from assay.forensics.sound_blocks import Text

# Word that a text holds, in small letters -> name to show. Longer names first where one holds another.
ENCODERS: dict[str, str] = {
    "lavf": "FFmpeg",
    "lavc": "FFmpeg",
    "libsndfile": "libsndfile",
    "lame": "LAME",
    "lame3": "LAME",
    "gogo": "GOGO",
    "xiph.org libvorbis": "libvorbis",
    "aotuv": "libvorbis aoTuV",
    "reference libflac": "libFLAC",
    "libopus": "libopus",
    "libspeex": "libspeex",
    "encoded with speex": "libspeex",
    "gstreamer": "GStreamer",
    "processed by sox": "SoX",
    "itunes": "iTunes",
    "com.apple.quicktime": "QuickTime",
    "quicktime": "QuickTime",
    "core media": "Core Media (Apple)",
    "nero aac": "Nero AAC",
    "qaac": "qaac",
    "fdk": "Fraunhofer FDK",
    "isomedia file produced by google": "Google",
    "chrome": "Chrome",
    "qtmuxingapplib": "Firefox",
    "mkvmerge": "mkvmerge",
}
EDITORS: dict[str, str] = {
    "audacity": "Audacity",
    "adobe audition": "Adobe Audition",
    "cool edit": "Cool Edit",
    "adobe premiere": "Adobe Premiere",
    "adobe media encoder": "Adobe Media Encoder",
    "pro tools": "Pro Tools",
    "protools": "Pro Tools",
    "reaper": "REAPER",
    "sound forge": "Sound Forge",
    "wavelab": "WaveLab",
    "cubase": "Cubase",
    "nuendo": "Nuendo",
    "logic pro": "Logic Pro",
    "garageband": "GarageBand",
    "ableton": "Ableton Live",
    "fl studio": "FL Studio",
    "studio one": "Studio One",
    "bitwig": "Bitwig Studio",
    "goldwave": "GoldWave",
    "ocenaudio": "ocenaudio",
    "twistedwave": "TwistedWave",
    "wavosaur": "Wavosaur",
    "izotope": "iZotope",
    "melodyne": "Melodyne",
    "hindenburg": "Hindenburg",
    "descript": "Descript",
    "auphonic": "Auphonic",
    "davinci resolve": "DaVinci Resolve",
    "final cut": "Final Cut Pro",
    "capcut": "CapCut",
    "camtasia": "Camtasia",
    "mp3directcut": "mp3DirectCut",
}
RECORDERS: dict[str, str] = {
    "com.apple.voicememos": "Voice Memos (Apple)",
    "voice memos": "Voice Memos (Apple)",
    "easy voice recorder": "Easy Voice Recorder",
    "samsung": "Samsung",
    "com.android": "Android",
    "zoom h": "Zoom Handy Recorder",
    "zoom f": "Zoom Field Recorder",
    "zoom handy recorder": "Zoom Handy Recorder",
    "sound devices": "Sound Devices",
    "sounddev": "Sound Devices",
    "tascam": "TASCAM",
    "olympus": "Olympus",
    "ic recorder": "Sony IC Recorder",
    "philips dvt": "Philips Voice Tracer",
    "marantz": "Marantz",
    "nagra": "Nagra",
    "iphone": "iPhone",
}
# No name that is a word by itself ("suno" is Hindi for "listen", an overdub is one in any studio), nor that of a
# company that publishes recordings of people as well.
GENERATORS: dict[str, str] = {
    "elevenlabs": "ElevenLabs",
    "eleven labs": "ElevenLabs",
    "eleven_multilingual": "ElevenLabs",
    "suno.com": "Suno",
    "suno.ai": "Suno",
    "suno ai": "Suno",
    "suno studio": "Suno",
    "udio.com": "Udio",
    "udio ai": "Udio",
    "murf.ai": "Murf",
    "murf ai": "Murf",
    "murf studio": "Murf",
    "play.ht": "PlayHT",
    "playht": "PlayHT",
    "resemble.ai": "Resemble AI",
    "resemble ai": "Resemble AI",
    "respeecher": "Respeecher",
    "speechify studio": "Speechify",
    "wellsaid labs": "WellSaid Labs",
    "lovo.ai": "LOVO",
    "descript overdub": "Descript Overdub",
    "heygen": "HeyGen",
    "synthesia.io": "Synthesia",
    "amazon polly": "Amazon Polly",
    "google text-to-speech": "Google Text-to-Speech",
    "google cloud text-to-speech": "Google Text-to-Speech",
    "azure text to speech": "Azure AI Speech",
    "azure speech": "Azure AI Speech",
    "openai tts": "OpenAI",
    "openai.fm": "OpenAI",
    "gpt-4o-mini-tts": "OpenAI",
    "stable audio": "Stable Audio",
    "musicgen": "MusicGen",
    "audiocraft": "AudioCraft",
    "riffusion": "Riffusion",
    "mubert": "Mubert",
    "soundraw": "SOUNDRAW",
    "coqui tts": "Coqui TTS",
    "piper tts": "Piper",
    "espeak": "eSpeak",
    "balabolka": "Balabolka",
    "ttsmaker": "TTSMaker",
    "voice.ai": "Voice.ai",
    "kits.ai": "Kits AI",
    "minimax audio": "MiniMax",
    "minimax speech": "MiniMax",
    "cosyvoice": "CosyVoice",
    "notebooklm": "NotebookLM",
}
# In prose behind "made with" the plain word cannot be another one.
_MADE_WITH: dict[str, str] = {
    "suno": "Suno",
    "udio": "Udio",
    "murf": "Murf",
    "openai": "OpenAI",
    "minimax": "MiniMax",
}
_WRITER_FIELDS = frozenset(
    {
        "isft",
        "ieng",
        "tsse",
        "tenc",
        "encoder",
        "encoded_by",
        "encodedby",
        "encoded-by",
        "vendor",
        "software",
        "tool",
        "©too",
        "©swr",
        "©enc",
        "©mak",
        "©mod",
        "originator",
        "codinghistory",
        "writingapp",
        "muxingapp",
        "creatortool",
        "softwareagent",
        "handler",
        "ixml",
    }
)
_PUBLISHER_FIELDS = frozenset(
    {
        "woas",
        "woaf",
        "woar",
        "wpub",
        "wxxx",
        "tcop",
        "tpub",
        "icop",
        "url",
        "purl",
        "website",
        "copyright",
        "publisher",
        "organization",
        "(c)",
        "cprt",
        "©cpy",
        "©url",
        "source",
        "credit",
    }
)
_PROSE_FIELDS = frozenset(
    {
        "comm",
        "comment",
        "comments",
        "icmt",
        "description",
        "desc",
        "ldes",
        "©cmt",
        "©des",
        "synopsis",
        "anno",
        "txxx",
        "isbj",
        "creator",
    }
)
_MADE = re.compile(
    r"\b(?:made|generated|created|synthesi[sz]ed|voiced|narrated|cloned)\s+(?:with|by|using|via)\s+(?:the\s+)?",
    re.IGNORECASE,
)
_BY_AI = re.compile(
    r"(?P<denied>\b(?:not?|non|never|without|isn't|wasn't)[ -](?:\w+ ){0,2})?"
    r"(?:\b(?:ai|artificial intelligence)[ -]generated\s+(?:voice|speech|audio|sound|music|song|content|narration)\b"
    r"|\bgenerated\s+(?:by|with|using)\s+(?:an?\s+)?(?:ai|artificial intelligence)\b"
    r"|\b(?:voice|speech|audio|music|song|narration|recording)\s+(?:is|was)\s+(?:ai|artificially|synthetically)"
    r"[ -]generated\b)",
    re.IGNORECASE,
)
_LABEL = re.compile(r"\"?label\"?\s*[:=]\s*\"?([123])", re.IGNORECASE)
_LABELS = {"1": "a model (AIGC label 1)", "2": "perhaps a model (AIGC label 2)", "3": "perhaps a model (AIGC label 3)"}
_BEHIND = 48  # characters behind "made with" in which the name must stand
_SHORT = 80  # a longer text that begins with a generator's name is about it


def _field(text: Text) -> str:
    """Name of the field in small letters; of described frames and free-form items that of the frame or the item."""
    name = text.name.lower()
    if name.startswith(("txxx:", "----:")):
        name = name.partition(":")[2]
    return name.partition(":")[0] if name.startswith(("comm:", "wxxx:")) else name


def is_writer(text: Text) -> bool:
    """Whether the field names who wrote the file."""
    return _field(text) in _WRITER_FIELDS or text.where == "mp3"


def written_by(text: Text, names: dict[str, str]) -> str | None:
    """The program of a list that a writer's field names, or None."""
    if is_writer(text) or _field(text).startswith("com.a") or "processed by sox" in text.text[:64].lower():
        return named(f"{text.name} {text.text[:512]}" if text.name.startswith("com.") else text.text[:512], names)
    return None


def generator(text: Text) -> str | None:
    """The generator that a text declares to have made the recording, or None."""
    field = _field(text)
    if field == "aigc":
        label = _LABEL.search(text.text)
        return _LABELS[label[1]] if label else None
    if field.startswith("suno"):
        return "Suno"
    if is_writer(text) or field in _PUBLISHER_FIELDS:
        return named(text.text, GENERATORS)
    if field in _PROSE_FIELDS or text.name.lower().startswith(("txxx", "----")) or text.where == "xmp":
        return _declared(text.text)
    return None


def _declared(prose: str) -> str | None:
    for made in _MADE.finditer(prose):
        behind = prose[made.end() : made.end() + _BEHIND]
        if found := named(behind, GENERATORS) or named(behind[:12], _MADE_WITH):
            return found
    if len(prose) <= _SHORT and (first := named(prose[:24], GENERATORS)) and prose.lower().startswith(_words(first)):
        return first
    found_ai = _BY_AI.search(prose)
    return "unnamed AI" if found_ai and not found_ai["denied"] else None


def _words(name: str) -> tuple[str, ...]:
    return tuple(word for word, shown in GENERATORS.items() if shown == name)


def may_only(name: str) -> bool:
    """Whether a label says no more than that a model may have made it."""
    return name.startswith("perhaps")
