"""ASVspoof 5, track 1.

Lists: ``ASVspoof5.train.tsv``, ``ASVspoof5.dev.track_1.tsv``, ``ASVspoof5.eval.track_1.tsv``; whatever the ending says,
blanks stand between the fields

    SPEAKER_ID FLAC_FILE_NAME GENDER CODEC CODEC_Q CODEC_SEED ATTACK_TAG ATTACK_LABEL KEY TMP

Attacks A01 to A32 are not those of 2019. A file that went through a codec names the one it was made from as
CODEC_SEED; that is its `parent` where it is there.

References:
    README.txt of the corpus (Zenodo record 14498691); Wang et al., ASVspoof workshop 2024.
"""

from __future__ import annotations

from pathlib import Path

from assay.data.importers.importer import SOUNDS, Importer, Listing, by_stem, fields_of, labelled, lists_in

LICENCE = "terms of ASVspoof 5 (LICENSE.txt in the archive)"


def read(folder: Path) -> Listing:
    """See the module."""
    files, found = by_stem(folder, SOUNDS), Listing([])
    for path in lists_in(folder, "ASVspoof5.*.tsv", "ASVspoof 5"):
        if ".track_2" in path.name:  # speaker verification: other columns
            continue
        partition = path.name.split(".")[1]
        for number, words in fields_of(path, 9):
            speaker, name, _, _, _, seed, _, attack, label = words[:9]
            key = labelled(label, f"'{path}' line {number}")
            found.add(
                files,
                name,
                key=key,
                partition=partition,
                generator=f"ASVspoof5/{attack}" if key == "spoof" else "",
                speaker=speaker,
                language="en",
                source="ASVspoof5",
                licence=LICENCE,
                parent=files.get(seed, "") if seed != name else "",
                root=folder,
            )
    return found


IMPORTER = Importer(
    name="asvspoof5",
    title="ASVspoof 5 (track 1)",
    expects="ASVspoof5.*.tsv and folders flac_T, flac_D, flac_E_eval.",
    licence=LICENCE,
    citation="Wang et al.: ASVspoof 5: Crowdsourced speech data, deepfakes, and adversarial attacks at scale, ASVspoof"
    " workshop 2024.",
    read=read,
)
