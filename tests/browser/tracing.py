"""How long a page's main thread was held: by the browser's own trace, in time of the processor.

A machine that is busy with other things makes every task longer by the clock, and costs it little more.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from msgspec import Struct
from playwright.async_api import Browser, Page

CATEGORIES = ["toplevel", "disabled-by-default-lighthouse", "devtools.timeline", "__metadata"]


class Held(Struct):
    """The longest task of a page's main thread, in milliseconds of the processor and of the clock."""

    cpu_ms: float = 0.0
    clock_ms: float = 0.0


@asynccontextmanager
async def traced(browser: Browser, page: Page) -> AsyncIterator[Held]:
    """What is done with the page within is measured; the answer stands in what this gives, afterwards."""
    held = Held()
    await browser.start_tracing(page=page, categories=CATEGORIES)
    yield held
    events = json.loads(await browser.stop_tracing())["traceEvents"]
    mains = {
        (event["pid"], event["tid"])
        for event in events
        if event["name"] == "thread_name" and event["args"].get("name") == "CrRendererMain"
    }
    tasks = [event for event in events if _is_task(event) and (event["pid"], event["tid"]) in mains]
    held.cpu_ms = max((event.get("tdur", event["dur"]) / 1000 for event in tasks), default=0.0)
    held.clock_ms = max((event["dur"] / 1000 for event in tasks), default=0.0)


def _is_task(event: dict[str, Any]) -> bool:
    return event.get("ph") == "X" and event["name"].endswith("RunTask")
