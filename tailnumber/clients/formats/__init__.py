"""Put one value into a configuration file and leave every other byte of it as it is."""

from tailnumber.clients.formats.base import MISSING, BrokenFile, Format, Item, Path, Value
from tailnumber.clients.formats.git import Git
from tailnumber.clients.formats.jsonc import Jsonc
from tailnumber.clients.formats.lines import Lines
from tailnumber.clients.formats.toml import Toml
from tailnumber.clients.formats.whole import Whole

FORMATS: dict[str, Format] = {
    "git": Git(),
    "jsonc": Jsonc(),
    "lines": Lines(),
    "toml": Toml(),
    "whole": Whole(),
}

__all__ = ["FORMATS", "MISSING", "BrokenFile", "Format", "Item", "Path", "Value"]
