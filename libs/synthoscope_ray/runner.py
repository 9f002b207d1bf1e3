"""Runs jobs as Ray jobs: one driver process per attempt, which outlives the service that asked for it."""

import json
import os
import shlex
import sys
from collections.abc import Mapping
from typing import Any

import urllib3

from synthoscope.jobs.job import Job
from synthoscope.jobs.runner import RunnerStatus
from synthoscope.rpc.errors import PermissionDenied, Unavailable
from synthoscope_ray.settings import RaySettings

_ALIVE = frozenset({"PENDING", "RUNNING"})
_LOG_FOLLOWS = ", last available logs"


class RayJobRunner:
    """Starts `python -m module JOB ATTEMPT` through the REST API of Ray's dashboard.

    So the service is no Ray driver: it needs no raylet on its node, and need not load Ray. Ray's token is taken from
    RAY_AUTH_TOKEN. Raises Unavailable when Ray is away and PermissionDenied when it refuses the token.
    """

    def __init__(self, settings: RaySettings, module: str) -> None:
        self._url = f"{settings.dashboard_url.rstrip('/')}/api/jobs/"
        self._module = module
        self._http = urllib3.PoolManager(timeout=urllib3.Timeout(connect=3.0, read=30.0), retries=False)

    def start(self, job: Job) -> None:
        """Starts the job's current attempt; nothing happens when it was started before."""
        if self._details(job) is not None:
            return
        status, answer = self._ask(
            "POST",
            "",
            {
                "entrypoint": shlex.join([sys.executable, "-m", self._module, job.name, str(job.attempt)]),
                "submission_id": submission_id(job),
                "entrypoint_num_cpus": 0,
                "metadata": {"job": job.name, "kind": str(job.kind)},
            },
        )
        if status != 200 and self._details(job) is None:
            raise Unavailable(f"Ray did not take the job: HTTP {status}: {_last_line(answer)}")

    def status(self, job: Job) -> RunnerStatus:
        """What has become of the job's current attempt."""
        details = self._details(job)
        if details is None:
            return RunnerStatus(alive=False, message="Ray does not know it")
        state = str(details.get("status"))
        return RunnerStatus(alive=state in _ALIVE, message=f"{state}: {_reason(details.get('message') or '')}")

    def stop(self, job: Job) -> None:
        """Ends the current attempt's process, if there is one."""
        status, answer = self._ask("POST", f"{submission_id(job)}/stop", {})
        if status not in (200, 404):
            raise Unavailable(f"Ray did not stop the job: HTTP {status}: {_last_line(answer)}")

    def _details(self, job: Job) -> Mapping[str, Any] | None:
        status, answer = self._ask("GET", submission_id(job))
        if status == 404:
            return None
        if status != 200:
            raise Unavailable(f"Ray's Jobs API failed: HTTP {status}: {_last_line(answer)}")
        try:
            return dict(json.loads(answer))
        except ValueError as error:
            raise Unavailable("Ray's Jobs API answered something that is not JSON") from error

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> tuple[int, str]:
        token = os.environ.get("RAY_AUTH_TOKEN", "")
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        try:
            response = self._http.request(
                method, self._url + path, body=None if body is None else json.dumps(body), headers=headers
            )
        except urllib3.exceptions.HTTPError as error:
            raise Unavailable(f"Ray's dashboard at {self._url} cannot be reached") from error
        if response.status in (401, 403):
            raise PermissionDenied("Ray refuses the token: check RAY_AUTH_TOKEN")
        return response.status, response.data.decode(errors="replace")


def submission_id(job: Job) -> str:
    """Ray's id of the job's current attempt."""
    return f"{job.name.rpartition('/')[2]}-{job.attempt}"


def _reason(message: str) -> str:
    """Why an attempt ended, without the lines of its log that Ray adds: those are not written for callers."""
    said, logged, _ = message.partition(_LOG_FOLLOWS)
    return said if logged else _last_line(said)


def _last_line(text: str) -> str:
    """What Ray says is a traceback; its last line is the reason."""
    lines = text.strip().splitlines()
    return lines[-1][:300] if lines else ""
