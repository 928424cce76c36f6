"""What was typed before, called back with the arrow keys. Pure."""

from collections.abc import Iterable


class Typed:
    """A list of texts and a place in it; what was being typed waits at its end."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        """Begin with what was typed before, oldest first."""
        self._texts = list(texts)
        self._place = len(self._texts)
        self._unfinished = ""

    def add(self, text: str) -> bool:
        """Take what was sent; say whether it is another than the last."""
        is_new = not self._texts or self._texts[-1] != text
        if is_new:
            self._texts.append(text)
        self._place = len(self._texts)
        return is_new

    def step(self, by: int, current: str) -> str | None:
        """Go back (-1) or on (1); None when there is nothing further."""
        wanted = self._place + by
        if not 0 <= wanted <= len(self._texts):
            return None
        if self._place == len(self._texts):
            self._unfinished = current
        self._place = wanted
        return self._unfinished if wanted == len(self._texts) else self._texts[wanted]
