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


def fetch(url: str, file: Path, md5: str, on_progress: Callable[[int, int], None]) -> None:
    """Downloads `url` to `file`, unless that is there; its bytes must have the MD5 (32 hexadecimal digits).

    What has arrived is kept in `file`.part, in this run and the next; the rest is asked for by Range (RFC 9110, 14.2).
    Raises Unavailable when five attempts in a row bring nothing, DataLoss for bytes of another MD5 (they are removed).
    """
    partial = file.with_name(f"{file.name}.part")
    if not file.exists():
        _complete(url, partial, on_progress)
        _check(partial, md5)
        partial.replace(file)
    _check(file, md5)


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


def _check(file: Path, md5: str) -> None:
    with file.open("rb") as content:
        # MD5 is what publishers give; it finds damage, and is no proof against a forger.
        found = hashlib.file_digest(content, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    if found != md5:
        file.unlink()
        raise DataLoss(f"{file.name} has MD5 {found} instead of {md5} and was removed; download it again")


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0
