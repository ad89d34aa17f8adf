"""``linkspan``: one command for everything."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from linkspan import __version__
from linkspan.cli import demo as demonstration
from linkspan.cli import standalone as worker
from linkspan.plugins.discovery import scan

__all__ = ["app", "main"]

app = typer.Typer(help="A connector runtime for Apache Kafka.", no_args_is_help=True, add_completion=False)


@app.command()
def standalone(
    worker_file: Annotated[str, typer.Argument(help="Properties file of the worker.")],
    connector_files: Annotated[list[str] | None, typer.Argument(help="Files of connectors to create.")] = None,
) -> None:
    """Run a standalone worker (the same as connect-standalone)."""
    raise typer.Exit(worker.main([worker_file, *(connector_files or [])]))


@app.command()
def plugins(
    plugin_path: Annotated[list[str] | None, typer.Option(help="Folder whose sub-folders are plugins.")] = None,
) -> None:
    """List the plugins that a worker would find."""
    table = Table("Class", "Type", "Version", "Remark")
    for info in scan(plugin_path or []).plugins:
        table.add_row(info.class_name, info.kind, info.version, info.error or "")
    Console().print(table)


@app.command()
def version() -> None:
    """Print the version, and the Kafka release whose behaviour is reproduced."""
    print(f"linkspan {__version__} (Kafka Connect {worker.KAFKA_VERSION})")


@app.command()
def demo(
    file: Annotated[Path | None, typer.Option(help="A text file of yours instead of an invented one.")] = None,
    state: Annotated[Path, typer.Option(help="Folder that keeps log, offsets and the copy.")] = Path(".demo"),
    seconds: Annotated[float | None, typer.Option(help="Stop by itself after this time.")] = None,
) -> None:
    """Move a file through a worker on the embedded log and out again, with live progress.

    On a terminal it goes on until Ctrl-C, elsewhere until everything is copied; the next run continues from there.
    """
    raise typer.Exit(demonstration.run(file, state, seconds))


def main() -> None:
    """Entry point of the command."""
    app()
