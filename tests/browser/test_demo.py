"""The simulated conference on the real pages, in a real Chromium: filled at once, nobody else is asked."""

import asyncio
import re
import sys
from pathlib import Path

import pytest
from playwright.async_api import Browser

from backchannel.clock import Clock
from backchannel.simulator import Simulator
from tests.browser.conftest import Complaints
from tests.conftest import Tell
from tests.kit.clocks import until
from tests.kit.server import running

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]
ROOT = Path(__file__).parents[2]
WHOLE_S = 55 * 3600.0
SPEED = 12_000.0
FRAMES = """() => new Promise((done) => {
  const after = (frames) => frames ? requestAnimationFrame(() => after(frames - 1)) : done();
  after(15);
})"""
NETWORKS = "() => new Set(Array.from(document.querySelectorAll('bc-card'), (el) => el.dataset.network)).size"
VIOLATIONS = """
globalThis.violations = [];
document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>
  globalThis.violations.push(`${violatedDirective} ${blockedURI}`));
"""


async def test_the_demo_has_cards_of_all_three_kinds_on_the_wall_within_moments(
    chromium: Browser, tmp_path: Path, tell: Tell
) -> None:
    clock = Clock()
    begun = clock.monotonic()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "backchannel", "demo", "--port", "0",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL, cwd=tmp_path,
    )  # fmt: skip
    assert process.stdout
    try:
        async for line in process.stdout:
            if found := re.search(rb"(http://\S+)/wall is for the screen", line):
                break
        else:
            pytest.fail("the demo ended without an address")
        page = await chromium.new_page()
        await page.goto(f"{found[1].decode()}/wall")
        await page.wait_for_function(f"() => ({NETWORKS})() >= 3", timeout=60_000)
        took_s = clock.monotonic() - begun
    finally:
        process.terminate()
        await process.communicate()
    assert process.returncode == 0
    tell(f"demo: cards of three networks on the wall {took_s:.1f} s after the command")


async def test_over_the_whole_conference_one_origin_is_asked_and_nothing_is_complained_of(
    chromium: Browser, tmp_path: Path, tell: Tell
) -> None:
    clock = Clock(rate=SPEED)
    simulator = Simulator(seed=5, speed=SPEED, clock=clock, rate_limit=10**6)
    async with simulator:
        config = simulator.config_yaml(port=0)
        async with running(tmp_path, config, clock=clock) as (server, url):
            pages, heard = [], []
            for path in ("/wall", "/", "/status"):
                page = await (await chromium.new_context()).new_page()
                await page.add_init_script(VIOLATIONS)
                heard.append(Complaints(page))
                await page.goto(url + path)
                pages.append(page)
            while simulator.moment() < WHOLE_S:
                await pages[1].mouse.wheel(0, 700)  # somebody reads on, so pictures are loaded
                await pages[1].evaluate(FRAMES)
            await until(lambda: len(server.sequencer.board.line) > 400)
            await pages[0].wait_for_function("() => document.querySelectorAll('bc-card').length === 200")
            violations = [await page.evaluate("() => globalThis.violations") for page in pages]
            shown = len(server.sequencer.board.line)
            errors = [[*complaints.errors] for complaints in heard]  # before they lose their server
    assert shown > 400
    assert violations == [[], [], []]
    assert errors == [[], [], []]
    for complaints in heard:
        assert complaints.origins <= {url, url.replace("http", "ws")}
    tell(f"{shown} posts shown; asked: {sorted(set().union(*(one.origins for one in heard)))}")
