"""A process that appends as fast as it can and reports each durable record: killed by a test.

Arguments: root, writer id. One line per resolved append: the event's number, or ``c<number>``.
"""

import asyncio
import os
import sys
from pathlib import Path

from ingress.recording.journal import Journal, JournalLimits


async def main() -> None:
    limits = JournalLimits(segment_bytes=64 * 1024, min_free_bytes=0)
    journal = Journal(Path(sys.argv[1]), sys.argv[2], limits=limits)

    async def interact(lane: int) -> None:
        for turn in range(1_000_000):
            number = turn * 8 + lane
            interaction = f"i{number}"
            text = b'{"event_id":"e%d","text":"%s"}' % (number, b"x" * (number % 900))
            await journal.append_event(text, interaction_id=interaction, opens=True)
            os.write(1, b"%d\n" % number)
            await journal.append_chunk(interaction, b"chunk %d" % number)
            os.write(1, b"c%d\n" % number)
            if number % 3:
                await journal.append_event(
                    b'{"event_id":"x%d"}' % number, interaction_id=interaction, closes=True
                )

    await asyncio.gather(*(interact(lane) for lane in range(8)))


asyncio.run(main())
