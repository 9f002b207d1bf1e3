"""The diagnosis edge as a process of its own, with stores in memory; what it is told is in the environment.

`synthoscope_test_objects` on its page of metrics is how many objects are stored, the audit trail aside.
"""

import os
from datetime import UTC, datetime
from pathlib import Path

from diagnosis_edge import Edge, registrations
from prometheus_client import Gauge

from synthoscope.images.decoders import Decoders
from synthoscope.jobs.job import Job, JobKind, JobState
from synthoscope.pseudonyms import Pseudonyms
from synthoscope.rpc.server import serve
from synthoscope.rpc.settings import ServerSettings, from_environment
from synthoscope.settings import EnvironmentSettings
from synthoscope.trail import Trail

THEIRS = "tenants/other/jobs/theirs"
"""A job of another tenant."""


class Settings(EnvironmentSettings):
    server: ServerSettings
    refuse_identifiers: bool = False


def main() -> None:
    settings, edge = from_environment(Settings), Edge()
    edge.jobs.store.create(Job(THEIRS, JobKind.IMAGING_STUDY, JobState.QUEUED, datetime.now(UTC)))
    trail = Trail(edge.objects, "edge")
    Gauge("synthoscope_test_objects", "Objects stored.").set_function(lambda: len(edge.stored_since()))
    Path(os.environ["MODEL_FILE"]).write_text(edge.classifier.name)
    with Decoders().start() as decoders:
        offered = registrations(
            edge, trail, decoders, Pseudonyms(bytes(32)), refuse_identifiers=settings.refuse_identifiers
        )
        serve("classification", settings.server, offered, trail=trail)


if __name__ == "__main__":
    main()
