"""A transfer network's first weights, by what the configuration calls them."""

from collections.abc import Iterable, Mapping

import safetensors.torch
from torch import Tensor, nn

from synthoscope import models
from synthoscope.classifier.pretrained import uploads
from synthoscope.classifier.pretrained.catalogue import RELEASES
from synthoscope.classifier.pretrained.imagenet import imagenet_weights, without_output
from synthoscope.classifier.pretrained.references import BACKBONE, IMAGENET, NONE, is_upload, no_backbone
from synthoscope.models.weights import load_weights
from synthoscope.objects import ObjectStore
from synthoscope.rpc.errors import FailedPrecondition

_SHOWN = 3


def initial_weights(
    objects: ObjectStore, source: str, network: str, url_base: str = RELEASES
) -> dict[str, Tensor] | None:
    """The tensors that a network's backbone starts from, by the backbone's own names, on the CPU; None for none.

    `source` is "none" (or empty), "imagenet", the name of a model version or of uploaded weights. Of a version, and of
    an upload that has such, these are the tensors named `backbone.…`; of other uploads all but the output layer's.

    Raises what `imagenet_weights` raises; InvalidInput for other sources; NotFound; DataLoss when stored bytes are
    damaged; FailedPrecondition when a version has no backbone.
    """
    if source in ("", NONE):
        return None
    if source == IMAGENET:
        return imagenet_weights(objects, network, url_base)
    if is_upload(source):
        uploaded = safetensors.torch.load(uploads.read(objects, source))
        return _backbone(uploaded) or without_output(uploaded)
    record = models.get(objects, source)
    found = _backbone(load_weights(objects, record))
    if not found:
        raise no_backbone(record.name, record.preset)
    return found


def load_into(module: nn.Module, weights: Mapping[str, Tensor], source: str) -> None:
    """Copies all weights into a module (a backbone), whose tensors they must be: same names, same shapes.

    Counters of batch normalisation may be missing, as older files lack them; then they stay 0. Published files may have
    more than the network, as for pytorchcv. Raises FailedPrecondition that names three tensors of each kind that is
    wrong; nothing is copied then.
    """
    expected = module.state_dict()
    if source == IMAGENET:
        weights = {name: tensor for name, tensor in weights.items() if name in expected}
    problems = [
        *_problem("missing", (name for name in expected.keys() - weights.keys() if not _is_counter(name))),
        *_problem("not of this network", weights.keys() - expected.keys()),
        *_problem(
            "of another shape",
            (
                f"{name} {_shape(weights[name])} instead of {_shape(expected[name])}"
                for name in expected.keys() & weights.keys()
                if weights[name].shape != expected[name].shape
            ),
        ),
    ]
    if problems:
        raise FailedPrecondition(f"weights: {source} do not fit this network: {'; '.join(problems)}")
    module.load_state_dict(dict(weights))


def _backbone(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(BACKBONE): tensor for name, tensor in weights.items() if name.startswith(BACKBONE)}


def _problem(what: str, found: Iterable[str]) -> list[str]:
    wrong = sorted(found)
    if not wrong:
        return []
    more = f" and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
    return [f"{what}: {', '.join(name[:200] for name in wrong[:_SHOWN])}{more}"]


def _is_counter(name: str) -> bool:
    return name.endswith("num_batches_tracked")


def _shape(tensor: Tensor) -> str:
    return "×".join(map(str, tensor.shape)) or "scalar"
