"""ASVspoof 2019, logical and physical access.

Lists: ``ASVspoof2019.{LA,PA}.cm.{train.trn,dev.trl,eval.trl}.txt``, each line

    SPEAKER_ID AUDIO_FILE_NAME ENVIRONMENT_ID ATTACK_ID KEY

where LA leaves the environment and PA the bona fide attack out as ``-``. Files: ``ASVspoof2019_LA_train/flac/*.flac``.
Attacks A01 to A19 (LA) and the replay qualities AA to CC (PA) are the generators.

References:
    README.LA.txt and README.PA.txt of the corpus; Wang et al., Computer Speech & Language 64, 2020.
"""

from __future__ import annotations

from pathlib import Path

from assay.data.importers.importer import SOUNDS, Importer, Listing, by_stem, fields_of, labelled, lists_in

LICENCE = "ODC-BY-1.0"
_PATTERN = "ASVspoof2019.[LP]A.cm.*.txt"


def read(folder: Path) -> Listing:
    """See the module."""
    files, found = by_stem(folder, SOUNDS), Listing([])
    for path in lists_in(folder, _PATTERN, "ASVspoof 2019"):
        access, partition = path.name.split(".")[1], path.name.split(".")[3]
        for number, (speaker, name, _, attack, label, *_) in fields_of(path, 5):
            key = labelled(label, f"'{path}' line {number}")
            found.add(
                files,
                name,
                key=key,
                partition=partition,
                generator=f"ASVspoof2019-{access}/{attack}" if key == "spoof" else "",
                speaker=speaker,
                language="en",
                source=f"ASVspoof2019-{access}",
                licence=LICENCE,
                root=folder,
            )
    return found


IMPORTER = Importer(
    name="asvspoof2019",
    title="ASVspoof 2019 LA and PA",
    expects="ASVspoof2019_LA_cm_protocols and ASVspoof2019_LA_{train,dev,eval}/flac, or the same of PA.",
    licence=LICENCE,
    citation="Wang et al.: ASVspoof 2019: A large-scale public database of synthesized, converted and replayed speech,"
    " Computer Speech & Language 64, 2020.",
    read=read,
)
