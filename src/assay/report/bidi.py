"""Text that runs from right to left, for paper: letters joined, and in the order in which they are drawn.

A page of HTML needs none of this, the browser does it. reportlab draws characters from left to right as they come, so
before that Arabic letters become the forms of their place in the word, and each line is put into visual order.

Decisions: what Unicode says about characters is in `unicodedata`, joined forms included, so no table and no further
package is needed. Embeddings and isolates cannot occur, since invisible characters were spelt out before
(`assay.report.text.printable`); the rest of the algorithm is complete.

References:
    Unicode Standard Annex 9, revision 48 (bidirectional algorithm): rules P2, P3, W1-W7, N0-N2, I1, I2, L1, L2, L4.
    The Unicode Standard 15, chapter 9.2 (Arabic joining).
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})
_NEUTRAL = frozenset({"B", "S", "WS", "ON", "BN"})
_FORMS = ("isolated", "final", "initial", "medial")
_LAM = "\u0644"
_TATWEEL = "\u0640"
# Mirrored pairs that names and sentences hold; unicodedata tells that a character is mirrored, not by what.
_MIRRORS = {a: b for one, two in ("()", "[]", "{}", "<>", "«»", "‹›", "≤≥", "⟨⟩") for a, b in ((one, two), (two, one))}
_BRACKETS = {"(": ")", "[": "]", "{": "}"}


def runs_leftwards(text: str) -> bool:
    """Whether any of it runs from right to left."""
    return any(unicodedata.bidirectional(character) in RIGHT_TO_LEFT for character in text)


def direction(text: str) -> int:
    """Level of a paragraph by its first strong letter: 0 from the left, 1 from the right."""
    for character in text:
        kind = unicodedata.bidirectional(character)
        if kind in ("L", "R", "AL"):
            return int(kind != "L")
    return 0


def visual(text: str, base: int | None = None) -> str:
    """One line in the order in which it is drawn from left to right, Arabic letters joined.

    Args:
        text: In the order in which it is read; without control characters.
        base: Direction of the paragraph that the line is of; None takes the line's own.
    """
    if not runs_leftwards(text):
        return text
    line = joined(text)
    level = direction(line) if base is None else base
    levels = embedding_levels(line, level)
    order = _reordered(levels)
    return "".join(_mirrored(line[k], levels[k]) for k in order)


def joined(text: str) -> str:
    """Arabic letters in the forms of their places; everything else as it is."""
    marks = [unicodedata.bidirectional(one) == "NSM" for one in text]
    letters = [k for k, mark in enumerate(marks) if not mark]
    out = list(text)
    skip = False
    for at, k in enumerate(letters):
        if skip:
            skip = False
            continue
        before = text[letters[at - 1]] if at else ""
        following = text[letters[at + 1]] if at + 1 < len(letters) else ""
        linked = _joins_left(before) and _joins_right(text[k])
        ligature = _forms().get(_LAM + following) if text[k] == _LAM and following else None
        if ligature:  # lam and alef are one sign
            out[k] = ligature["final" if linked and "final" in ligature else "isolated"]
            out[letters[at + 1]] = ""
            skip = True
            continue
        forms = _forms().get(text[k])
        if forms:
            onwards = _joins_left(text[k]) and _joins_right(following)
            name = ("medial" if linked else "initial") if onwards else ("final" if linked else "isolated")
            out[k] = forms.get(name, text[k])
    return "".join(out)


def _joins_left(letter: str) -> bool:
    """Whether the next letter may be linked to it."""
    return letter == _TATWEEL or "initial" in _forms().get(letter, {})


def _joins_right(letter: str) -> bool:
    """Whether it may be linked to the letter before."""
    return letter == _TATWEEL or "final" in _forms().get(letter, {})


@lru_cache(maxsize=1)
def _forms() -> dict[str, dict[str, str]]:
    """Joined forms of each letter, and of lam with alef."""
    found: dict[str, dict[str, str]] = {}
    for code in (*range(0xFB50, 0xFE00), *range(0xFE70, 0xFEFD)):
        name, _, letters = unicodedata.decomposition(chr(code)).partition("> ")
        form, made_of = name.removeprefix("<"), "".join(chr(int(one, 16)) for one in letters.split())
        pair = len(made_of) == 2 and made_of[0] == _LAM and made_of[1] in "\u0622\u0623\u0625\u0627"
        if form in _FORMS and (len(made_of) == 1 or pair):
            found.setdefault(made_of, {}).setdefault(form, chr(code))
    return found


def embedding_levels(line: str, base: int) -> list[int]:
    """Level of each character, without explicit embeddings."""
    kinds = _resolved(line, base)
    levels = []
    for kind in kinds:
        rise = {"L": base % 2, "R": 1 - base % 2, "AN": 2 - base % 2, "EN": 2 - base % 2}[kind]  # I1, I2
        levels.append(base + rise)
    for k in range(len(line) - 1, -1, -1):  # L1
        if unicodedata.bidirectional(line[k]) not in ("WS", "S", "B", "BN"):
            break
        levels[k] = base
    return levels


def _resolved(line: str, base: int) -> list[str]:
    """Types after the weak and neutral rules: L, R, EN or AN."""
    edge = "R" if base else "L"
    kinds = [unicodedata.bidirectional(character) or "L" for character in line]
    kinds = _weak(kinds, edge)
    _paired(line, kinds, edge)
    at = 0
    while at < len(kinds):
        if kinds[at] not in _NEUTRAL:
            at += 1
            continue
        end = at
        while end < len(kinds) and kinds[end] in _NEUTRAL:
            end += 1
        before = _side(kinds[at - 1]) if at else edge
        after = _side(kinds[end]) if end < len(kinds) else edge
        kinds[at:end] = [before if before == after else edge] * (end - at)  # N1, N2
        at = end
    return kinds


def _side(kind: str) -> str:
    """Numbers count as running from the right."""
    return "L" if kind == "L" else "R"


def _weak(kinds: list[str], edge: str) -> list[str]:
    previous, strong = edge, edge
    for k, kind in enumerate(kinds):  # W1, W2, W3
        found = previous if kind == "NSM" else kind
        if found in ("L", "R", "AL"):
            strong = found
        if found == "EN" and strong == "AL":
            found = "AN"
        kinds[k] = previous = found
    kinds = ["R" if kind == "AL" else kind for kind in kinds]
    for k in range(1, len(kinds) - 1):  # W4
        joins = {"ES": ("EN",), "CS": ("EN", "AN")}.get(kinds[k], ())
        if kinds[k - 1] == kinds[k + 1] and kinds[k - 1] in joins:
            kinds[k] = kinds[k - 1]
    _touching(kinds)
    kinds = ["ON" if kind in ("ES", "ET", "CS") else kind for kind in kinds]  # W6
    strong = edge
    for k, kind in enumerate(kinds):  # W7
        if kind in ("L", "R"):
            strong = kind
        elif kind == "EN" and strong == "L":
            kinds[k] = "L"
    return kinds


def _touching(kinds: list[str]) -> None:
    """Signs that touch a number are part of it (W5)."""
    at = 0
    while at < len(kinds):
        end = at
        while end < len(kinds) and kinds[end] == "ET":
            end += 1
        if end > at and ((at and kinds[at - 1] == "EN") or (end < len(kinds) and kinds[end] == "EN")):
            kinds[at:end] = ["EN"] * (end - at)
        at = max(end, at + 1)


def _paired(line: str, kinds: list[str], edge: str) -> None:
    """Brackets that belong together get one direction (N0)."""
    pairs, waiting = [], []
    for k, character in enumerate(line):
        if kinds[k] != "ON":
            continue
        if character in _BRACKETS:
            waiting.append((_BRACKETS[character], k))
        elif any(character == closing for closing, _ in waiting):
            while waiting:
                closing, opened = waiting.pop()
                if closing == character:
                    pairs.append((opened, k))
                    break
    for opened, closed in sorted(pairs):
        inside = {_side(kind) for kind in kinds[opened + 1 : closed] if kind not in _NEUTRAL}
        if edge in inside:
            found = edge
        elif inside:
            before = (
                next((_side(kind) for kind in kinds[opened - 1 :: -1] if kind not in _NEUTRAL), edge)
                if opened
                else edge
            )
            found = before if before != edge else edge
        else:
            continue
        kinds[opened] = kinds[closed] = found


def _reordered(levels: list[int]) -> list[int]:
    """Places of the characters in the order of drawing (L2)."""
    order = list(range(len(levels)))
    for level in range(max(levels, default=0), 0, -1):
        at = 0
        while at < len(order):
            end = at
            while end < len(order) and levels[order[end]] >= level:
                end += 1
            order[at:end] = order[at:end][::-1]
            at = max(end, at + 1)
    return order


def _mirrored(character: str, level: int) -> str:
    return _MIRRORS.get(character, character) if level % 2 else character
