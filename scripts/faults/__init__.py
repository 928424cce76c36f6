"""Fault injection: the whole of Nightjar under load while its parts are killed, frozen, cut off and wiped.

`scripts/chaos` runs it, and counts at the end what was lost, doubled, disordered or shown to the wrong one.
"""
