"""`python -m deploy.kubernetes`: write the manifests that are made from tables, and print which of them changed.

`python -m deploy.kubernetes render FOLDER` prints what Kustomize would make of a folder, such as overlays/production.
"""

import sys
from typing import Annotated

import typer
import yaml

from deploy.kubernetes import files, render
from shared.oncall import command_line

app = command_line.group("Manifests of Kubernetes.")


@app.callback(invoke_without_command=True)
def write(context: typer.Context) -> None:
    """Write what is made from tables unless a command is named."""
    if context.invoked_subcommand is None:
        print("\n".join(files.write()) or "every manifest was up to date")


@app.command("render")
def show(folder: Annotated[str, typer.Argument(help="Below deploy/kubernetes.")]) -> None:
    """Print the objects of a folder with everything it refers to."""
    yaml.safe_dump_all(render.rendered(files.HOME / folder), sys.stdout, sort_keys=False)


if __name__ == "__main__":
    app(prog_name="python -m deploy.kubernetes")
