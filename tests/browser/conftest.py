"""Three engines. Chromium and Firefox by Playwright, WebKitGTK by WebDriver on its own screen."""

import os
import subprocess
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, ConsoleMessage, Page, Playwright, Request, async_playwright
from pytest_asyncio import is_async_test
from selenium.webdriver import WebKitGTK, WebKitGTKOptions
from selenium.webdriver.webkitgtk.service import Service

CHROMIUM, FIREFOX = Path("/usr/bin/chromium"), Path("/usr/bin/firefox-esr")
DRIVER = Path("/usr/bin/WebKitWebDriver")
CHROMIUM_ARGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]


def _needs(program: Path) -> None:
    if not program.exists():
        pytest.skip(f"{program} is not installed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let all tests of this folder share one loop: a browser belongs to the loop in which it was started."""
    for item in items:
        if item.path.parent == Path(__file__).parent and is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


class Browsers:
    """The browsers of this process. To start one takes longer than most tests, so each starts once."""

    def __init__(self, playwright: Playwright) -> None:
        self._playwright = playwright
        self._started: dict[str, Browser] = {}

    @asynccontextmanager
    async def lent(self, name: str) -> AsyncIterator[Browser]:
        """The browser of this name; all of its pages are closed afterwards."""
        if name not in self._started or not self._started[name].is_connected():
            self._started[name] = await self._start(name)
        browser = self._started[name]
        yield browser
        for context in browser.contexts:
            await context.close()

    async def _start(self, name: str) -> Browser:
        if name == "chromium":  # Debian's
            _needs(CHROMIUM)
            return await self._playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGS)
        _needs(FIREFOX)  # Debian's Firefox ESR, which Playwright drives by WebDriver BiDi
        return await self._playwright.firefox.launch(channel="moz-firefox", executable_path=FIREFOX)

    async def close(self) -> None:
        """End them all."""
        for browser in self._started.values():
            await browser.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browsers() -> AsyncIterator[Browsers]:
    async with async_playwright() as playwright:
        started = Browsers(playwright)
        yield started
        await started.close()


@pytest_asyncio.fixture(loop_scope="session")
async def chromium(browsers: Browsers) -> AsyncIterator[Browser]:
    async with browsers.lent("chromium") as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="session")
async def firefox(browsers: Browsers) -> AsyncIterator[Browser]:
    async with browsers.lent("firefox") as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="session", params=["chromium", "firefox"])
async def browser(request: pytest.FixtureRequest, browsers: Browsers) -> AsyncIterator[Browser]:
    """Chromium, then Firefox."""
    async with browsers.lent(request.param) as lent:
        yield lent


@pytest.fixture(scope="session")
def display() -> Iterator[str]:
    """A screen for WebKitGTK, which has no headless mode."""
    _needs(DRIVER)
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "1920x1080x24", "-nolisten", "tcp"]
    with subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL) as process:
        os.close(write)
        with os.fdopen(read) as number:
            yield f":{number.readline().strip()}"
        process.terminate()


@pytest.fixture
def webkit(display: str) -> Iterator[WebKitGTK]:
    """WebKitGTK's own small browser. Its calls block: from a coroutine, use asyncio.to_thread."""
    browsers = sorted(Path("/usr/lib").glob("*/webkit2gtk-4.*/MiniBrowser"))
    if not browsers:
        pytest.skip("no MiniBrowser of WebKitGTK")
    options = WebKitGTKOptions()
    options.binary_location = str(browsers[-1])
    options.add_argument("--automation")
    service = Service(
        str(DRIVER), env={**os.environ, "DISPLAY": display, "WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS": "1"}
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # selenium's own driver calls its own old way
        driver = WebKitGTK(options=options, service=service)
    try:
        yield driver
    finally:
        driver.quit()


class Complaints:
    """What a page complained about, and every origin it spoke to."""

    def __init__(self, page: Page) -> None:
        self.errors: list[str] = []
        self.origins: set[str] = set()
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.errors.append(message.text)

    def _request(self, request: Request) -> None:
        scheme, _, rest = request.url.partition("://")
        self.origins.add(f"{scheme}://{rest.split('/')[0]}")
