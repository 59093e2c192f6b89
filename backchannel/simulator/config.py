"""A config.yaml that shows this conference: what `demo` runs and tests read."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from backchannel.simulator.script import TAG

_CONFIG = """\
event:
  name: Open Ideas 2026
  hashtags: [{tag}]
  timezone: Europe/Warsaw
  start: {start}
  end: {end}
  place: Stara Tkalnia, Łódź
  url: https://openideas.example
server:
  host: 127.0.0.1
  port: {port}
  # The simulated networks live on this machine.
  allow_addresses: [127.0.0.0/8]
sources:
{sources}
wall:
  policy: open
  delay_s: {delay_s}
"""


def render_config(sources: Sequence[Mapping[str, object]], start: float, port: int) -> str:
    """Return the whole file, with what was said in the days before within reach."""
    day = datetime.fromtimestamp(start, UTC)
    listed = "\n".join(f"  - {json.dumps(source, ensure_ascii=False)}" for source in sources)
    return _CONFIG.format(
        tag=TAG, start=day.date(), end=(day + timedelta(days=2)).date(), port=port, sources=listed, delay_s=5
    )
