"""Says what a lane's answer means for the event: what it would bring, what a person should know. Pure."""

from collections import Counter
from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from backchannel.check.config_lines import ConfigLines
from backchannel.check.remedies import Failure, is_closed, is_reached, way_out
from backchannel.check.report import LaneFinding
from backchannel.clock import to_utc
from backchannel.config import Config
from backchannel.contract import Sample
from backchannel.gather import is_in_window, unwanted
from backchannel.text import one_line

MAX_WHAT = 80


def of_failure(lane: LaneFinding, failure: Failure) -> LaneFinding:
    """Tell of a lane that could not be read. A pause that it asks for ends by itself."""
    is_pause = bool(failure.pause_s) and failure.status in (429, 503)
    return replace(
        lane,
        state="look" if is_pause else "trouble",
        problem=one_line(str(failure.error)),
        way_out=way_out(failure),
        reached=is_reached(failure),
        allowed=False if is_closed(failure) else None,
    )


def of_sample(
    lane: LaneFinding, sample: Sample, config: Config, lines: ConfigLines, now: float, *, is_chosen: bool
) -> LaneFinding:
    """Tell of a lane that was read. `is_chosen`: everything there is wanted, hashtag or not."""
    hashtags = frozenset(config.event.hashtags)
    whys = [unwanted(post, hashtags, is_chosen=is_chosen) for post in sample.posts]
    candidates = [post for post, why in zip(sample.posts, whys, strict=True) if not why]
    newest = max((post.created_at for post in candidates), default=None)
    since = config.event.collect_from.timestamp()
    wanted = sum(is_in_window(post, since, now) for post in candidates)
    remarks = [*_remarks(lane, sample, whys, wanted, config, lines)]
    return replace(
        lane,
        state="look" if remarks else "fine",
        problem="; ".join(problem for problem, _ in remarks),
        way_out="; ".join(dict.fromkeys(way for _, way in remarks)),
        reached=True,
        allowed=True,
        what=one_line(sample.what)[:MAX_WHAT],
        items=sample.items,
        wanted=wanted,
        skipped=sample.skipped,
        newest_at=None if newest is None else to_utc(newest).isoformat(timespec="seconds"),
        newest_age_s=None if newest is None else round(now - newest, 1),
    )


def _remarks(
    lane: LaneFinding, sample: Sample, whys: Sequence[str], wanted: int, config: Config, lines: ConfigLines
) -> Iterator[tuple[str, str]]:
    """Yield what a person should know of it, each with its way out."""
    tags = " or ".join(f"#{tag}" for tag in config.event.hashtags)
    hashtags = lines.of("event", "hashtags")
    if not sample.items:
        yield (
            "nothing was ever posted there for this event",
            f"before an event that may be right: post something with {tags} there and check again; else look "
            f"at event.hashtags, {hashtags}",
        )
    elif all(whys):
        ((why, _),) = Counter(whys).most_common(1) or [("the source itself leaves them out", 0)]
        yield (
            f"none of {sample.items} would be shown: {why}",
            f"if people write {tags} in another way, add that to event.hashtags, {hashtags}",
        )
    elif not wanted:
        yield (
            f"all of it is older than event.collect_from, {config.event.collect_from:%Y-%m-%d}",
            "before an event that may be right; to show it, set an earlier event.collect_from, "
            f"{lines.of('event', 'collect_from')}",
        )
    if sample.skipped:
        yield (
            f"{sample.skipped} of {sample.items} cannot be read",
            "nothing to do for you; if it is most of them, please report the network to us",
        )
    if sample.advice:
        yield sample.advice, f"change it at {lane.place}"
