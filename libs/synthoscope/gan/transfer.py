"""Starting from the weights of another model version: transfer between organs, sizes or presets of like networks."""

from collections.abc import Mapping

import torch
from torch import Tensor

from synthoscope.gan.players import Players
from synthoscope.rpc.errors import FailedPrecondition


@torch.no_grad()
def adopt(players: Players, tensors: Mapping[str, Tensor], part: int) -> dict[str, int]:
    """Takes over all tensors that have a name and shape of the players' own; the others stay as they are.

    A version with fewer generators gives the first one's. The generator starts from averaged weights where there are,
    and its own average from the same.

    Returns:
        How many tensors each network took over, by "generator" and "discriminator".

    Raises:
        FailedPrecondition: The generator could take over none.
    """
    source = part if any(name.startswith(f"{part}.") for name in tensors) else 0
    average = any(name.startswith(f"{source}.average.") for name in tensors)
    taken = {"generator": 0, "discriminator": 0}
    for network, own in (("generator", players.networks.generator), ("discriminator", players.networks.discriminator)):
        kind = "average" if average and network == "generator" else network
        for name, tensor in own.state_dict().items():
            found = tensors.get(f"{source}.{kind}.{name}")
            if found is not None and found.shape == tensor.shape:
                tensor.copy_(found)
                taken[network] += 1
    if taken["generator"] == 0:
        raise FailedPrecondition(
            "config.start_from: none of that version's tensors has a name and shape of this preset"
        )
    if players.average is not None:
        players.average.load_state_dict(players.networks.generator.state_dict())
    return taken
