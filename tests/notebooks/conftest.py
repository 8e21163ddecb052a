"""Notebooks import ``warehouse`` and ``show``, which lie beside them."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "notebooks"))
