"""The folders of the files that come with the program: in a checkout, or inside the installed package."""

from pathlib import Path

_PACKAGE = Path(__file__).parent


def _find(name: str) -> Path:
    packaged = _PACKAGE / name
    return packaged if packaged.exists() else _PACKAGE.parent / name


def static_folder() -> Path:
    """ES modules, CSS, fonts and icons: what is served under /static/."""
    return _find("static")


def sample_config() -> Path:
    """Return the runnable sample."""
    return _find("config.yaml")
