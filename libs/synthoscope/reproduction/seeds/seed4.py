"""Chest X-rays: an ACGAN makes 30,000 images, and a VGG16 learns from these alone."""

from synthoscope.api.datasets.v1.datasets_pb2 import Split
from synthoscope.api.training.v1.training_pb2 import ClassifierTrainingConfig, GanTrainingConfig
from synthoscope.reproduction.recipe import (
    Confusions,
    Courses,
    Evaluated,
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
        "synthetic only": Network("chest", _VGG16, ("synthetic",), alone=True, seeds=3),
        "on the GAN's images": Evaluated("synthetic only", "chest", Split.SPLIT_TRAIN),
        "real only": Network("chest", _VGG16, seeds=3, as_long_as="synthetic only"),
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
    ],
    sections=[
        Pictures("The generator's first and last iteration", ["gan"]),
        Pictures("25 of its images", ["synthetic"]),
        Courses("Loss while the classifier learns synthetic images", ["synthetic only"]),
        Confusions(
            "Confusion matrices",
            {
                "images the GAN saw": Score("on the GAN's images"),
                "official test": Score("synthetic only", split="test"),
                "official test, real only": Score("real only", split="test"),
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
        "Done right is the official test split of 624 images, which the GAN has not seen, with three seeds of the "
        "network.",
        "Its program says 5 epochs, its figures 30,000 iterations: the latter is done. It fits on 24,000 of the "
        "synthetic images, with labels drawn at random; here on all 30,000, half of each class.",
        "The images that the GAN saw include the fifth that chooses the network's epoch. Near-copies of training "
        "images are refused and made again. Three seeds are of the network; there is one generator.",
    ],
)
