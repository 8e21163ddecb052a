"""Say whether a running pipeline still works: ``python -m pipeline.alive FILE``.

For the health check of a container. ``pipeline run --alive-file FILE`` touches the file in every
round, also while BigQuery or Pub/Sub is away: those are no fault of the process.
"""

import sys
import time
from pathlib import Path
from typing import Final

# A round takes 2 s, an attempt at a batch a few calls of up to 15 s each.
STALE_SECONDS: Final = 120.0


def is_alive(file: Path, now: float) -> bool:
    """Tell whether the file was touched of late; ``now`` is in seconds since 1970."""
    try:
        return now - file.stat().st_mtime < STALE_SECONDS
    except OSError:
        return False


def main(arguments: list[str]) -> int:
    """Return 0 if the pipeline is alive, else 1; 2 for a wrong command line."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m pipeline.alive FILE\n")
        return 2
    return 0 if is_alive(Path(arguments[0]), time.time()) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
