"""The guard before COPY, beside a specification that goes from character to character."""

from types import SimpleNamespace
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from tidemark.sources.files import csvfiles

FILES: Any = SimpleNamespace(quote='"', delimiter=",")


def is_safe(text: str) -> bool:
    """Whether quotes enclose whole fields, and no line begins like the end of data."""
    if any(line.startswith("\\.") for line in text.replace("\r", "\n").split("\n")):
        return False
    place, is_open = 0, False
    while (place := text.find('"', place)) >= 0:
        before, behind = text[place - 1 : place], text[place + 1 : place + 2]
        if is_open and behind == '"':
            place += 1
        elif (behind if is_open else before) not in {"", ",", "\n", "\r"}:
            return False
        else:
            is_open = not is_open
        place += 1
    return not is_open


def passes(pieces: list[str]) -> bool:
    """Whether the guard lets all pieces through; then they are what came."""
    try:
        passed = b"".join(csvfiles.guarded((p.encode() for p in pieces), FILES, columns=2))
    except csvfiles.SuspectError:
        return False
    assert passed == "".join(pieces).encode()
    return True


@given(st.lists(st.text('"""",,\n\n\r\\.aé', max_size=12), max_size=6))
@example(['a,"b\n', 'c","d\n', 'e"\n'])
@example(['a,"b\n"', '",c\n'])
@example(["a\n", "\\.\n"])
@example(["a,\\.\n"])
@example(['1,5" disk\n2,6" disk\n'])
def test_the_guard_passes_what_copy_reads_as_it_was_meant(pieces: list[str]):
    assert passes(pieces) == is_safe("".join(pieces))
