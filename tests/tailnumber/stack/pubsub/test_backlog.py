"""Leases, ordering keys and limits, with the clock in the test's hand."""

from tailnumber.stack.pubsub.backlog import (
    STALE_DEADLINES_MAX_COUNT,
    Backlog,
    Consumer,
    Row,
)


def make_backlog(*keys: str, ordered: bool = True, max_attempts: int = 0) -> Backlog:
    backlog = Backlog(ordered=ordered, max_attempts=max_attempts, tail=len(keys))
    backlog.add_rows([Row(i, key, 100, 0) for i, key in enumerate(keys, 1)], len(keys))
    return backlog


def lease(backlog: Backlog, consumer: Consumer, count: int = 100, deadline: float = 10.0) -> list:
    return backlog.lease(consumer, count, 10**9, deadline)


def ids(grants: list) -> list[int]:
    return [grant.message_id for grant in grants]


def test_stream_that_holds_a_key_gets_what_others_set_aside_in_order():
    backlog = make_backlog("k", "k", "k", "k")
    holder, other = Consumer(), Consumer()

    first = lease(backlog, holder, 1)
    nothing = lease(backlog, other, 1)
    rest = lease(backlog, holder)

    assert (ids(first), ids(nothing), ids(rest)) == ([1], [], [2, 3, 4])


def test_failure_takes_later_messages_of_the_key_back_without_blame():
    backlog = make_backlog("k", "k", "l", "k")
    first, second, other, last = lease(backlog, Consumer())

    [failure] = backlog.give_back(second.message_id, second.lease_id)
    backlog.acknowledge([first.message_id])
    again = lease(backlog, Consumer())

    assert (failure.message_id, failure.failure_count) == (2, 1)
    assert [(g.message_id, g.attempt) for g in again] == [(2, 2), (4, 1)]
    assert backlog.give_back(last.message_id, last.lease_id) == []
    assert other.message_id == 3


def test_exhausted_message_holds_its_key_until_it_is_forwarded():
    backlog = make_backlog("k", "k", max_attempts=1)
    [first] = lease(backlog, Consumer(), 1)

    [failure] = backlog.give_back(first.message_id, first.lease_id)
    before = lease(backlog, Consumer())
    backlog.acknowledge([1])
    after = lease(backlog, Consumer())

    assert failure.exhausted
    assert (ids(before), ids(after)) == ([], [2])


def test_exhausted_message_that_could_not_be_forwarded_comes_again_first():
    backlog = make_backlog("k", "k", max_attempts=1)
    [first] = lease(backlog, Consumer(), 1)
    backlog.give_back(first.message_id, first.lease_id)
    lease(backlog, Consumer())

    backlog.retry(1)

    assert ids(lease(backlog, Consumer())) == [1, 2]


def test_lease_ends_at_its_deadline_and_not_before():
    backlog = make_backlog("", "")
    consumer = Consumer()
    early, late = lease(backlog, consumer, deadline=10)
    backlog.extend(late.message_id, late.lease_id, 20)

    assert backlog.expire(9.9) == []
    assert [f.message_id for f in backlog.expire(10)] == [early.message_id]
    assert (consumer.outstanding_count, consumer.outstanding_bytes) == (1, 100)


def test_stale_lease_cannot_extend_the_new_one():
    backlog = make_backlog("")
    [old] = lease(backlog, Consumer(), deadline=10)
    backlog.expire(10)
    lease(backlog, Consumer(), deadline=20)

    backlog.extend(old.message_id, old.lease_id, 99)

    assert len(backlog.expire(20)) == 1


def test_flow_control_counts_bytes_and_always_lets_one_through():
    backlog = make_backlog(*[""] * 5)
    narrow, wide = Consumer(max_outstanding_bytes=50), Consumer(max_outstanding_bytes=250)

    assert ids(lease(backlog, narrow)) == [1]
    assert ids(lease(backlog, wide)) == [2, 3]


def test_undone_lease_is_no_failure():
    backlog = make_backlog("k", "k")
    backlog.undo(lease(backlog, Consumer()))

    assert [(g.message_id, g.attempt) for g in lease(backlog, Consumer())] == [(1, 1), (2, 1)]


def test_window_is_bounded_when_one_key_blocks_a_long_backlog(monkeypatch):
    monkeypatch.setattr("tailnumber.stack.pubsub.backlog.WINDOW_MAX_COUNT", 10_000)
    backlog = Backlog(ordered=True, max_attempts=0, tail=10**6)
    holder = Consumer()
    reads = 0
    while backlog.wants_rows():
        start = backlog.cursor + 1
        backlog.add_rows([Row(i, "k", 100, 0) for i in range(start, start + 2000)], 10**6)
        lease(backlog, holder, 1)
        lease(backlog, Consumer(), 2000)
        reads += 1

    assert reads == 10_000 // 2000


def test_deadlines_of_ended_leases_do_not_pile_up():
    backlog = make_backlog("")
    [grant] = lease(backlog, Consumer())

    for second in range(10_000):
        backlog.extend(grant.message_id, grant.lease_id, 600.0 + second)

    assert len(backlog._deadlines) <= STALE_DEADLINES_MAX_COUNT + 3
