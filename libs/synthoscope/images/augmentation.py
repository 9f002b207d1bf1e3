"""Which random changes training images get: the message checked. No torch; `images.augmenting` makes the changes."""

from dataclasses import dataclass

from synthoscope.api.training.v1 import training_pb2
from synthoscope.rpc.errors import InvalidInput


@dataclass(frozen=True)
class Augmentation:
    """Largest random changes of training images, either way; 0 switches one off.

    Rotation and shear in degrees, brightness, zoom and contrast relative, shifts as shares of the side. The first seed
    paper names the changes (rotation, brightness, shifts, shear, a horizontal one) but not their sizes: the defaults
    are ours, small enough that anatomy stays anatomy. Whether a mirrored picture is still one that can occur depends on
    the modality, so each flip has its own switch, and is off unless asked for.

    `crop` is the largest share of the width, and of the height, that is cut off before the rest fills the picture. The
    two are drawn apart, and so is the place. It is for sets whose classes were framed differently: what was in the
    picture, and its proportions, then no longer tell which class it is.
    """

    rotation_degrees: float = 10.0
    brightness: float = 0.15
    width_shift: float = 0.05
    height_shift: float = 0.05
    shear_degrees: float = 5.0
    horizontal_flip: bool = False
    zoom: float = 0.0
    contrast: float = 0.0
    vertical_flip: bool = False
    crop: float = 0.0

    @classmethod
    def from_message(cls, message: training_pb2.Augmentation, field: str = "augmentation") -> "Augmentation":
        """The changes of a message. Raises InvalidInput, naming the field below `field`, for what is out of range."""
        changes = cls(
            rotation_degrees=message.rotation_degrees,
            brightness=message.brightness,
            width_shift=message.width_shift,
            height_shift=message.height_shift,
            shear_degrees=message.shear_degrees,
            horizontal_flip=message.horizontal_flip,
            zoom=message.zoom,
            contrast=message.contrast,
            vertical_flip=message.vertical_flip,
            crop=message.crop,
        )
        changes._check(field)
        return changes

    def _check(self, field: str) -> None:
        # Written as "is it within", so that NaN is refused as well.
        rules = (
            ("rotation_degrees", 0 <= self.rotation_degrees <= 180, "must be in [0, 180]"),
            ("brightness", 0 <= self.brightness < 1, "must be in [0, 1)"),
            ("width_shift", 0 <= self.width_shift < 1, "must be in [0, 1)"),
            ("height_shift", 0 <= self.height_shift < 1, "must be in [0, 1)"),
            ("shear_degrees", 0 <= self.shear_degrees <= 45, "must be in [0, 45]"),
            ("zoom", 0 <= self.zoom < 1, "must be in [0, 1)"),
            ("contrast", 0 <= self.contrast < 1, "must be in [0, 1)"),
            ("crop", 0 <= self.crop < 1, "must be in [0, 1)"),
        )
        for name, fits, description in rules:
            if not fits:
                raise InvalidInput(f"{field}.{name}", description)
