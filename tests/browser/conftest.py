"""Three engines. Chromium and Firefox by Playwright, WebKitGTK by WebDriver on its own screen."""

import os
import subprocess
import warnings
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, Request, async_playwright
from selenium.webdriver import WebKitGTK, WebKitGTKOptions
from selenium.webdriver.webkitgtk.service import Service

CHROMIUM, FIREFOX = Path("/usr/bin/chromium"), Path("/usr/bin/firefox-esr")
DRIVER = Path("/usr/bin/WebKitWebDriver")
CHROMIUM_ARGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]


def _needs(program: Path) -> None:
    if not program.exists():
        pytest.skip(f"{program} is not installed")


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    """Debian's Chromium."""
    _needs(CHROMIUM)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGS)
        yield browser
        await browser.close()


@pytest.fixture
async def firefox() -> AsyncIterator[Browser]:
    """Debian's Firefox ESR, which Playwright drives by WebDriver BiDi."""
    _needs(FIREFOX)
    async with async_playwright() as playwright:
        browser = await playwright.firefox.launch(channel="moz-firefox", executable_path=FIREFOX)
        yield browser
        await browser.close()


@pytest.fixture(params=["chromium", "firefox"])
async def browser(request: pytest.FixtureRequest) -> AsyncIterator[Browser]:
    """Chromium, then Firefox."""
    async with async_playwright() as playwright:
        if request.param == "chromium":
            _needs(CHROMIUM)
            launched = await playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGS)
        else:
            _needs(FIREFOX)
            launched = await playwright.firefox.launch(channel="moz-firefox", executable_path=FIREFOX)
        yield launched
        await launched.close()


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
