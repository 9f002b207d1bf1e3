"""Chest X-rays: an ACGAN makes 30,000 images, and a VGG16 learns from these alone."""

from synthoscope.api.datasets.v1.datasets_pb2 import Split
from synthoscope.api.training.v1.training_pb2 import ClassifierTrainingConfig, GanTrainingConfig
from synthoscope.reproduction.recipe import (
    Confusions,
    Courses,
    Evaluated,
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
from synthoscope.reproduction.seeds.data import CHEST, CHEST_CLASSES

_VGG16 = ClassifierTrainingConfig(preset="vgg16-xray", epochs=60)
# VGG16 from random weights takes days on a processor; this one learns all of the images in minutes.
_SMALL = ClassifierTrainingConfig(preset="cnn-64", epochs=4, early_stopping_patience=4)

SEED4 = Recipe(
    title="An ACGAN for chest X-rays, and a VGG16 on what it makes",
    paper="An ACGAN learns the 5,216 official training images at 64 px in 30,000 iterations of 5 images. VGG16, from "
    "random weights, learns 30,000 of its images and nothing else, and is right on 94 % of real ones: the 5,216 that "
    "the GAN has learned.",
    steps={
        "chest": CHEST,
        # 30,000 iterations of 5 images are 29 epochs.
        "gan": Gan("chest", GanTrainingConfig(preset="acgan-xray", epochs=29, batch_size=5)),
        "synthetic": SyntheticImages("gan", dict.fromkeys(CHEST_CLASSES, 15_000)),
        "synthetic only": Network("chest", _VGG16, ("synthetic",), alone=True),
        "on the GAN's images": Evaluated("synthetic only", "chest", Split.SPLIT_TRAIN),
        "real only": Network("chest", _VGG16, as_long_as="synthetic only"),
        "small, synthetic only": Network("chest", _SMALL, ("synthetic",), alone=True, seeds=3, whole=True),
        "small, on the GAN's images": Evaluated("small, synthetic only", "chest", Split.SPLIT_TRAIN),
        "small, real only": Network("chest", _SMALL, seeds=3, as_long_as="small, synthetic only", whole=True),
    },
    rows=[
        Row("accuracy", 0.94, Score("on the GAN's images"), Score("synthetic only", split="test")),
        Row(
            "recall of NORMAL",
            0.976,
            Score("on the GAN's images", "recall", label="NORMAL"),
            Score("synthetic only", "recall", "test", "NORMAL"),
        ),
        Row(
            "recall of PNEUMONIA",
            0.926,
            Score("on the GAN's images", "recall", label="PNEUMONIA"),
            Score("synthetic only", "recall", "test", "PNEUMONIA"),
        ),
        Row("AUROC", "not printed", Score("on the GAN's images", "auroc"), Score("synthetic only", "auroc", "test")),
        Row("accuracy, the same network on real images", "not tried", None, Score("real only", split="test")),
        Row(
            "accuracy of a small network that learned synthetic images alone",
            0.94,
            Score("small, on the GAN's images"),
            Score("small, synthetic only", split="test"),
        ),
        Row(
            "AUROC of the small network",
            "not tried",
            Score("small, on the GAN's images", "auroc"),
            Score("small, synthetic only", "auroc", "test"),
        ),
        Row("accuracy of the small network on real images", "not tried", None, Score("small, real only", split="test")),
        Row(
            "what synthetic images in place of real ones gain the small network",
            "not tried",
            None,
            Gain("small, synthetic only", "small, real only"),
        ),
    ],
    sections=[
        Pictures("The generator's first and last iteration", ["gan"]),
        Pictures("25 of its images", ["synthetic"]),
        Courses("Accuracy on real images and loss, of synthetic images learned", ["synthetic only"]),
        Courses("The same of the small network", ["small, synthetic only", "small, real only"]),
        Confusions(
            "Confusion matrices",
            {
                "images the GAN saw": Score("on the GAN's images"),
                "official test": Score("synthetic only", split="test"),
                "official test, real only": Score("real only", split="test"),
                "official test, small network": Score("small, synthetic only", split="test"),
            },
        ),
        Table(
            "The paper's confusion matrix, as it must be read",
            ("true class", "found NORMAL", "found PNEUMONIA", "recall"),
            [["NORMAL", 1309, 32, 0.976], ["PNEUMONIA", 286, 3589, 0.926]],
            "It calls its functions with predictions and truth swapped: its rows are predictions. So the recalls that "
            "its report prints, 0.82 and 0.99, are precisions.",
        ),
        Overlays("Where the network looks", "synthetic only"),
    ],
    differences=[
        "The paper holds a fifth of the synthetic images out to choose its epoch; here real training images choose it, "
        "since synthetic ones say nothing of real ones. They calibrate the network, too.",
        "Done right is the official test split of 624 images, which the GAN has not seen.",
        "VGG16 at a rate of 1e-5 needs thousands of batches. So that a small budget says something of the images, too, "
        "a small network, cnn-64, learns all of them four times, with three seeds, and as many batches of real ones.",
        "Its program says 5 epochs, its figures 30,000 iterations: the latter is done. It fits on 24,000 of the "
        "synthetic images, with labels drawn at random; here on all 30,000, half of each class.",
        "The images that the GAN saw include the fifth that chooses the network's epoch. Near-copies of training "
        "images are refused and made again. There is one generator.",
    ],
)
