"""What must be done once a day is done beside the stack, once at a time, and ends with it."""

import sys
import time

import pytest

from tailnumber.stack.daily import EVERY_SECONDS, FIRST_SECONDS, Daily
from tailnumber.stack.layout import Layout


@pytest.fixture
def layout(tmp_path):
    layout = Layout(tmp_path)
    layout.create()
    return layout


def ended(daily):
    deadline = time.monotonic() + 10
    while daily._process is not None and daily._process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_it_runs_first_after_a_while_then_each_day(layout):
    now = [0.0]
    daily = Daily(layout, (sys.executable, "-c", "print('ran')"), lambda: now[0])
    log = layout.log_file("retain")

    daily.tick()
    assert not log.exists()
    now[0] = FIRST_SECONDS
    daily.tick()
    ended(daily)
    assert log.read_text() == "ran\n"
    log.unlink()
    daily.tick()
    assert not log.exists()
    now[0] += EVERY_SECONDS
    daily.tick()
    ended(daily)

    assert log.read_text() == "ran\n"


def test_one_that_still_runs_is_not_started_again_and_ends_with_the_stack(layout):
    now = [FIRST_SECONDS]
    daily = Daily(layout, (sys.executable, "-c", "import time; time.sleep(60)"), lambda: now[0])
    now[0] *= 2
    daily.tick()
    running = daily._process
    now[0] += 2 * EVERY_SECONDS
    daily.tick()
    assert daily._process is running

    daily.stop()

    assert running.returncode is not None
    daily.stop()
