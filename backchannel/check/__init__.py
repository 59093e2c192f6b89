"""Tries what config.yaml says, once, before the event: `backchannel check`."""

from backchannel.check.config_lines import ConfigLines
from backchannel.check.report import CheckReport, LaneFinding
from backchannel.check.table import draw
from backchannel.check.trying import check_now, to_json, try_all

__all__ = ["CheckReport", "ConfigLines", "LaneFinding", "check_now", "draw", "to_json", "try_all"]
