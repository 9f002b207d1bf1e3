"""What every work queue keeps to: the same tests on the fake and on a real Valkey."""

import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from synthoscope.jobs.memory import InMemoryWorkQueue
from synthoscope.jobs.redis_queue import RedisWorkQueue
from synthoscope.rpc.errors import ResourceExhausted


@pytest.fixture(params=["memory", pytest.param("valkey", marks=pytest.mark.stack)])
def queue(request):
    if request.param == "memory":
        return InMemoryWorkQueue(limit=50)
    return RedisWorkQueue(request.getfixturevalue("redis_settings"), uuid.uuid4().hex, limit=50)


def test_items_come_in_their_order_once(queue):
    ids = [queue.put(text) for text in ("a", "ü", "")]
    items = [queue.claim("w") for _ in range(3)]
    assert [(item.id, item.payload, item.deliveries) for item in items] == list(
        zip(ids, ("a", "ü", ""), (1, 1, 1), strict=True)
    )
    assert queue.claim("w") is None


def test_an_empty_queue(queue):
    assert queue.claim("w") is None
    assert queue.reclaim("w", 0) is None
    assert queue.depth() == 0


def test_depth_counts_until_acknowledged(queue):
    queue.put("a")
    queue.put("b")
    item = queue.claim("w")
    assert queue.depth() == 2
    queue.acknowledge(item)
    queue.acknowledge(item)
    assert queue.depth() == 1


def test_a_dead_workers_item_goes_to_another(queue):
    queue.put("a")
    lost = queue.claim("dead")
    assert queue.claim("alive") is None
    assert queue.reclaim("alive", 10) is None
    time.sleep(0.1)
    item = queue.reclaim("alive", 0.05)
    assert (item.id, item.payload, item.deliveries) == (lost.id, "a", 2)
    assert not queue.renew(lost, "dead")
    queue.acknowledge(item)
    assert queue.reclaim("third", 0) is None
    assert queue.depth() == 0


def test_renewing_keeps_an_item(queue):
    queue.put("a")
    item = queue.claim("slow")
    for _ in range(4):
        time.sleep(0.1)
        assert queue.renew(item, "slow")
        assert queue.reclaim("other", 0.3) is None
    time.sleep(0.35)
    assert queue.reclaim("other", 0.3).deliveries == 2


def test_a_claim_waits_for_an_item(queue):
    begun = time.monotonic()
    assert queue.claim("w", wait_seconds=0.2) is None
    assert 0.15 < time.monotonic() - begun < 10
    timer = threading.Timer(0.2, queue.put, ["late"])
    timer.start()
    assert queue.claim("w", wait_seconds=2).payload == "late"
    timer.join()


def test_a_full_queue_refuses(queue):
    for number in range(50):
        queue.put(str(number))
    with pytest.raises(ResourceExhausted, match="full"):
        queue.put("one more")
    queue.acknowledge(queue.claim("w"))
    queue.put("one more")


def test_workers_share_without_overlap(queue):
    for number in range(40):
        queue.put(str(number))

    def work(worker):
        done = []
        while item := queue.claim(worker):
            done.append(int(item.payload))
            queue.acknowledge(item)
        return done

    with ThreadPoolExecutor(4) as threads:
        done = list(threads.map(work, "abcd"))
    assert sorted(number for part in done for number in part) == list(range(40))
