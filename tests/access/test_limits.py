"""How many requests a key may make."""

import pytest
from oricode_service.access.limits import MemoryCounts, RateLimit, parse_rate


def limit(text: str, clock) -> RateLimit:
    return RateLimit(parse_rate(text), clock=clock)


async def test_requests_beyond_the_rate_are_refused_until_the_window_ends(clock):
    rate = limit("3/minute", clock)
    assert [(await rate.hit("k")).allowed for _ in range(5)] == [True, True, True, False, False]
    clock.pass_by(59.9)
    assert not (await rate.hit("k")).allowed
    clock.pass_by(0.1)
    assert (await rate.hit("k")).allowed


async def test_the_headers_say_what_is_left_and_when_it_starts_anew(clock):
    rate = limit("2 per 10 second", clock)
    assert (await rate.hit("k")).headers() == {
        "RateLimit-Policy": '"runs";q=2;w=10',
        "RateLimit": '"runs";r=1;t=10',
    }
    clock.pass_by(7.5)
    await rate.hit("k")
    assert (await rate.hit("k")).headers() == {
        "RateLimit-Policy": '"runs";q=2;w=10',
        "RateLimit": '"runs";r=0;t=3',
        "Retry-After": "3",
    }


async def test_waiting_for_retry_after_is_enough(clock):
    rate = limit("1/minute", clock)
    await rate.hit("k")
    clock.pass_by(0.4)
    verdict = await rate.hit("k")
    clock.pass_by(verdict.retry_after)
    assert (await rate.hit("k")).allowed


async def test_keys_are_counted_separately(clock):
    rate = limit("1/minute", clock)
    assert (await rate.hit("k1")).allowed
    assert (await rate.hit("k2")).allowed
    assert not (await rate.hit("k1")).allowed


async def test_off_counts_nothing(clock):
    rate = limit("off", clock)
    assert [await rate.hit("k") for _ in range(1000)] == [None] * 1000


@pytest.mark.parametrize("text", ["", "fast", "120", "/minute", "0/minute", "-1/minute", "1/fortnight"])
def test_what_is_not_a_rate_is_refused_with_an_example(text):
    with pytest.raises(ValueError, match=r"120/minute|at least one"):
        parse_rate(text)


async def test_ended_windows_are_forgotten(clock):
    counts = MemoryCounts(clock)
    for number in range(9_999):
        await counts.incr(f"old{number}", 60)
    clock.pass_by(60)
    for number in range(10):
        await counts.incr(f"new{number}", 60)
    assert len(counts._windows) == 10


async def test_many_live_windows_cost_no_sweep_each(clock):
    counts = MemoryCounts(clock)
    for number in range(30_000):
        await counts.incr(f"key{number}", 60)
    assert len(counts._windows) == 30_000
    assert await counts.get("key0") == 1
    assert counts._sweep_at > 30_000
