"""Cursors: where the next page of a list starts, opaque to whoever holds one."""

import base64
import binascii
import re

from auth_api.errors import FieldError, InvalidInputError
from wire.receipts import SEQ_MAX

_FORM = re.compile(r"1:([0-9]{1,19})\Z", re.ASCII)
_TEXT_FORM = re.compile(r"2:([a-z0-9_-]{3,32})\Z", re.ASCII)


def encode_cursor(seq: int) -> str:
    """Write a cursor: the page after it holds what lies below `seq`."""
    return _encoded(f"1:{seq}")


def decode_cursor(text: str) -> int | None:
    """Read a cursor; None when it is none of ours."""
    match = _FORM.match(_decoded(text))
    seq = int(match[1]) if match else -1
    return seq if 0 <= seq <= SEQ_MAX and encode_cursor(seq) == text else None


def encode_text_cursor(last: str | None) -> str | None:
    """Write a cursor of a list that goes by names: the page after it holds what follows `last`; None for None."""
    return _encoded(f"2:{last}") if last is not None else None


def decode_text_cursor(text: str | None) -> str:
    """Read such a cursor; empty, which is the beginning, for None. Raises InvalidInputError when it is none of ours."""
    if text is None:
        return ""
    match = _TEXT_FORM.match(_decoded(text))
    if match is None or encode_text_cursor(match[1]) != text:
        raise InvalidInputError(FieldError("cursor", "is no cursor of this list"))
    return match[1]


def _encoded(plain: str) -> str:
    return base64.urlsafe_b64encode(plain.encode()).rstrip(b"=").decode()


def _decoded(text: str) -> str:
    """Undo that; empty, which is no cursor, for what was never written so."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        return ""
