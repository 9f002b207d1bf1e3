import errno
import fcntl
import gc
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from synthoscope.datasets.cache import PixelCache
from synthoscope.rpc.errors import ResourceExhausted

SHAPE = (10, 100)
FILE_BYTES = 1128  # with the header


def get(cache, name, value=1):
    return cache.get(name, SHAPE, lambda pixels: pixels.fill(value))


def there(cache):
    return sorted(str(file.relative_to(cache.folder).with_suffix("")) for file in cache.folder.rglob("*.npy"))


def test_pixels_are_made_once_and_read_only(tmp_path):
    cache = PixelCache(tmp_path)
    first = get(cache, "a/b/c", 7)
    assert (first == 7).all()
    assert (get(cache, "a/b/c", 9) == 7).all()
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 1
    assert not list(tmp_path.rglob("*.partial"))


def test_what_was_used_longest_ago_is_removed_when_the_bound_is_reached(tmp_path):
    cache = PixelCache(tmp_path, 3 * FILE_BYTES)
    for age, name in enumerate("cba"):
        get(cache, name)
        os.utime(tmp_path / f"{name}.npy", (0, 1000 - age))
    get(cache, "a")
    gc.collect()
    get(cache, "d")
    assert there(cache) == ["a", "c", "d"]


def test_what_is_in_use_is_never_removed(tmp_path):
    cache = PixelCache(tmp_path, FILE_BYTES)
    held = get(cache, "held", 5)[2:4]
    get(cache, "other")
    assert there(cache) == ["held", "other"]
    assert (held == 5).all()
    del held
    gc.collect()
    get(cache, "third")
    assert there(cache) == ["third"]


def test_what_is_made_anew_does_not_wait_for_those_who_read_it(tmp_path):
    cache = PixelCache(tmp_path)
    held = get(cache, "a", 5)
    (tmp_path / "a.npy").unlink()
    made = []
    thread = threading.Thread(target=lambda: made.append(get(cache, "a", 6)), daemon=True)
    thread.start()
    thread.join(20)
    assert [(pixels == 6).all() for pixels in made] == [True]
    assert (held == 5).all()


def test_what_another_process_uses_is_never_removed(tmp_path):
    cache = PixelCache(tmp_path, FILE_BYTES)
    get(cache, "held")
    program = (
        "import sys, pathlib\n"
        "from synthoscope.datasets.cache import PixelCache\n"
        "pixels = PixelCache(pathlib.Path(sys.argv[1])).get('held', (10, 100), None)\n"
        "print('ready', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as user:
        assert user.stdout.readline() == b"ready\n"
        get(cache, "other")
        assert there(cache) == ["held", "other"]
        user.kill()
    get(cache, "third")
    assert there(cache) == ["third"]


def test_what_a_killed_process_left_half_made_is_removed_with_the_rest(tmp_path):
    (tmp_path / "dead.partial").write_bytes(bytes(10 * FILE_BYTES))
    cache = PixelCache(tmp_path, 2 * FILE_BYTES)
    get(cache, "a")
    assert not list(tmp_path.rglob("*.partial"))


def test_what_is_being_made_is_not_removed(tmp_path):
    cache = PixelCache(tmp_path, FILE_BYTES)

    def fill(pixels):
        get(cache, "other")
        pixels.fill(3)

    assert (cache.get("slow", SHAPE, fill) == 3).all()
    assert there(cache) == ["other", "slow"]


def test_an_error_while_filling_leaves_nothing(tmp_path):
    def fail(pixels):
        raise KeyError("gone")

    cache = PixelCache(tmp_path)
    with pytest.raises(KeyError):
        cache.get("a", SHAPE, fail)
    assert there(cache) == []
    assert not list(tmp_path.rglob("*.partial"))
    assert (get(cache, "a", 2) == 2).all()


def test_a_full_disk_is_said_before_anything_is_filled(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(ResourceExhausted, match="SYNTHOSCOPE_CACHE_DIR"):
        PixelCache(tmp_path).get("a", SHAPE, lambda pixels: pytest.fail("filled"))
    assert not list(tmp_path.rglob("*.partial"))


def test_many_threads_under_a_small_bound_all_get_their_pixels(tmp_path):
    cache = PixelCache(tmp_path, 2 * FILE_BYTES)

    def use(number):
        name = number % 5
        pixels = get(cache, f"n{name}", name)
        time.sleep(0.001)
        return (pixels == name).all()

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(use, range(100)))
    lock = os.open(tmp_path / "n0.lock", os.O_RDWR | os.O_CREAT)
    gc.collect()
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # nobody holds it any more
    os.close(lock)
