"""Starting from the weights of another model version: transfer between organs, sizes or presets of like networks.

Between sizes the layers next to the image are matched, for these see the same kind of texture; a larger network's
coarsest ones are new. Networks whose lists of layers begin at the smallest feature map name them in `coarse_first`.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from synthoscope.gan.players import Players
from synthoscope.rpc.errors import FailedPrecondition


@torch.no_grad()
def adopt(players: Players, tensors: Mapping[str, Tensor], part: int) -> dict[str, float]:
    """Takes over all tensors that have a place and shape of the players' own; the others stay as they are.

    A version with fewer generators gives the first one's. The generator starts from averaged weights where there are,
    and its own average from the same.

    Returns:
        The share of its numbers that each network took over, in [0, 1], by "generator" and "discriminator".

    Raises:
        FailedPrecondition: The generator could take over none.
    """
    source = part if any(name.startswith(f"{part}.") for name in tensors) else 0
    average = any(name.startswith(f"{source}.average.") for name in tensors)
    taken = {}
    for network, own in (("generator", players.networks.generator), ("discriminator", players.networks.discriminator)):
        kind = "average" if average and network == "generator" else network
        prefix = f"{source}.{kind}."
        theirs = {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
        state, fitting = own.state_dict(), 0
        for name, tensor in state.items():
            found = theirs.get(_their_name(name, own, theirs))
            if found is not None and found.shape == tensor.shape:
                tensor.copy_(found)
                fitting += tensor.numel()
        taken[network] = fitting / sum(tensor.numel() for tensor in state.values())
    if taken["generator"] == 0:
        raise FailedPrecondition(
            "config.start_from: none of that version's tensors has a name and shape of this preset"
        )
    if players.average is not None:
        players.average.load_state_dict(players.networks.generator.state_dict())
    return taken


def _their_name(name: str, own: nn.Module, theirs: Mapping[str, Tensor]) -> str:
    """What a tensor of a network is called in another of the same kind, which may be deeper or less deep."""
    layers, _, rest = name.partition(".")
    if layers not in getattr(own, "coarse_first", ()):
        return name
    number, _, rest = rest.partition(".")
    deeper = len(_layers(layers, theirs)) - len(_layers(layers, own.state_dict()))
    return f"{layers}.{int(number) + deeper}.{rest}"


def _layers(name: str, tensors: Mapping[str, Tensor]) -> set[str]:
    """The numbers of a list's layers."""
    return {tensor.split(".")[1] for tensor in tensors if tensor.startswith(f"{name}.")}
