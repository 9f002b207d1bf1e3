"""Which weights of ImageNet are published for which backbone. No torch.

Names, releases, digests and counts of parameters are those of package pytorchcv 0.0.74 (model_metainfos.csv), errors
those of its README: one crop of ImageNet-1K's validation images, in percent. The SHA-1 is the one of the .pth file
itself, all 40 digits of it; of the zip that it is published in, none is known.
"""

from collections.abc import Mapping
from dataclasses import dataclass

RELEASES = "https://github.com/osmr/imgclsmob/releases/download"
"""Where they are published; a mirror has the same paths."""

IN_A_WHEEL = "efficientnet-lite0"
"""The backbone whose weights come with a package, so that nothing is downloaded."""


@dataclass(frozen=True)
class PublishedWeights:
    """A .pth file in a zip: the state of pytorchcv's network `constructor`, its output layer included."""

    constructor: str
    release: str
    sha1: str
    parameters: int
    top1_error: float
    top5_error: float

    @property
    def file(self) -> str:
        """The file's name, which holds the top-5 error and the digest's first digits."""
        return f"{self.constructor}-{round(100 * self.top5_error):04}-{self.sha1[:8]}.pth"

    @property
    def path(self) -> str:
        """Where the zip is, below RELEASES."""
        return f"{self.release}/{self.file}.zip"

    @property
    def most_bytes(self) -> int:
        """What neither the file nor its zip goes beyond: four bytes a parameter, and a quarter more, and 1 MiB."""
        return 5 * self.parameters + (1 << 20)


IMAGENET: Mapping[str, PublishedWeights] = {
    "vgg16": PublishedWeights(
        "vgg16", "v0.0.401", "5ca155da3dc6687e070ff34815cb5aabd0bed4b9", 138_357_544, 26.98, 8.65
    ),
    "resnet50": PublishedWeights(
        "resnet50", "v0.0.329", "b00d1c8e52aa7a2badc705b1545aaf6ccece6ce9", 25_557_032, 22.28, 6.33
    ),
    "densenet201": PublishedWeights(
        "densenet201", "v0.0.426", "6adc8625a4afa53e335272bab01b4908a0ca3f00", 20_013_928, 21.78, 6.12
    ),
    "inceptionv3": PublishedWeights(
        "inceptionv3", "v0.0.552", "025fb71c673f8e325f4c24f25cbd4185540cca72", 23_834_568, 20.44, 5.33
    ),
    "xception": PublishedWeights(
        "xception", "v0.0.544", "a75b50eceb5fdfb1e1bfaada6820a448ce40e593", 22_855_952, 20.35, 5.16
    ),
    "efficientnet-b0": PublishedWeights(
        "efficientnet_b0", "v0.0.364", "0e3861300b8f1d1d0fb1bd15f0e06bba1ad6309b", 5_288_548, 24.77, 7.52
    ),
}
"""By the name of the backbone."""
