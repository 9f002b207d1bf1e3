"""Brain MRI, four classes: a GAN over the training images, a CNN on real and synthetic ones, Grad-CAM."""

from synthoscope.api.training.v1.training_pb2 import ClassifierTrainingConfig, GanTrainingConfig
from synthoscope.reproduction.recipe import (
    Confusions,
    Courses,
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
from synthoscope.reproduction.seeds.data import BRAIN, BRAIN_CLASSES

_CNN = ClassifierTrainingConfig(preset="cnn-128", epochs=40)

SEED1 = Recipe(
    title="Deadly diseases from medical images by GANs, CNNs and explainable AI",
    paper="One DCGAN at 128 px learns the 5,712 training images of the Brain Tumor MRI dataset; a CNN learns these and "
    "what the GAN makes; Grad-CAM shows where it looks. The paper shows curves and a confusion matrix, and says that "
    "accuracy is high and that synthetic images improve it; it prints no score.",
    steps={
        "brain": BRAIN,
        "gan": Gan("brain", GanTrainingConfig(preset="dcgan-128", epochs=100)),
        "synthetic": SyntheticImages("gan", dict.fromkeys(BRAIN_CLASSES, 250)),
        "real": Network("brain", _CNN, seeds=3),
        "mixed": Network("brain", _CNN, ("synthetic",), seeds=3),
    },
    rows=[
        Row(
            "accuracy, real and synthetic images",
            "high",
            Score("mixed", split="test"),
            Score("mixed", split="test-deduplicated"),
        ),
        Row(
            "accuracy, real images alone",
            "lower",
            Score("real", split="test"),
            Score("real", split="test-deduplicated"),
        ),
        Row(
            "macro F1, real and synthetic images",
            "not printed",
            Score("mixed", "macro_f1", "test"),
            Score("mixed", "macro_f1", "test-deduplicated"),
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
        "It does not say how many synthetic images were added, nor for how long the GAN was trained: here 250 of each "
        "class, and 100 epochs.",
        "Copies of training images are among the official test images. Done right leaves them out; no image without a "
        "tumour is left then, so that part is of three classes.",
    ],
)
