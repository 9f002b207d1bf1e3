"""Brain MRI, four classes: a GAN over the training images, a CNN on real and synthetic ones, Grad-CAM."""

from synthoscope.api.training.v1.training_pb2 import ClassifierTrainingConfig, GanTrainingConfig
from synthoscope.reproduction.recipe import (
    Confusions,
    Courses,
    Derived,
    Gain,
    Gan,
    Network,
    Overlays,
    Pictures,
    Recipe,
    Row,
    Score,
    SyntheticImages,
    Table,
)
from synthoscope.reproduction.seeds.data import BRAIN, BRAIN_CLASSES, drawn

_CNN = ClassifierTrainingConfig(preset="cnn-128", epochs=40)
_GAN = GanTrainingConfig(preset="dcgan-128", epochs=100, batch_size=8)
_COUNTS = dict.fromkeys(BRAIN_CLASSES, 250)

SEED1 = Recipe(
    title="Deadly diseases from medical images by GANs, CNNs and explainable AI",
    paper="One DCGAN at 128 px learns the 5,712 training images of the Brain Tumor MRI dataset; a CNN learns these and "
    "what the GAN makes; Grad-CAM shows where it looks. The paper shows curves and a confusion matrix, and says that "
    "accuracy is high and that synthetic images improve it; it prints no score.",
    steps={
        "brain": BRAIN,
        "grouped": Derived("brain", drawn(0.2)),
        "gan": Gan("brain", _GAN),
        "synthetic": SyntheticImages("gan", _COUNTS),
        "mixed": Network("brain", _CNN, ("synthetic",), seeds=2),
        "real": Network("brain", _CNN, seeds=2, as_long_as="mixed"),
        "gan, grouped": Gan("grouped", _GAN),
        "synthetic, grouped": SyntheticImages("gan, grouped", _COUNTS),
        "mixed, grouped": Network("grouped", _CNN, ("synthetic, grouped",), seeds=3),
        "real, grouped": Network("grouped", _CNN, seeds=3, as_long_as="mixed, grouped"),
    },
    rows=[
        Row(
            "accuracy, real and synthetic images",
            "high",
            Score("mixed", split="test"),
            Score("mixed, grouped", split="test"),
        ),
        Row(
            "accuracy, real images alone",
            "lower",
            Score("real", split="test"),
            Score("real, grouped", split="test"),
        ),
        Row(
            "gain of accuracy by synthetic images",
            "more than 0",
            Gain("mixed", "real"),
            Gain("mixed, grouped", "real, grouped"),
        ),
        Row(
            "macro F1, real and synthetic images",
            "not printed",
            Score("mixed", "macro_f1", "test"),
            Score("mixed, grouped", "macro_f1", "test"),
        ),
        Row(
            "accuracy on official test images without a copy in training, which are of three classes",
            "not tried",
            None,
            Score("mixed", split="test-deduplicated"),
        ),
    ],
    sections=[
        Pictures("25 synthetic images", ["synthetic"]),
        Courses("Accuracy and loss", ["mixed", "real"]),
        Confusions(
            "Confusion matrices, official test split",
            {
                "real and synthetic": Score("mixed", split="test"),
                "real alone": Score("real", split="test"),
            },
        ),
        Table(
            "Recall by class",
            ("class", "real and synthetic, official test", "real alone, official test"),
            [
                [label, *(Score(network, "recall", "test", label) for network in ("mixed", "real"))]
                for label in BRAIN_CLASSES
            ],
        ),
        Overlays("Where the network looks, one image of each class", "mixed"),
    ],
    differences=[
        "The paper's GAN has no classes, and it does not say how its images got the labels that a classifier needs; "
        "this one is told the class.",
        "It does not say how many synthetic images were added, nor for how long and in which batches networks learned: "
        "here 250 of each class, 100 epochs of batches of 8 for the GAN, and the 40 epochs of the paper's plot in "
        "batches of 32 for the CNN.",
        "Both networks take as many steps, and none stops early, so that what synthetic images give is not what longer "
        "training gives.",
        "Most official test images have a copy among the training images, 997 of 1,311 by our audit. Done right is a "
        "fifth of all images drawn by groups of copies, with a generator that has not seen them. Patients are not "
        "known, and slices of one may be on both sides.",
        "Several seeds are of the CNN; each way has one generator, and one set of its images. Near-copies of training "
        "images are refused and made again, which the paper does not do.",
        "The paper has 5,712 training images, our copy of the set 5,708, at 224 px. It turns, shifts, shears and "
        "brightens them; what it calls horizontal crops is left out, as it does not say what they are.",
    ],
)
