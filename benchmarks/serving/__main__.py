"""Diagnoses a second, and how long one takes, beside the least that could answer and what others offer.

    python -m benchmarks.serving [--seconds N] [--model A,B] [--peers A,B|none] [--defaults] [--requests N] [--out FILE]

All get the same PNG (224×224 pixels of a made-up slice), and compute the same exported network in ONNX Runtime on one
thread. Ours is the local stack with its defaults: tokens, health, metrics, decoding in processes of its own, refusals,
prediction sets, the original, the answer and the audit trail stored; nobody else does any of that. A closed loop of 1,
8, 32 and 128 callers, on the same processors as the servers; the servers run one after the other, each peer with the
version that its requirements pin and with one worker and with two.

`--model` takes any of benchmarks/serving/models.py; rows and targets say of which they are. `--defaults` adds what each
default of ours costs, `--requests` how much memory so many requests to the first model leave behind.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from google.protobuf.wrappers_pb2 import BytesValue
from PIL import Image

from benchmarks.reporting import publish
from benchmarks.serving import bare, defaults, memory, ray_proxy
from benchmarks.serving.asking import diagnoses, process, raw
from benchmarks.serving.measuring import Row, measured, overloaded, shown
from benchmarks.serving.models import MODELS, Published, published
from benchmarks.serving.peers.environments import CannotBeHad
from benchmarks.serving.peers.running import PEERS, Peer, asked, serving
from benchmarks.serving.targets import BARE, MEMORY, OURS, PROXY, TOO_MUCH, most, targets
from synthoscope.client import Client, ClientSettings
from synthoscope.datasets.phantoms import write_dataset
from synthoscope.images.storage import encode_png
from synthoscope.local.stack import running
from synthoscope.local.state import StackState

IMAGES = 512
THREADS = 1
_REST = 20.0
"""Seconds after the stack's start and its trainings, whose processes end one by one."""


def images(folder: Path) -> Sequence[bytes]:
    """IMAGES different PNGs of 224×224 grey pixels, like the slices of a scan."""
    chance = np.random.default_rng(0)
    slices = [
        np.asarray(Image.open(path).convert("L").resize((224, 224))) for path in sorted(folder.glob("test/*/*.png"))
    ]
    found = []
    for index in range(IMAGES):
        noise = chance.integers(-6, 7, (224, 224))
        found.append(encode_png(np.clip(slices[index % len(slices)] + noise, 0, 255).astype(np.uint8)))
    return found


def publish_models(stack: StackState, phantoms: Path, names: Sequence[str], folder: Path) -> list[Published]:
    with Client(ClientSettings.find(stack.home)) as client:
        dataset = client.datasets.import_source(phantoms, "bench").name
        return [published(client, dataset, MODELS[name], folder) for name in names]


def of_ours(
    stack: StackState, served: Published, pictures: Sequence[bytes], arguments: argparse.Namespace
) -> list[Row]:
    """Rows of the platform's own server."""
    model, seconds = served.model.name, arguments.seconds
    opened = partial(diagnoses, stack.endpoints["classification"], stack.token, served.version, pictures)
    rows = measured({"model": model, "server": OURS}, opened, seconds)
    rows += overloaded({"model": model, "server": TOO_MUCH}, opened, most(rows), seconds)
    if arguments.defaults:
        rows += defaults.without_storing(stack, served, pictures, seconds)
    if arguments.requests and model == arguments.model[0]:  # so many take an hour of a large one
        rows += memory.growth({"model": model, "server": MEMORY}, stack, opened, arguments.requests)
    return rows


def of_least(served: Published, pictures: Sequence[bytes], seconds: float) -> list[Row]:
    """Rows of the least that answers, and of Ray Serve as it comes."""
    rows: list[Row] = []
    in_messages = [BytesValue(value=picture).SerializeToString() for picture in pictures]
    for name, module, sent in ((BARE, bare, pictures), (PROXY, ray_proxy, in_messages)):
        with process(module.__name__, str(served.onnx), str(served.model.side), str(THREADS)) as address:
            named: Row = {"model": served.model.name, "server": name}
            rows += measured(named, partial(raw, address, module.METHOD, sent), seconds)
    return rows


def of_peer(peer: Peer, served: Published, pictures: Sequence[bytes], seconds: float) -> list[Row]:
    """Rows of a peer, or one that says why there are none."""
    rows: list[Row] = []
    for workers in peer.workers:
        named: Row = {"model": served.model.name, "server": peer.name, "version": peer.version, "workers": workers}
        try:
            with serving(peer, served.onnx, served.model.side, THREADS, workers, pictures[0]) as address:
                rows += measured(named, partial(asked, peer, address, pictures), seconds)
        except CannotBeHad as error:
            rows += shown([named | {"reason": str(error)}])
    return rows


def main(arguments: argparse.Namespace) -> None:
    seconds, peers = arguments.seconds, [peer for peer in PEERS if peer.name in arguments.peers]
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        write_dataset(home / "phantoms", 40, 20, 128, seed=3)
        pictures = images(home / "phantoms")
        with running(home / "stack") as stack:
            models = publish_models(stack, home / "phantoms", arguments.model, home)
            time.sleep(_REST)
            for served in models:
                rows += of_ours(stack, served, pictures, arguments)
        if arguments.defaults:
            rows += defaults.by_settings(home / "stack", models, pictures, seconds)
        for served in models:
            rows += of_least(served, pictures, seconds)
            for peer in peers:
                rows += of_peer(peer, served, pictures, seconds)
    reached = [
        target for name in arguments.model for target in targets([row for row in rows if row["model"] == name], peers)
    ]
    publish("serving", rows, reached, ["grpcio", "onnxruntime", "ray", "aiohttp"])


def _arguments() -> argparse.Namespace:
    def names(known: Sequence[str]) -> Callable[[str], list[str]]:
        def chosen(text: str) -> list[str]:
            wanted = [] if text == "none" else text.split(",")
            if strangers := set(wanted) - set(known):
                raise argparse.ArgumentTypeError(f"{sorted(strangers)[0]} is none of {', '.join(known)}")
            return wanted

        return chosen

    known_peers = [peer.name for peer in PEERS]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving")
    parser.add_argument("--seconds", type=float, default=6.0, help="of each measurement")
    parser.add_argument("--model", type=names(list(MODELS)), default=["cnn-128"], help=", ".join(MODELS))
    parser.add_argument("--peers", type=names(known_peers), default=known_peers, help=", ".join(known_peers))
    parser.add_argument("--defaults", action="store_true", help="also what each default costs")
    parser.add_argument(
        "--requests", type=int, default=0, help="also how memory grows over so many, of the first model"
    )
    parser.add_argument("--out", help="where the report goes, too")
    return parser.parse_args()


if __name__ == "__main__":
    main(_arguments())
