"""The fifth seed paper's GAN, preset "dcgan-xray": one for each class, Adam at 1e-4 (its beta1 is not printed: 0.5)."""

import torch
from torch import nn

from synthoscope.gan.architectures import acgan_xray, dcgan_xray
from synthoscope.gan.families.dcgan import Dcgan
from synthoscope.gan.families.family import Networks


class DcganXray(Dcgan):
    """The first paper's game with other networks."""

    latent_size = dcgan_xray.LATENT
    dropout = dcgan_xray.DROPOUT

    @property
    def features(self) -> int:
        """Numbers that dropout chooses among."""
        return dcgan_xray.FEATURES

    def networks(self) -> Networks:
        """The paper's."""
        return Networks(dcgan_xray.Generator(), dcgan_xray.Discriminator(self.config.minibatch_discrimination))

    def initialise(self, network: nn.Module, numbers: torch.Generator) -> None:
        """As Keras does."""
        acgan_xray.initialise(network, numbers)
