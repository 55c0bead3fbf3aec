"""Makes the fonts of reports on paper out of DejaVu Sans, cut to the scripts that reports are for.

    python scripts/make_fonts.py

DejaVu comes with matplotlib, fonttools cuts it; both are in the extra ``train``. Its licence allows that, see
`src/assay/report/fonts/LICENSE.dejavu`. reportlab reads neither hints nor tables of substitution, so they go, too.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont

SOURCE = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
TARGET = Path(__file__).parent.parent / "src" / "assay" / "report" / "fonts"
FONTS = ("DejaVuSans", "DejaVuSans-Bold")
SCRIPTS = (
    (0x0020, 0x024F),  # Latin, extended A and B
    (0x0259, 0x0259),  # schwa, of Azerbaijani
    (0x02B0, 0x036F),  # modifiers, combining marks
    (0x0370, 0x052F),  # Greek, Cyrillic
    (0x0590, 0x05FF),  # Hebrew
    (0x0600, 0x06FF),  # Arabic
    (0x1E00, 0x1FFF),  # Latin of Vietnam, Greek with accents
    (0x2000, 0x206F),  # punctuation
    (0x20A0, 0x20CF),  # currencies
    (0x2100, 0x2122),  # letterlike
    (0x2190, 0x2193),  # arrows
    (0x2212, 0x2265),  # mathematics
    (0xFB1D, 0xFDFF),  # forms of Hebrew and Arabic
    (0xFE70, 0xFEFF),
)


def main() -> None:
    """Write both fonts and their licence."""
    wanted = [code for first, last in SCRIPTS for code in range(first, last + 1)]
    for name in FONTS:
        options = Options(hinting=False, layout_features=[], notdef_outline=True, name_IDs=["*"], glyph_names=False)
        options.drop_tables += ["GSUB", "GPOS", "GDEF", "kern", "FFTM"]
        font = TTFont(SOURCE / f"{name}.ttf", recalcTimestamp=False)
        cutter = Subsetter(options)
        cutter.populate(unicodes=wanted)
        cutter.subset(font)
        path = TARGET / f"{name}-report.ttf"
        font.save(path)
        print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB, {len(font.getBestCmap())} characters")
    licence = (SOURCE / "LICENSE_DEJAVU").read_text(encoding="utf-8")
    (TARGET / "LICENSE.dejavu").write_text("\n".join(line.rstrip() for line in licence.splitlines()) + "\n")


if __name__ == "__main__":
    main()
