"""Downloading a file over HTTP so that an interruption costs little and a wrong byte is noticed."""

import hashlib
import random
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3

from synthoscope.rpc.errors import DataLoss, Unavailable

ATTEMPTS = 5
LONGEST_PAUSE = 4.0
"""Seconds."""

_BLOCK = 1 << 20


def fetch(url: str, file: Path, digest: str, on_progress: Callable[[int, int], None]) -> None:
    """Downloads `url` to `file`, unless that is there; its bytes must have the digest (as `check` says).

    What has arrived is kept in `file`.part, in this run and the next; the rest is asked for by Range (RFC 9110, 14.2).
    Raises Unavailable when five attempts in a row bring nothing, DataLoss for bytes of another digest (they are
    removed), and what `on_progress` raises, called with bytes done and bytes in all.
    """
    partial = file.with_name(f"{file.name}.part")
    if not file.exists():
        _complete(url, partial, on_progress)
        check(partial, digest)
        partial.replace(file)
    check(file, digest)


def check(file: Path, digest: str) -> None:
    """Raises DataLoss unless a file's bytes have the digest; a file that has another one is removed.

    `md5:` or `sha1:` and hexadecimal digits, as publishers give them: they find damage, and are no proof against a
    forger. An empty digest says that none is known.
    """
    algorithm, _, expected = digest.partition(":")
    if not algorithm:
        return
    with file.open("rb") as content:
        found = hashlib.file_digest(content, lambda: hashlib.new(algorithm, usedforsecurity=False)).hexdigest()
    if found != expected:
        file.unlink()
        raise DataLoss(
            f"{file.name} has {algorithm.upper()} {found} instead of {expected} and was removed; download it again"
        )


def _complete(url: str, partial: Path, on_progress: Callable[[int, int], None]) -> None:
    failures = 0
    with _pool(url) as http:
        while True:
            before = _size(partial)
            try:
                return _append(http, url, partial, on_progress)
            except (urllib3.exceptions.HTTPError, OSError) as error:
                failures = 1 if _size(partial) > before else failures + 1
                if failures == ATTEMPTS:
                    raise Unavailable(f"{url} cannot be downloaded") from error
                time.sleep(random.uniform(0, min(LONGEST_PAUSE, 0.25 * 2**failures)))


def _pool(url: str) -> urllib3.PoolManager:
    """Connections through the proxy that HTTPS_PROXY, HTTP_PROXY and NO_PROXY (or the system's settings) say."""
    parts = urlsplit(url)
    proxy = None if proxy_bypass(parts.netloc) else getproxies().get(parts.scheme)
    timeout = urllib3.Timeout(connect=10, read=60)
    if proxy is None:
        return urllib3.PoolManager(timeout=timeout, retries=False)
    credentials = urllib3.util.parse_url(proxy).auth
    headers = urllib3.make_headers(proxy_basic_auth=unquote(credentials)) if credentials else None
    return urllib3.ProxyManager(proxy, proxy_headers=headers, timeout=timeout, retries=False)


def _append(http: urllib3.PoolManager, url: str, partial: Path, on_progress: Callable[[int, int], None]) -> None:
    """Asks for what is missing of a file and appends it. Raises urllib3's errors when it breaks off."""
    done = _size(partial)
    headers = {"Range": f"bytes={done}-"} if done else {}
    redirects = urllib3.Retry(0, redirect=5)
    response = http.request("GET", url, headers=headers, preload_content=False, retries=redirects)
    try:
        if response.status == 416:  # nothing is left to send: it was complete
            return
        if response.status not in (200, 206):
            raise urllib3.exceptions.HTTPError(f"HTTP {response.status}")
        done = done if response.status == 206 else 0
        total = done + int(response.headers.get("Content-Length", 0))
        with partial.open("ab" if done else "wb") as content:
            while block := response.read1(_BLOCK):  # unlike stream(), it gives what came before a break
                content.write(block)
                done += len(block)
                on_progress(done, total)
        if done < total:
            raise urllib3.exceptions.IncompleteRead(done, total - done)
    finally:
        response.close()


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0
