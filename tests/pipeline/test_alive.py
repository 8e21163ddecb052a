"""The health check of the pipeline's container looks at a file that the driver touches."""

import threading

from pipeline.alive import STALE_SECONDS, is_alive, main
from pipeline.driver import Driver


class Quiet:
    """A subscription without messages, which ends the driver after some rounds."""

    def __init__(self, stop, rounds):
        self.stop, self.left = stop, rounds

    def pull(self):
        self.left -= 1
        if not self.left:
            self.stop.set()
        return []


def test_file_that_was_touched_of_late_says_alive(tmp_path):
    file = tmp_path / "alive"
    file.touch()
    touched_at = file.stat().st_mtime

    assert is_alive(file, touched_at + STALE_SECONDS - 1)
    assert not is_alive(file, touched_at + STALE_SECONDS + 1)
    assert main([str(file)]) == 0


def test_missing_file_says_not_alive(tmp_path):
    assert main([str(tmp_path / "alive")]) == 1


def test_driver_says_in_every_round_that_it_lives():
    stop, rounds = threading.Event(), []

    Driver(Quiet(stop, 3), lambda _: {}, stop, alive=lambda: rounds.append(1)).run()

    assert len(rounds) == 3
