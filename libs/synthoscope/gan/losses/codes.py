"""What a generator is asked to show besides looking real: a class (ACGAN), or codes of its own (InfoGAN)."""

from torch import Tensor
from torch.nn import functional as F


def shows_class(logits: Tensor, labels: Tensor) -> Tensor:
    """Odena et al. 2017: cross-entropy of the class head's logits, N×classes, and labels, int64 N."""
    return F.cross_entropy(logits, labels)


def shows_category(logits: Tensor, category: Tensor) -> Tensor:
    """Chen et al. 2016: minus the bound on the categorical code's mutual information, up to a constant.

    `category`, int64 N, is the code that the image was made with.
    """
    return F.cross_entropy(logits, category)


def shows_continuous(means: Tensor, codes: Tensor) -> Tensor:
    """The same for continuous codes, N×k: a Gaussian of standard deviation 1 around the recognised mean."""
    return (means - codes).square().sum(1).mean() / 2
