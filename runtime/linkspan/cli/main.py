"""``linkspan``: one command for everything."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from linkspan import KAFKA_VERSION, __version__
from linkspan.cli import demo as demonstration
from linkspan.cli import distributed as distributed_worker
from linkspan.cli import registry as schema_registry
from linkspan.cli import standalone as worker
from linkspan.plugins.catalog import Catalog
from linkspan.worker.nurseries import Nurseries
from linkspan.worker.plugin_search import find_plugins

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
def distributed(worker_file: Annotated[str, typer.Argument(help="Properties file of the worker.")]) -> None:
    """Run a worker of a group (the same as connect-distributed)."""
    raise typer.Exit(distributed_worker.main([worker_file]))


@app.command()
def registry(
    properties_file: Annotated[str | None, typer.Argument(help="Properties file of the registry.")] = None,
) -> None:
    """Run a schema registry, on Kafka or, without kafkastore.bootstrap.servers, on the embedded log."""
    raise typer.Exit(schema_registry.main([properties_file] if properties_file else []))


@app.command()
def plugins(
    plugin_path: Annotated[list[str] | None, typer.Option(help="Folder whose sub-folders are plugins.")] = None,
) -> None:
    """List the plugins that a worker would find; in plain lines with tabs unless on a terminal."""
    rows = [
        (info.class_name, info.kind, info.version, info.error or "")
        for info in asyncio.run(_found(plugin_path or [])).plugins
    ]
    if not sys.stdout.isatty():
        for row in rows:
            print("\t".join(row).rstrip())
        return
    table = Table(*(Column(title, overflow="fold") for title in ("Class", "Type", "Version", "Remark")))
    for row in rows:
        table.add_row(*map(escape, row))
    Console().print(table)


async def _found(plugin_path: Sequence[str]) -> Catalog:
    nurseries = Nurseries(["linkspan.worker.child", "linkspan.worker.requests", "linkspan.plugins.discovery"])
    try:
        await nurseries.start()
        return await find_plugins(nurseries, plugin_path)
    finally:
        await nurseries.close()


@app.command()
def version() -> None:
    """Print the version, and the Kafka release whose behaviour is reproduced."""
    print(f"linkspan {__version__} (Kafka Connect {KAFKA_VERSION})")


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


@app.command()
def conformance(
    adapter: Annotated[str, typer.Argument(help="Adapter of a connector: module:Class or path/file.py:Class.")],
    seed: Annotated[int, typer.Option(help="The same seed tries the same things.")] = 1,
    only: Annotated[list[str] | None, typer.Option(help="Name of a case, or a pattern; may be repeated.")] = None,
    record: Annotated[Path | None, typer.Option(help="File for the machine-readable record (JSON).")] = None,
    verbose: Annotated[bool, typer.Option(help="Show what the worker logs.")] = False,
) -> None:
    """Try a connector: deliveries, stops, kills at every call, shared work, configuration, its declared guarantee."""
    from linkspan.cli import conformance as kit  # noqa: PLC0415 - other commands do without the whole worker

    raise typer.Exit(kit.run(adapter, seed, only or [], record, verbose=verbose))


def main() -> None:
    """Entry point of the command."""
    app()
