"""Event files, read back record by record, as TensorBoard does."""

import io
import struct

import numpy as np
from PIL import Image
from tensorboardX.proto import event_pb2
from tensorboardX.record_writer import masked_crc32c

from synthoscope.jobs.event_files import event_files
from synthoscope.objects import InMemoryObjectStore
from synthoscope.training.callbacks import Picture
from synthoscope.training.event_log import POINTS, EventLog

JOB = "tenants/t/jobs/j"


def values_of(data):
    """(step, value) of a file's records, each checked against its sums."""
    found, position = [], 0
    while position < len(data):
        header, (length,) = data[position : position + 8], struct.unpack("<Q", data[position : position + 8])
        body = data[position + 12 : position + 12 + length]
        sums = data[position + 8 : position + 12], data[position + 12 + length : position + 16 + length]
        assert sums == (struct.pack("<I", masked_crc32c(header)), struct.pack("<I", masked_crc32c(body)))
        event = event_pb2.Event.FromString(body)
        found += [(event.step, value) for value in event.summary.value]
        position += 16 + length
    return found


def scalars(data):
    return [(step, value.tag, value.simple_value) for step, value in values_of(data) if not value.HasField("image")]


def test_each_file_holds_what_came_since_the_one_before():
    objects = InMemoryObjectStore()
    log = EventLog(objects, JOB)
    log.add_metrics(1, 10, {"loss": 0.5, "frechet_distance/a": 3.0})
    log.store(1)
    log.store(1)
    log.add_metrics(2, 10, {"loss": 0.25, "frechet_distance/a": 3.0})
    log.store(12)
    first, second = event_files(objects, JOB)
    assert [first.name, second.name] == ["events.out.tfevents.0000000001", "events.out.tfevents.0000000012"]
    assert scalars(first.data) == [(1, "loss", 0.5), (1, "frechet_distance/a", 3.0)]
    assert scalars(second.data) == [(2, "loss", 0.25)], "what did not change is not written again"


def test_curves_of_long_runs_are_thin_but_have_their_end():
    objects = InMemoryObjectStore()
    log, total = EventLog(objects, JOB), 10 * POINTS + 3
    for step in range(1, total + 1):
        log.add_metrics(step, total, {"loss": float(step)})
    log.store(total)
    steps = [step for step, _, _ in scalars(next(event_files(objects, JOB)).data)]
    assert steps == [*range(10, total, 10), total]


def test_sample_grids_are_pictures():
    objects = InMemoryObjectStore()
    log = EventLog(objects, JOB)
    pixels = np.random.default_rng(0).integers(0, 256, (6, 4, 3), np.uint8)
    log.store(7, [Picture(pixels, "glioma"), Picture(pixels)])
    log.store(7)
    found = values_of(next(event_files(objects, JOB)).data)
    assert [(step, value.tag) for step, value in found] == [(7, "samples/glioma"), (7, "samples/all")]
    np.testing.assert_array_equal(Image.open(io.BytesIO(found[0][1].image.encoded_image_string)), pixels)
