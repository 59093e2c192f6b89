"""Finds the networks there are: the folder `sources/`, then what third parties installed."""

from collections.abc import Callable
from importlib import import_module
from importlib.metadata import entry_points
from pkgutil import iter_modules
from typing import Any, NamedTuple

from backchannel import sources
from backchannel.contract import Context, Source, SourceSettings


class Kind(NamedTuple):
    """A network as the house sees it: its settings model and how to make a source of them."""

    Settings: type[SourceSettings]
    Source: Callable[[Any, Context], Source]


def names() -> list[str]:
    """Return the names of all networks: the files and packages in `sources/`, then what third parties
    brought."""
    own = [module.name for module in iter_modules(sources.__path__)]
    return sorted({*own, *(entry.name for entry in entry_points(group="backchannel.sources"))})


def load(kind: str) -> Kind:
    """Return the network of that name. KeyError when there is none."""
    if kind not in names():
        raise KeyError(kind)
    for entry in entry_points(group="backchannel.sources", name=kind):
        module = entry.load()
        break
    else:
        module = import_module(f"{sources.__name__}.{kind}")
    return Kind(module.Settings, module.Source)
