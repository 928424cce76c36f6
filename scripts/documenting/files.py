"""The files, and what stands in them."""

import click

from mqtt_client.commands.main import cli
from scripts.documenting.completions import COMPLETIONS, completion
from scripts.documenting.man import man_page
from scripts.stack.config import ROOT

DOCS = ROOT / "docs"


def written() -> dict[str, str]:
    """Return the content of each file, by its name below docs/."""
    if not isinstance(cli, click.Group):
        raise TypeError("the command line is no group of commands")
    completions = {f"completions/nightjar.{shell}": completion(shell, cli) for shell in COMPLETIONS}
    return {"man/nightjar.1": man_page(cli), **completions}
