"""Write files of a person's account whole, or not at all."""

import os
import tempfile
from pathlib import Path
from typing import Final

from tailnumber.errors import CommandError

_PRIVATE: Final = 0o600


def config_folder() -> Path:
    """Return the account's configuration folder of the command line."""
    from platformdirs import user_config_path

    return user_config_path("tailnumber", appauthor=False)


def private_folder(folder: Path) -> None:
    """Make a folder that other accounts cannot look into.

    Raises:
        CommandError: it cannot be made.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise CommandError(f"The folder {folder} cannot be made ({error.strerror}).") from error


def write_private(path: Path, data: bytes) -> None:
    """Replace a file by another that only this account can read."""
    write_atomic(path, data, _PRIVATE)


def write_atomic(path: Path, data: bytes, mode: int) -> None:
    """Replace a file as a whole; whoever reads it sees the old one or the new one.

    Raises:
        CommandError: the folder cannot be made or written.
    """
    path = path.resolve()  # a link stays a link
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    except OSError as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        raise CommandError(f"{path} cannot be written ({error.strerror}).") from error
