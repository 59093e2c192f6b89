"""One author's flood, through the real program: honest posts keep their place, and nobody's post is lost.

`FLOOD=10000` makes it as large as the attack that was seen; 2,000 is quicker and goes the same ways.
"""

import os
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from backchannel.clock import Clock
from tests.conftest import Tell
from tests.kit.http_server import Blog, blog
from tests.kit.program import RunningProgram, config_text, serving
from tests.kit.websocket_server import fake_websocket
from tests.sources.nostr.kit import NostrWriter, Wire, storing

pytestmark = pytest.mark.timeout(300)
NOTES = int(os.environ.get("FLOOD", "2000"))
PATIENCE_S = 200.0


def cost(pid: int) -> tuple[float, int]:
    """(CPU seconds, largest resident MB) of a process."""
    stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    peak = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    assert peak
    return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK"), int(peak[1]) // 1024


async def all_posts(server: RunningProgram, query: str = "") -> list[dict[str, Any]]:
    """Everything that the API gives, page by page."""
    posts, before = list[dict[str, Any]](), ""
    while True:
        answer = await server.get(f"/api/v1/posts?limit=200{query}&before={before}")
        posts += answer["posts"]
        before = answer["next"]
        if not before:
            return posts


def folded(health: dict[str, Any]) -> int:
    told = health["folded"]
    return sum(int(author["posts"]) for author in told["authors"]) + int(told["posts_of_others"])


def authors(page: str) -> Counter[str]:
    return Counter(re.findall(r'data-slot="name">([^<]*)<', page.partition("<template")[0]))


async def test_one_authors_flood_pushes_nobody_off_the_wall_and_loses_nothing(
    tmp_path: Path, tell: Tell
) -> None:
    now = Clock().now()
    mallory = NostrWriter("mallory")
    start = now - NOTES * 0.3
    notes: list[Wire] = [mallory.wire(f"note {n}", ("t", "conf"), at=start + n * 0.3) for n in range(NOTES)]
    profile = mallory.profile(at=start, name="Mallory", display_name="Mallory Flood")
    async with blog() as one, blog() as two, fake_websocket(storing(profile, *notes)) as relay:
        feeds = [
            f"{{kind: feed, name: f{n}, feeds: ['{b.feed}'], poll_s: 1, floor_s: 1}}"
            for n, b in enumerate((one, two))
        ]
        nostr = f"{{kind: nostr, relays: ['{relay.url}']}}"

        def write(*words: str) -> None:
            both: tuple[Blog, Blog] = (one, two)
            for index, source in enumerate(both):
                for word in words:
                    source.write(word, f"honest {word} of {index}")

        write("before", "before too")
        async with serving(tmp_path, config=config_text(*feeds)) as server:
            await server.until_texts(*(f"honest before{too} of {n}" for too in ("", " too") for n in (0, 1)))
            (tmp_path / "config.yaml").write_text(config_text(*feeds, nostr))
            await server.until(lambda health: folded(health) >= NOTES - 25, "/healthz")
            write("after", "after too")
            names = [
                f"honest {when}{too} of {n}"
                for when in ("before", "after")
                for too in ("", " too")
                for n in (0, 1)
            ]
            await server.until(lambda found: sum(p["source"] != "nostr" for p in found["posts"]) == 8,
                               "/api/v1/posts?limit=50&folded=0")  # fmt: skip
            wall = await server.page("/wall")
            assert [name for name in names if name not in wall] == []
            shown = authors(wall)["Mallory Flood"]
            assert shown <= 20
            found = await all_posts(server)
            assert Counter(post["source"] for post in found) == {"nostr": NOTES, "f0": 4, "f1": 4}
            screen = await all_posts(server, "&folded=0")
            minutes = [post["card"]["at"] for post in screen if post["source"] == "nostr"]
            assert len(minutes) == shown
            assert max(sum(at <= other < at + 60 for other in minutes) for at in minutes) <= 5
            health = await server.until(lambda health: folded(health) == NOTES - shown, "/healthz")
            (flooder,) = health["folded"]["authors"]
            assert (flooder["author"], flooder["posts"]) == ("Mallory Flood", NOTES - shown)
            tab = await server.page("/")
            line = f'href="/?by={flooder["key"]}">and <span data-slot="count">{NOTES - shown}</span> more by '
            assert f'{line}<bdi data-slot="name">Mallory Flood</bdi>' in tab
            assert len(await all_posts(server, f"&by={flooder['key']}")) == NOTES
            assert "Mallory Flood" in await server.page("/status")
            assert sum("posts are folded" in said for said in server.lines) <= 3
            hit = (await server.get("/api/v1/posts?q=note&limit=1"))["posts"][0]
            assert hit["card"]["clearance"] in ("folded", "open")
            await lift_and_block(server, found, names)
            cpu_s, peak_mb = cost(server.process.pid)
            spent = f"CPU {cpu_s:.1f} s ({cpu_s / NOTES * 1000:.2f} ms each), peak RSS {peak_mb} MB"
            tell(f"{NOTES} notes of one author: {spent}, {shown} of them on the wall")


async def lift_and_block(server: RunningProgram, found: list[dict[str, Any]], honest: list[str]) -> None:
    """A person puts one on the wall, and then has enough of its author."""
    key = next(post["key"] for post in found if post["card"]["clearance"] == "folded")
    assert await server.say("show", str(key)) == (200, {"message": "shown", "saved": True})
    first = (await server.get("/api/v1/posts?limit=1&folded=0"))["posts"][0]
    assert (first["key"], first["card"]["clearance"]) == (key, "approved")
    assert (await server.say("block", str(key)))[0] == 200
    assert "Mallory" not in await server.page("/") + await server.page("/status") + await server.page(
        f"/?by={key}"
    )
    assert sorted(post["text"] for post in await all_posts(server)) == sorted(honest)
