"""The loop is given back between items, however many a stranger sends at once."""

import asyncio
import json
from datetime import UTC
from time import thread_time

from msgspec import Raw

from backchannel.bugs import Bugs
from backchannel.clock import Clock
from backchannel.contract import Context
from backchannel.fetch import Fetcher
from backchannel.gather import GatherContext
from backchannel.gather.candidates import RECHECK, Candidates
from backchannel.model import Posted
from backchannel.redaction import keep_secret
from backchannel.sources.mastodon.api import MastodonServer
from backchannel.sources.mastodon.read import Reader
from backchannel.sources.nostr.directory import Directory
from backchannel.sources.nostr.event_queue import EventQueue
from backchannel.web.card_cache import CardCache
from tests.conftest import Tell
from tests.kit.gathering import TAGS
from tests.kit.posts import post
from tests.kit.sequencers import Opened, Stepped, settle
from tests.linear.test_parsers import status
from tests.sources.nostr.kit import ADA


async def turns(done: asyncio.Event) -> list[float]:
    """CPU seconds of this thread between two turns of the loop, as long as the work goes on."""
    held: list[float] = []
    while not done.is_set():
        began = thread_time()
        await asyncio.sleep(0)
        held.append(thread_time() - began)
    return held


async def test_a_page_of_hostile_statuses_gives_the_loop_back_after_each(tell: Tell) -> None:
    clock = Clock()
    fetcher = Fetcher(user_agent="Backchannel/test", clock=clock)
    server = MastodonServer("https://home.example", fetcher, clock)
    context = Context("fedi", fetcher, clock, ("a",), 0.0, list, Bugs())
    reader = Reader(context, ("a",), [server], local=False, backfill_pages=1, opt_outs="show", handles={})
    said = json.loads(status(content="<p>x" * 10_000))
    items = [Raw(json.dumps({**said, "id": str(at)}).encode()) for at in range(40)]
    done = asyncio.Event()
    watch = asyncio.create_task(turns(done))
    await asyncio.sleep(0)
    read = await reader.read(server, items)
    done.set()
    held = await watch
    await fetcher.close()
    assert len(read.posts) == 40
    assert len(held) >= 80, "once when each is decoded, and once when it becomes a post"
    tell(f"the loop, while 40 statuses of 40,000 characters are read: held {1000 * max(held):.0f} ms at most")


async def test_secrets_are_looked_for_in_one_post_at_a_time(opened: Opened, tell: Tell) -> None:
    keep_secret(["a secret that is in no post"])
    sequencer = await opened()
    context = GatherContext(TAGS, 0.0, sequencer, Clock(), lambda _: None, sequencer.log.cursors, Bugs())
    candidates = Candidates("net", "script", context, chosen=())
    events = [Posted(post(f"p{at}", "\N{ARABIC LETTER ALEF}\ufdfa " * 10_000)) for at in range(40)]
    done = asyncio.Event()
    watch = asyncio.create_task(turns(done))
    await asyncio.sleep(0)
    found = await candidates.of(RECHECK, events)
    done.set()
    held = await watch
    await sequencer.close()
    assert found == events
    assert len(held) >= 40
    tell(f"the loop, while 40 such posts become candidates: held {1000 * max(held):.0f} ms at most")


async def test_long_posts_are_drawn_one_at_a_time_also_when_all_are_new_to_the_pages(
    sequencer: Stepped, tell: Tell
) -> None:
    await settle(sequencer, *[Posted(post(f"p{at}", "word " * 6000, by=f"a{at}")) for at in range(40)])
    views = CardCache(sequencer, zone=UTC, own_tags=("conf",))
    done = asyncio.Event()
    watch = asyncio.create_task(turns(done))
    await asyncio.sleep(0)
    shown = await views.answer(lambda: sequencer.board.newest(200))
    done.set()
    held = await watch
    await sequencer.close()
    assert len(shown) == 40
    assert len(held) >= 40
    tell(f"the loop, while 40 posts of 30,000 letters are drawn: held {1000 * max(held):.0f} ms at most")


def test_a_page_of_long_notes_becomes_posts_a_few_at_a_time() -> None:
    directory = Directory(source="n", web="https://n.example/{id}", lanes=(), bugs=Bugs())
    desk = EventQueue(directory)
    for at in range(50):
        event = ADA.event(f"{at} " + "#a " * 6000, at=at)
        directory.put(event)
        desk.take_stored(event, 0.0)
    desk.end_page(0.0)
    slices, due = [], []
    while not desk.is_empty:
        slices.append(len(desk.settle(100.0, 100.0)))
        due.append(desk.due_at)
    assert (sum(slices), max(slices)) == (50, 1)
    assert set(due[:-1]) == {0.0}, "what is ready is not left lying"


def test_a_page_of_short_notes_becomes_posts_in_few_turns() -> None:
    directory = Directory(source="n", web="https://n.example/{id}", lanes=(), bugs=Bugs())
    desk = EventQueue(directory)
    for at in range(500):
        event = ADA.event(f"{at} #a", at=at)
        directory.put(event)
        desk.take_stored(event, 0.0)
    desk.end_page(0.0)
    slices = []
    while not desk.is_empty:
        slices.append(len(desk.settle(100.0, 100.0)))
    assert sum(slices) == 500
    assert len(slices) < 10
