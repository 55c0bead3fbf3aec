"""How everything that Assay draws and every page that it writes looks: colours, and the style of a page.

Decisions: data are blue for bona fide and orange for spoof (Okabe and Ito, 2008: told apart by the colour-blind), a
little lighter on dark paper, and nothing is told by colour alone. A page follows the reader's choice of light or dark.
A page loads nothing from anywhere.
"""

from __future__ import annotations

from typing import Final, Literal

Colour = Literal["ink", "soft", "line", "bar", "page", "bona_fide", "spoof"]

BONA_FIDE_BLUE: Final = "#0072b2"
SPOOF_ORANGE: Final = "#d55e00"

LIGHT: Final[dict[Colour, str]] = {
    "page": "#fdfdfc",
    "ink": "#1b1c1d",
    "soft": "#5b6064",
    "line": "#d9dcdf",
    "bar": "#f1f3f4",
    "bona_fide": BONA_FIDE_BLUE,
    "spoof": SPOOF_ORANGE,
}
DARK: Final[dict[Colour, str]] = {
    "page": "#16181a",
    "ink": "#e8e9ea",
    "soft": "#a3a9ae",
    "line": "#34383c",
    "bar": "#212428",
    "bona_fide": "#56b4e9",
    "spoof": "#f28e3c",
}


def rgb(colour: str) -> tuple[int, int, int]:
    """Red, green and blue of a colour such as ``#0072b2``, 0 to 255."""
    red, green, blue = bytes.fromhex(colour[1:])
    return red, green, blue


def variable(colour: Colour) -> str:
    """Name of the CSS variable that holds a colour."""
    return f"--{colour.replace('_', '-')}"


def _variables(colours: dict[Colour, str]) -> str:
    return " ".join(f"{variable(name)}: {value};" for name, value in colours.items())


PAGE_STYLE: Final = f"""
:root {{ color-scheme: light dark; {_variables(LIGHT)} }}
@media (prefers-color-scheme: dark) {{
  :root {{ {_variables(DARK)} }}
}}
body {{ background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; margin: 0 auto;
  max-width: 72rem; padding: 1.5rem; }}
h1 {{ font-size: 1.6rem; line-height: 1.25; margin: 0 0 .3rem; overflow-wrap: anywhere; }}
h2 {{ font-size: 1.15rem; margin: 2rem 0 .4rem; }}
p.note, p.facts {{ color: var(--soft); margin: .2rem 0 .6rem; overflow-wrap: anywhere; }}
.scroll {{ overflow-x: auto; }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums; }}
th, td {{ border-bottom: 1px solid var(--line); padding: .3rem .9rem .3rem 0; text-align: left; vertical-align: top; }}
th {{ font-weight: 600; white-space: nowrap; }}
td:first-child {{ overflow-wrap: anywhere; }}
a {{ color: inherit; }}
"""
