"""Start the streaming pipeline: the launcher of a Dataflow Flex Template runs this file.

In the image it stands at ``$FLEX_TEMPLATE_PYTHON_PY_FILE`` and is given the launch's parameters
and the runner's own options as ``--name=value``.
"""

import sys

from pipeline.streaming import stream

if __name__ == "__main__":
    sys.exit(stream(sys.argv[1:]))
