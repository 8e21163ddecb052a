from ingress.identity.rate import RateLimit


def test_burst_passes_and_then_one_a_period():
    rate = RateLimit(per_second=0.5, burst=3)

    assert [rate.allows("ada", 100.0) for _ in range(4)] == [True, True, True, False]
    assert not rate.allows("ada", 101.0)
    assert rate.allows("ada", 102.0)


def test_one_caller_does_not_use_up_another_s_share():
    rate = RateLimit(per_second=1, burst=1)

    assert rate.allows("ada", 100.0)
    assert rate.allows("grace", 100.0)


def test_clock_set_back_gives_nothing_away():
    rate = RateLimit(per_second=1, burst=1)
    rate.allows("ada", 100.0)

    assert not rate.allows("ada", 0.0)


def test_strangers_without_end_take_no_memory_without_end(monkeypatch):
    monkeypatch.setattr("ingress.identity.rate._CALLERS_MAX", 10)
    rate = RateLimit(per_second=1, burst=1)

    for number in range(100):
        rate.allows(str(number), 100.0)

    assert len(rate._left) <= 10
