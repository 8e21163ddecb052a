"""Print the Flex Template's metadata, or the container spec of an image.

``python -m pipeline.flex metadata`` is pipeline/flex/metadata.json;
``python -m pipeline.flex spec IMAGE`` is what terraform's template_gcs_path names.
"""

import argparse
import json
import sys
from collections.abc import Sequence

from pipeline.flex.template import container_spec, metadata


def main(arguments: Sequence[str] | None = None) -> int:
    """Print one JSON document; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.flex", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("metadata", help="of the template")
    spec = commands.add_parser("spec", help="of an image")
    spec.add_argument("image", help="REGISTRY/dataflow@sha256:…")
    options = parser.parse_args(arguments)
    document = metadata() if options.command == "metadata" else container_spec(options.image)
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
