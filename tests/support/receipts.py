"""Receipts as the archiver writes them, for tests of who reads them."""

from collections.abc import Iterable

from wire.receipts import Receipt, Rejected, encode_entries, rejected_entry, stored_entry


def encode_receipts(receipts: Iterable[Receipt]) -> bytes:
    """Write the payload of one publication on an `archived` topic."""
    return encode_entries(
        [
            rejected_entry(receipt.id, receipt.reason)
            if isinstance(receipt, Rejected)
            else stored_entry(receipt.id, receipt.seq, str(receipt.conversation), receipt.sender)
            for receipt in receipts
        ]
    )
