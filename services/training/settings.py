"""What the training service can be told, by SYNTHOSCOPE_* in the environment."""

from synthoscope.images.decoders import DecodingSettings
from synthoscope.pseudonyms import PseudonymKey
from synthoscope.settings import ServiceSettings
from synthoscope_ray.settings import RaySettings


class Settings(ServiceSettings):
    """Everything the process needs."""

    pseudonym_key: PseudonymKey
    decoding: DecodingSettings = DecodingSettings()
    refuse_identifiers: bool = False
    """Whether DICOM files that say whom they are of are refused instead of de-identified."""
    ray: RaySettings = RaySettings()
