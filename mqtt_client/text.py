"""Making text from elsewhere safe to show on a terminal."""

import unicodedata

_BIDIRECTIONAL = frozenset(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C)))
_UNSAFE = frozenset({"Cc", "Cs", "Zl", "Zp"})


def visible(text: str) -> str:
    r"""Show control characters, terminal escapes and direction overrides as text: ESC becomes `\x1b`.

    Everything else, wide characters and joined emoji included, stays as it is.
    """
    return "".join(_escaped(character) if _is_unsafe(character) else character for character in text)


def visible_lines(text: str) -> list[str]:
    r"""Split a body into lines that are safe to show; LF and CRLF end a line, a tab becomes four blanks."""
    lines = text.replace("\r\n", "\n").split("\n")
    return [visible(line.replace("\t", "    ")) for line in lines]


def shortened(text: str, most: int) -> str:
    """Cut a text to at most `most` characters, with an ellipsis when something is left out."""
    return text if len(text) <= most else text[: most - 1] + "…"


def _is_unsafe(character: str) -> bool:
    return unicodedata.category(character) in _UNSAFE or character in _BIDIRECTIONAL


def _escaped(character: str) -> str:
    number = ord(character)
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}"
