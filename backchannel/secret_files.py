"""The one place for what nobody else may know: a file of mode 0600 in the data folder.

It holds the mark key (what keeps an erased id out, see `model.mark`) and the control token (by which the
command line speaks to the running server). A backup is the log and this file: with another mark key, erased
posts could come back, so a damaged file is never replaced.
"""

import os
import stat
from pathlib import Path
from secrets import token_bytes, token_urlsafe
from typing import Self

import msgspec
from msgspec import Struct

from backchannel.errors import UserError

FILE = "secrets.json"


class _SecretsFile(Struct, frozen=True):
    mark_key: str
    control_token: str

    def __post_init__(self) -> None:
        if len(bytes.fromhex(self.mark_key)) < 32 or len(self.control_token) < 32:
            raise ValueError("a key is too short")


class SecretStore:
    """The two secrets, written whole or not at all. UserError when the file cannot be trusted."""

    def __init__(self, path: Path, held: _SecretsFile) -> None:
        self._path = path
        self._held = held

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Return the store in this data folder. Folder and store are made where there are none."""
        path = folder / FILE
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            _write(path, _SecretsFile(token_bytes(32).hex(), token_urlsafe(32)))
        return cls.read(folder)

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Return the store in this data folder. UserError where there is none."""
        path = folder / FILE
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
            if mode & 0o077:
                raise UserError(f"{path}: others can read it (mode {mode:04o}); run: chmod 600 {path}")
            return cls(path, msgspec.json.decode(path.read_bytes(), type=_SecretsFile))
        except FileNotFoundError:
            raise UserError(f"{path}: not there; `backchannel serve` makes it at its first start") from None
        except OSError as error:
            raise UserError(f"{path}: cannot be read: {error.strerror}") from None
        except ValueError:  # without its cause: that could show what the file holds
            raise UserError(f"{path}: damaged; restore it from the backup that belongs to this log") from None

    @property
    def mark_key(self) -> bytes:
        """The key that marks erased ids; 32 bytes, the same for the life of a log."""
        return bytes.fromhex(self._held.mark_key)

    @property
    def control_token(self) -> str:
        """Whoever shows this to the running server is its operator."""
        return self._held.control_token

    def values(self) -> list[str]:
        """Everything that no log line may show."""
        return [self._held.mark_key, self._held.control_token]

    def __repr__(self) -> str:
        return f"SecretStore({str(self._path)!r})"


def _write(path: Path, held: _SecretsFile) -> None:
    """Replace the file as a whole: after a crash the old or the new one is there, never half of one."""
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(file, "wb") as out:
        out.write(msgspec.json.format(msgspec.json.encode(held), indent=2))
        out.flush()
        os.fsync(out.fileno())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
