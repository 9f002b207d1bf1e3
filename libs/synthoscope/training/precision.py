"""Mixed precision: where the networks compute in bfloat16, and what keeps to float32 inside of that.

bfloat16 has float32's range, so losses need no scaling; it has 8 bits of precision. Convolutions and dense layers take
it, by torch.autocast; scores leave the networks as float32, and what follows them (losses, gradient penalties and their
second derivative's sums), statistics, spectral norms, weights and optimisers stay float32 throughout.
"""

import torch


def lower_precision(device: torch.device, enabled: bool) -> torch.autocast:
    """A context in which networks compute in bfloat16, if it is enabled. Backward passes belong outside."""
    return torch.autocast(device.type, torch.bfloat16, enabled=enabled)


def full_precision(device: torch.device) -> torch.autocast:
    """A context within the other one that computes as tensors are."""
    return torch.autocast(device.type, enabled=False)
