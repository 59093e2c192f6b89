"""The fan-out benchmark in small: its figures mean something only when its checks hold."""

from benchmarks.fanout import render, run
from tests.conftest import Tell


async def test_every_subscriber_ends_at_the_same_number_with_nothing_out_of_order(tell: Tell) -> None:
    report = await run(subscribers=200, posts=40)
    tell(render(report))
    assert len(report.seqs) == 1
    assert report.out_of_order == 0
    assert report.burst_frames < 20
