import subprocess
import sys

import pytest

PROGRAM = """
import ctypes, resource
from ingress.hardening import keep_memory_private
keep_memory_private()
print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), *resource.getrlimit(resource.RLIMIT_CORE))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_process_is_closed_to_debuggers_and_leaves_no_core_dump():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == ["0", "0", "0"]
