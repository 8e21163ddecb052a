"""Find the acceptance material beside the checkout; tests that need it skip where it is missing."""

from pathlib import Path

import pytest

_SHARED = Path(__file__).resolve().parents[3] / "shared"


def shared(*parts: str) -> Path:
    """Return a file or folder of the material, or skip the test, saying what was missing."""
    path = _SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"acceptance material not beside the checkout: {'/'.join(parts)}")
    return path
