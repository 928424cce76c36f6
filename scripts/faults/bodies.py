"""What the messages of a run say: no two the same, and of many lengths, some of them no text. From the seed. Pure."""

from random import Random

_LONG = (2_000, 20_000, 65_536)
_LONG_EVERY = 500
_BINARY_EVERY = 50


def body_of(seed: int, sender: str, receiver: str, number: int) -> bytes:
    """Make the body of a sender's `number`-th message: most about 100 bytes, a few up to what is allowed."""
    random = Random(f"{seed} {sender} {receiver} {number}")  # noqa: S311  # it has to be repeatable, not secret
    head = f"{sender} to {receiver} {number} ".encode()
    if random.randrange(_LONG_EVERY) == 0:
        length = random.choice(_LONG)
        return (head + random.randbytes(length // 2).hex().encode())[:length]
    filling = random.randbytes(random.randrange(20, 50))
    return head + (filling if random.randrange(_BINARY_EVERY) == 0 else filling.hex().encode())
