"""Writing into the folder of pictures, and naming what is in it."""

import os
import secrets
from hashlib import sha256
from pathlib import Path


def digest(data: bytes) -> str:
    """Return the name of a picture: the hash of its original bytes."""
    return sha256(data).hexdigest()


def write(path: Path, data: bytes) -> None:
    """Write all of the file or nothing, also when the power fails. Raises OSError."""
    draft = path.with_name(f"{path.stem}.{secrets.token_hex(4)}.tmp")
    try:
        with draft.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
