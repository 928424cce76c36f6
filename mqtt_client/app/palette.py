"""The colours of our two themes. Pure."""

from collections.abc import Mapping

DARK: Mapping[str, str] = {
    "primary": "#82aaff",
    "secondary": "#c792ea",
    "accent": "#ffcb6b",
    "foreground": "#d6deeb",
    "background": "#10141c",
    "surface": "#171c26",
    "panel": "#222a38",
    "success": "#9ece6a",
    "warning": "#ffcb6b",
    "error": "#ff7a85",
}
LIGHT: Mapping[str, str] = {
    "primary": "#0b57a4",
    "secondary": "#7c3aed",
    "accent": "#8a5a00",
    "foreground": "#1f2430",
    "background": "#fdfdfb",
    "surface": "#f3f3ef",
    "panel": "#e3e4de",
    "success": "#2f6f1e",
    "warning": "#8a5a00",
    "error": "#b3202c",
}
PALETTES: Mapping[str, Mapping[str, str]] = {"nightjar-dark": DARK, "nightjar-light": LIGHT}
DEFAULT = "nightjar-dark"
