"""The registry: which family a configuration means."""

from collections.abc import Mapping

from synthoscope.gan.config import PRESETS, GanConfig
from synthoscope.gan.families.acgan_xray import AcganXray
from synthoscope.gan.families.convolutional import Infogan, Lsgan, SnganMri, Wgan, WganGp
from synthoscope.gan.families.dcgan import Dcgan
from synthoscope.gan.families.dcgan_xray import DcganXray
from synthoscope.gan.families.ddgan import Ddgan
from synthoscope.gan.families.family import Batch, Family, Networks, Outcome
from synthoscope.gan.families.r3 import R3

__all__ = ["FAMILIES", "Batch", "Family", "Networks", "Outcome", "family_of"]

FAMILIES: Mapping[str, type[Family]] = {
    "acgan-xray": AcganXray,
    "dcgan": Dcgan,
    "dcgan-xray": DcganXray,
    "ddgan": Ddgan,
    "infogan": Infogan,
    "lsgan": Lsgan,
    "r3": R3,
    "sngan-mri": SnganMri,
    "wgan": Wgan,
    "wgan-gp": WganGp,
}


def family_of(config: GanConfig, classes: int) -> Family:
    """A configuration's family; `classes` is 0 when the generator is not told the class."""
    return FAMILIES[PRESETS[config.preset].family](config, classes)
