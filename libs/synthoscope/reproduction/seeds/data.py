"""The folders of images that the papers use, and the ways to split them that several recipes share."""

from synthoscope.api.datasets.v1.datasets_pb2 import Derivation, HoldOut, SplitRule
from synthoscope.reproduction.recipe import Imported

BRAIN_CLASSES = ("glioma", "meningioma", "notumor", "pituitary")
CHEST_CLASSES = ("NORMAL", "PNEUMONIA")

BRAIN = Imported("brain-tumor-mri", {label: label for label in BRAIN_CLASSES})
CHEST = Imported("chest-xray-pneumonia", {"notumor": "NORMAL", "glioma": "PNEUMONIA"}, patients="patient_key")


def drawn(test_fraction: float, *, ungrouped: bool = False) -> Derivation:
    """A test split drawn anew; `ungrouped` as papers do it, with copies and patients on both sides."""
    hold_out = HoldOut(test_fraction=test_fraction)
    return Derivation(split=SplitRule(hold_out=hold_out, ungrouped=ungrouped))
