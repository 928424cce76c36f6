"""Cursors: where the next page of a list starts, opaque to whoever holds one."""

import base64
import binascii
import re

from wire.receipts import SEQ_MAX

_FORM = re.compile(r"1:([0-9]{1,19})\Z", re.ASCII)


def encode_cursor(seq: int) -> str:
    """Write a cursor: the page after it holds what lies below `seq`."""
    return base64.urlsafe_b64encode(f"1:{seq}".encode()).rstrip(b"=").decode()


def decode_cursor(text: str) -> int | None:
    """Read a cursor; None when it is none of ours."""
    try:
        plain = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        return None
    match = _FORM.match(plain)
    seq = int(match[1]) if match else -1
    return seq if 0 <= seq <= SEQ_MAX and encode_cursor(seq) == text else None
