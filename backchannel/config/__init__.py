"""config.yaml: read whole, checked whole, frozen; every mistake told at once."""

from backchannel.config.load import ConfigError, load_config, parse_config
from backchannel.config.schema import config_schema
from backchannel.config.settings import (
    Config,
    EventConfig,
    LogConfig,
    ServerConfig,
    TlsConfig,
    WallConfig,
    secret_values,
    secrets_of,
)
from backchannel.config.watch import ConfigWatcher
from backchannel.config.yaml_document import Problem

__all__ = [
    "Config",
    "ConfigError",
    "ConfigWatcher",
    "EventConfig",
    "LogConfig",
    "Problem",
    "ServerConfig",
    "TlsConfig",
    "WallConfig",
    "config_schema",
    "load_config",
    "parse_config",
    "secret_values",
    "secrets_of",
]
