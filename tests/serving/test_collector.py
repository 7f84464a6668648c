"""Requests that arrive together are answered together; nobody's failure or absence is another's."""

import asyncio
import threading
from collections.abc import Sequence

import pytest

from evolora.host.decode import Generated, Request
from evolora.serving.collector import BankError, ClosedError, Collector, QueueFullError


def request(number: int, samples: int = 1) -> Request:
    return Request(0, (number,), samples, 0.0, 4, 0)


class Bank:
    """Answers each request with its own number; can be held up, and fails on request 13."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.go_on = threading.Event()
        self.go_on.set()

    def __call__(self, requests: Sequence[Request]) -> list[list[Generated]]:
        numbers = [one.prompt[0] for one in requests]
        self.batches.append(numbers)
        assert self.go_on.wait(10)
        if 13 in numbers:
            raise RuntimeError("unlucky")
        return [[Generated([number])] for number in numbers]


def with_collector(scenario, max_waiting: int = 100, max_batch: int = 100, window: float = 0.005) -> Bank:  # type: ignore[no-untyped-def]
    bank = Bank()

    async def main() -> None:
        collector = Collector(bank, max_waiting, max_batch, window)
        running = asyncio.create_task(collector.run())
        try:
            await asyncio.wait_for(scenario(collector, bank), 20)
        finally:
            bank.go_on.set()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            collector.close()

    asyncio.run(main())
    return bank


async def until(condition) -> None:  # type: ignore[no-untyped-def]
    while not condition():
        await asyncio.sleep(0.005)


def test_everybody_gets_the_answer_to_their_own_request_in_few_batches() -> None:
    async def scenario(collector: Collector, bank: Bank) -> None:
        async def ask(number: int) -> int:
            ((generated,),) = [await collector.submit(request(number))]
            return generated.tokens[0]

        assert await asyncio.gather(*(ask(100 + i) for i in range(50))) == [100 + i for i in range(50)]
        assert collector.num_batches == len(bank.batches) == 1

    with_collector(scenario)


def test_who_comes_during_a_batch_is_answered_in_the_next() -> None:
    async def scenario(collector: Collector, bank: Bank) -> None:
        bank.go_on.clear()
        first = collector.submit(request(1))
        await until(lambda: bank.batches)
        others = [collector.submit(request(n)) for n in (2, 3, 4)]
        bank.go_on.set()
        await asyncio.gather(first, *others)
        assert bank.batches == [[1], [2, 3, 4]]

    with_collector(scenario)


def test_after_a_long_batch_those_who_keep_coming_are_waited_for() -> None:
    async def scenario(collector: Collector, bank: Bank) -> None:
        collector._last_seconds = 20.0  # a tenth of it is the patience for this one
        trickling = []
        for n in range(5):
            trickling.append(collector.submit(request(n)))
            await asyncio.sleep(0.1)
        await asyncio.gather(*trickling)

    assert with_collector(scenario, window=0.3).batches == [[0, 1, 2, 3, 4]]


def test_a_batch_has_at_most_so_many_answers() -> None:
    async def scenario(collector: Collector, bank: Bank) -> None:
        await asyncio.gather(*(collector.submit(request(n, samples=3)) for n in range(5)), collector.submit(request(9)))

    bank = with_collector(scenario, max_batch=7)
    assert bank.batches == [[0, 1], [2, 3], [4, 9]]


def test_a_request_larger_than_a_batch_is_answered_alone() -> None:
    async def scenario(collector: Collector, bank: Bank) -> None:
        await asyncio.gather(collector.submit(request(1, samples=9)), collector.submit(request(2)))

    assert with_collector(scenario, max_batch=4).batches == [[1], [2]]


def test_who_is_one_too_many_is_refused_at_once_and_room_comes_back() -> None:
    async def scenario(collector: Collector, bank: Bank) -> None:
        bank.go_on.clear()
        answered = [collector.submit(request(1))]
        await until(lambda: bank.batches)
        answered += [collector.submit(request(n)) for n in (2, 3)]
        with pytest.raises(QueueFullError):
            collector.submit(request(4))
        bank.go_on.set()
        await asyncio.gather(*answered)
        await collector.submit(request(5))

    assert with_collector(scenario, max_waiting=2).batches == [[1], [2, 3], [5]]


def test_who_gives_up_leaves_the_queue_and_costs_nothing() -> None:
    async def scenario(collector: Collector, bank: Bank) -> None:
        bank.go_on.clear()
        first = collector.submit(request(1))
        await until(lambda: bank.batches)
        given_up = [collector.submit(request(n)) for n in range(2, 12)]
        stays = collector.submit(request(12))
        for future in (first, *given_up):  # the first is being answered already
            future.cancel()
        await asyncio.sleep(0)
        assert collector.num_waiting == 1
        bank.go_on.set()
        await stays

    assert with_collector(scenario).batches == [[1], [12]]


def test_a_failing_batch_fails_its_askers_only() -> None:
    async def scenario(collector: Collector, bank: Bank) -> None:
        with pytest.raises(BankError):
            await collector.submit(request(13))
        ((generated,),) = [await collector.submit(request(14))]
        assert generated.tokens == [14]

    with_collector(scenario)


def test_closing_refuses_who_waits_and_who_comes() -> None:
    async def main() -> None:
        collector = Collector(Bank(), 10, 10)  # nobody runs it
        waiting = collector.submit(request(1))
        collector.close()
        with pytest.raises(ClosedError):
            await waiting
        with pytest.raises(ClosedError):
            collector.submit(request(2))

    asyncio.run(main())


def test_who_is_being_answered_when_the_collector_stops_hears_of_it() -> None:
    async def main() -> None:
        bank = Bank()
        bank.go_on.clear()
        collector = Collector(bank, 10, 10)
        running = asyncio.create_task(collector.run())
        answered = collector.submit(request(1))
        await until(lambda: bank.batches)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        with pytest.raises(ClosedError):
            await answered
        bank.go_on.set()
        collector.close()

    asyncio.run(main())
