"""kill -9 each part at its worst moment: nothing acknowledged is missing, nothing shows twice."""

import threading
import time

import httpx
import pytest
from stack import Stack

pytestmark = [pytest.mark.end_to_end, pytest.mark.slow, pytest.mark.xdist_group("stack")]

SINCE = "TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 1 HOUR)"


@pytest.fixture(scope="module")
def breakable(tmp_path_factory):
    running = Stack(tmp_path_factory.mktemp("crash") / "data")
    yield running
    running.stop()


def ask(stack, session, words, **more):
    body = {"model": "gpt-4.1", "messages": [{"role": "user", "content": words}], **more}
    headers = {"Authorization": f"Bearer {stack.key}", "X-Session-Id": session}
    return {"url": f"{stack.gateway}/chat/completions", "json": body, "headers": headers}


def interactions(stack, session, count):
    return stack.query_until(
        "SELECT interaction_id, status, reason_code, completion_part_ids FROM audit.interactions "
        f"WHERE requested_at > {SINCE} AND session_id = '{session}'",
        count,
    )


def wait_serving(stack, seconds=20):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{stack.gateway}/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise TimeoutError("the gateway did not come back")


def test_gateway_killed_in_mid_stream_leaves_one_failed_row_with_the_text_that_was_delivered(
    breakable,
):
    got = []
    begun = threading.Event()

    def read():
        with (
            httpx.Client(timeout=30) as client,
            client.stream("POST", **ask(breakable, "cut", "explain DEMO_SLOW", stream=True)) as r,
        ):
            for line in r.iter_lines():
                got.append(line)
                if len([one for one in got if one]) >= 4:
                    begun.set()

    def read_until_cut():
        try:
            read()
        except httpx.TransportError:
            begun.set()

    reader = threading.Thread(target=read_until_cut)
    reader.start()
    assert begun.wait(20)
    breakable.kill("ingress")
    reader.join(20)
    wait_serving(breakable)

    rows = breakable.query_until(
        "SELECT status, reason_code FROM audit.interactions "
        f"WHERE requested_at > {SINCE} AND session_id = 'cut' AND status = 'failed'",
        1,
    )
    assert rows == [{"status": "failed", "reason_code": "interrupted"}]
    assert len(interactions(breakable, "cut", 1)) == 1
    delivered = "".join(content_of(line) for line in got)
    assert delivered
    assert delivered.strip() in str(breakable.run("replay", "cut"))


def content_of(line):
    if not line.startswith("data: {"):
        return ""
    choices = httpx.Response(200, text=line.removeprefix("data: ")).json()["choices"]
    return "".join(choice["delta"].get("content") or "" for choice in choices)


def test_broker_killed_loses_nothing_that_was_answered(breakable):
    with httpx.Client(timeout=30) as client:
        for number in range(12):
            assert client.post(**ask(breakable, "broker", f"question {number}")).status_code == 200
            if number == 5:
                breakable.kill("pubsub")

    rows = breakable.query_until(
        "SELECT interaction_id FROM audit.interactions "
        f"WHERE requested_at > {SINCE} AND session_id = 'broker' AND status = 'completed'",
        12,
    )
    assert len(rows) == 12
    assert len(interactions(breakable, "broker", 12)) == 12


def test_pipeline_killed_at_work_loses_nothing_and_shows_each_interaction_once(breakable):
    with httpx.Client(timeout=30) as client:
        for number in range(40):
            assert client.post(**ask(breakable, "loader", f"question {number}")).status_code == 200
            if number % 16 == 15:
                breakable.kill("pipeline")

    rows = interactions(breakable, "loader", 40)
    assert len(rows) == len({row["interaction_id"] for row in rows}) == 40
