"""Real servers for tests, on free loopback ports: started when a test first asks, ended with the session."""

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import SecretStr

from synthoscope.jobs.connection import RedisSettings, connect, translated
from synthoscope.local import ports, servers
from synthoscope.objects import MinioObjectStore, ObjectStoreSettings, make_bucket
from synthoscope.rpc.errors import Unavailable

ACCESS_KEY, SECRET_KEY, PASSWORD = "tests", "a-secret-of-the-tests", "a-password-of-the-tests"
READY_SECONDS = 60


@dataclass
class Server:
    """A server process that a test may kill and start again."""

    command: list[str]
    log: Path
    probe: Callable[[], None]
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, cwd=self.log.parent, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + READY_SECONDS
        while True:
            try:
                return self.probe()
            except Unavailable:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    self.kill()
                    pytest.fail(f"{self.command[0]} did not get ready: {self.log.read_text()[-2000:]}")
                time.sleep(0.05)

    def kill(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None


@contextmanager
def seaweedfs(directory: Path) -> Iterator[tuple[ObjectStoreSettings, Server]]:
    numbers = ports.assign(("seaweedfs", *servers.SEAWEEDFS_PORTS), {})
    settings = ObjectStoreSettings(
        endpoint=f"{ports.HOST}:{numbers['seaweedfs']}", access_key=ACCESS_KEY, secret_key=SecretStr(SECRET_KEY)
    )

    def probe() -> None:
        impatient = settings.model_copy(update={"retries": 0})
        make_bucket(impatient)
        MinioObjectStore(impatient).put("probe", b"probe")
        MinioObjectStore(impatient).delete("probe")

    command = servers.seaweedfs_command(directory, numbers, [settings.other_bucket("*")])
    server = Server(command, directory / "log", probe)
    try:
        server.start()
        yield settings, server
    finally:
        server.kill()


@contextmanager
def valkey(directory: Path) -> Iterator[tuple[RedisSettings, Server]]:
    port = ports.assign(["valkey"], {})["valkey"]
    settings = RedisSettings(port=port, password=SecretStr(PASSWORD), retries=0)

    def probe() -> None:
        client = connect(settings)
        try:
            with translated(settings):
                client.ping()
        finally:
            client.close()

    server = Server(servers.valkey_command(directory, port, PASSWORD), directory / "log", probe)
    try:
        server.start()
        yield settings, server
    finally:
        server.kill()
