"""Making synthetic sets: stored images a second beside what the generator and the encoder can do, and memory.

A stack of its own (SeaweedFS, Valkey, Ray, the training and synthesis services) makes sets with the networks of
"dcgan-128", whose weights are random; they take the time of trained ones. Before and after each set the bare generator
makes images of drawn latent vectors, in two threads and in batches of the better of two sizes, and the encoder encodes
them, in two threads.

- a set's images a second: from when its first 400 are there to the job's end, so without the time that processes take
  to start, but with generating, looking for copies of training images, encoding, storing, and the manifest. What the
  gate takes to measure some thousand of them is the same for large sets and small ones, and is given apart
- processor milliseconds an image: of all of the stack's processes, SeaweedFS among them; it tells more than seconds
  where the machine is busy
- peak memory: resident, of the job's driver and of the largest of Ray's workers, sampled five times a second

`--images N` and `--memory FEW MANY` change the numbers of images.
"""

import argparse
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
import torch

from benchmarks.reporting import Target, publish
from synthoscope import models
from synthoscope.api.datasets.v1.datasets_pb2 import DatasetImage, Split
from synthoscope.api.jobs.v1.jobs_pb2 import JobEvent
from synthoscope.api.models.v1.models_pb2 import Lineage, ModelKind, ModelVersion
from synthoscope.api.synthesis.v1.synthesis_pb2 import GenerationFilters, GenerationOptions
from synthoscope.client import Client, ClientSettings
from synthoscope.datasets import phantoms
from synthoscope.datasets.versions import store
from synthoscope.gan import sampling
from synthoscope.gan.config import GanConfig
from synthoscope.gan.families import family_of
from synthoscope.images.storage import encode_png, store_pixels
from synthoscope.local import stack, sweep
from synthoscope.local.home import stack_id
from synthoscope.models.weights import WEIGHTS, dump_weights
from synthoscope.objects import MinioObjectStore, ObjectStore

PROCESSES = ("valkey", "seaweedfs", "ray", "training", "synthesis")
THREADS = 2
TRAINING_IMAGES = 1000
BEFORE = 400
"""Images after which a set's images a second are counted: each process has made some then."""

SHARE, GROWTH = 0.7, 1.1
"""What is asked for: of the bare generator's images a second, and of memory for many images against few."""

Row = dict[str, object]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=int, default=4000)
    parser.add_argument("--memory", type=int, nargs=2, default=(1000, 30_000))
    parser.add_argument("--out")
    arguments = parser.parse_args()
    torch.set_num_threads(THREADS)
    with tempfile.TemporaryDirectory() as home, stack.running(Path(home), only=PROCESSES) as state:
        objects = MinioObjectStore(state.objects)
        with Client(ClientSettings.find(state.home)) as client:
            rows, targets = speed(client, objects, state.home, arguments.images)
            more_rows, more_targets = memory(client, objects, state.home, *arguments.memory)
    publish("synthesis", [*rows, *more_rows], [*targets, *more_targets], ["torch", "ray", "pillow", "faiss-cpu"])


def speed(client: Client, objects: ObjectStore, home: Path, images: int) -> tuple[list[Row], list[Target]]:
    """Sets of 128 px, plain and with filters, and what the bare parts can do before and after each."""
    gan = published(objects, GanConfig("dcgan-128", epochs=1))
    options = {
        "no optional filter": GenerationOptions(),
        "discriminator's best half, distinct": GenerationOptions(
            filters=GenerationFilters(discriminator_share=0.5, distinct=True)
        ),
    }
    rows: list[Row] = []
    targets: list[Target] = []
    before = bare(objects, gan)
    for name, each in options.items():
        made = measured(client, home, gan, images, each)
        after = bare(objects, gan)
        forward, encoder = ((before[part] + after[part]) / 2 for part in ("forward", "encoder"))
        share = made.rate / forward
        rows.append(
            {
                "set": name,
                "side": 128,
                "images": images,
                **made.row(),
                "forward_per_second": round(forward, 1),
                "forward_processor_ms": round((before["forward_ms"] + after["forward_ms"]) / 2, 2),
                "encoder_per_second": round(encoder, 1),
                "share_of_forward": round(share, 3),
            }
        )
        if not targets:
            limit = min(SHARE, encoder / forward)
            targets.append(Target("stored images a second, of the bare generator's", round(share, 3), ">=", limit))
        before = after
    return rows, targets


def memory(client: Client, objects: ObjectStore, home: Path, few: int, many: int) -> tuple[list[Row], list[Target]]:
    """The peaks of sets of 64 px, few and many images."""
    gan = published(objects, GanConfig("r3", epochs=1, width=8))
    rows, peaks = [], []
    for images in (few, many):
        made = measured(client, home, gan, images, GenerationOptions())
        rows.append({"set": "memory", "side": 64, "images": images, **made.row()})
        peaks.append(made)
    targets = [
        Target(f"{who}'s peak memory, {many} images against {few}", round(growth, 3), "<=", GROWTH)
        for who, growth in (
            ("driver", peaks[1].driver / peaks[0].driver),
            ("largest worker", peaks[1].worker / peaks[0].worker),
        )
    ]
    return rows, targets


@dataclass
class Made:
    """A set: images a second, processor seconds an image; peaks in bytes."""

    images: int
    rate: float = 0.0
    seconds: float = 0.0
    measuring: float = 0.0
    processors: dict[int, float] = field(default_factory=dict)
    driver: int = 0
    worker: int = 0

    def row(self) -> Row:
        return {
            "images_per_second": round(self.rate, 1),
            "seconds_with_start": round(self.seconds, 1),
            "seconds_of_the_gate": round(self.measuring, 1),
            "processor_ms_an_image": round(1000 * sum(self.processors.values()) / self.images, 2),
            "driver_mebibytes": round(self.driver / 2**20),
            "worker_mebibytes": round(self.worker / 2**20),
        }


def measured(client: Client, home: Path, gan: str, images: int, options: GenerationOptions) -> Made:
    """Has a set made, and watches."""
    made, first = Made(images), (0.0, 0)
    phases: dict[str, float] = {}

    def show(event: JobEvent) -> None:
        nonlocal first
        step = event.job.progress.step
        phases.setdefault(event.job.progress.phase, time.monotonic())
        if step >= BEFORE and not first[1]:
            first = time.monotonic(), step

    began = time.monotonic()
    with watched(home, made):
        counts = {"a": images // 2, "b": images - images // 2}
        client.jobs.wait(client.synthesis.generate(gan, counts, options=options).name, show)
    ended = time.monotonic()
    if not first[1]:
        raise ValueError(f"a set of {images} images is too small: its rate is taken after the first {BEFORE}")
    made.seconds, made.measuring = ended - began, phases.get("publishing", ended) - phases["measuring"]
    made.rate = (images - first[1]) / (ended - first[0] - made.measuring)
    return made


@contextmanager
def watched(home: Path, made: Made) -> Iterator[None]:
    """Looks at the stack's processes until the end of the block."""
    done = threading.Event()
    of_the_stack = {sweep.STACK_VARIABLE: stack_id(home)}
    at_first = {process.pid: spent(process) for process in sweep.members(of_the_stack)}

    def look() -> None:
        while not done.wait(0.2):
            for process in sweep.members(of_the_stack):
                with suppress(psutil.Error):
                    name, size = " ".join(process.cmdline()), process.memory_info().rss
                    made.processors[process.pid] = spent(process) - at_first.get(process.pid, 0.0)
                    if "services.synthesis.run" in name:
                        made.driver = max(made.driver, size)
                    elif name.startswith("ray::"):
                        made.worker = max(made.worker, size)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def spent(process: psutil.Process) -> float:
    """Processor seconds of a process so far."""
    with suppress(psutil.Error):
        times = process.cpu_times()
        return float(times.user + times.system)
    return 0.0


def published(objects: ObjectStore, config: GanConfig) -> str:
    """A GAN of two classes with random weights, whose training images are phantoms of its size."""
    networks = family_of(config, classes=2).build(seed=0)
    tensors = {
        f"0.{part}.{name}": tensor
        for part, network in (("generator", networks.generator), ("discriminator", networks.discriminator))
        for name, tensor in network.state_dict().items()
    }
    pictures = []
    for index in range(TRAINING_IMAGES):
        pixels = phantoms.generate(phantoms.LABELS[index % 4], index, config.image_size).image
        image = store_pixels(objects, "default", pixels)
        label = "ab"[index % 2]
        pictures.append(DatasetImage(path=f"{index}.png", label=label, split=Split.SPLIT_TRAIN, image=image))
    dataset = store(objects, f"tenants/default/datasets/{config.preset}", pictures).name
    record = ModelVersion(
        kind=ModelKind.MODEL_KIND_GAN,
        classes=["a", "b"],
        preset=config.preset,
        image_size=config.image_size,
        lineage=Lineage(dataset_version=dataset),
    )
    record.config.update(config.to_json())
    return models.publish(
        objects, f"tenants/default/models/{config.preset}", record, {WEIGHTS: dump_weights(tensors)}
    ).name


def bare(objects: ObjectStore, gan: str) -> Mapping[str, float]:
    """Images a second of the generator's forward pass and of the encoder, and the former's processor milliseconds."""
    generators = sampling.load(objects, models.get(objects, gan))
    network, number = generators.of("a")
    assert number is not None
    found: dict[str, float] = {"forward": 0.0}
    for size in (sampling.CHUNK, 64):
        latent = generators.family.latent(size, torch.Generator().manual_seed(0))

        def make(latent: torch.Tensor = latent) -> None:
            with torch.no_grad(), sampling.evaluating(network):
                generators.family.sample(network, latent, number.expand(len(latent)))

        make()
        processors, rounds = time.process_time(), 256 // size
        rate = size * rounds / seconds(make, rounds)
        if rate > found["forward"]:
            found["forward"] = rate
            found["forward_ms"] = 1000 * (time.process_time() - processors) / (size * rounds)
    pixels = np.concatenate(list(sampling.sample(generators, "a", 128, seed=0)))
    with ThreadPoolExecutor(THREADS) as threads:
        found["encoder"] = 4 * len(pixels) / seconds(lambda: list(threads.map(encode_png, pixels)), 4)
    return found


def seconds(work: Callable[[], object], rounds: int) -> float:
    """How long some rounds of work take by the clock."""
    began = time.monotonic()
    for _ in range(rounds):
        work()
    return time.monotonic() - began


if __name__ == "__main__":
    main()
