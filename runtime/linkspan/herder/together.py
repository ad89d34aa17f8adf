"""Several beginnings at once, of which none is left behind when another one fails."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

__all__ = ["together"]


async def together(*works: Coroutine[Any, Any, None]) -> None:
    """Wait for all; the first failure ends the others."""
    running = [asyncio.ensure_future(work) for work in works]
    try:
        await asyncio.gather(*running)
    finally:
        for work in running:
            work.cancel()
        await asyncio.gather(*running, return_exceptions=True)
