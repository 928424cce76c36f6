"""The recording in the README: real terminals of a real chat, drawn as an animated SVG."""
