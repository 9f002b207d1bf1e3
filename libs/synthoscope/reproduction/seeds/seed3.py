"""Brain MRI at 256 and 512 px: a spectral-norm GAN for tumour and one for none, measured, and a CNN on its images."""

from collections.abc import Mapping
from math import log10

from synthoscope.api.datasets.v1.datasets_pb2 import Derivation, LabelMap, Subset
from synthoscope.api.images.v1.preprocessing_pb2 import MarginRemoval, Preprocessing, PreprocessingStep
from synthoscope.api.synthesis.v1.synthesis_pb2 import GenerationOptions
from synthoscope.api.training.v1.training_pb2 import ClassifierTrainingConfig, GanConditioning, GanTrainingConfig
from synthoscope.reproduction.recipe import (
    AtEpoch,
    Cell,
    Count,
    Courses,
    Derived,
    Gain,
    Gan,
    Imported,
    Nearness,
    Network,
    Pictures,
    Recipe,
    Row,
    Score,
    Step,
    SyntheticImages,
    Table,
)
from synthoscope.reproduction.seeds.data import BRAIN_CLASSES, drawn

_SIDES = (256, 512)
_COUNTS: Mapping[int, Mapping[str, int]] = {
    800: {"tumour": 460, "no tumour": 340},
    1200: {"tumour": 690, "no tumour": 510},
    1600: {"tumour": 920, "no tumour": 680},
}
_MEASURED = GenerationOptions(measure_with="efficientnet-lite0")

# Table IV: PSNR in dB, MSE, SSIM.
_QUALITY: Mapping[tuple[int, int], tuple[float, float, float]] = {
    (256, 800): (24.5, 0.015, 0.65),
    (256, 1200): (25.8, 0.012, 0.70),
    (256, 1600): (26.1, 0.010, 0.75),
    (512, 800): (31.1, 0.008, 0.81),
    (512, 1200): (32.2, 0.007, 0.85),
    (512, 1600): (33.6, 0.006, 0.91),
}

# Table V: accuracy after 5, 10 and 30 epochs. Of the third row, our copy has the second figure as "58w", and not the
# first.
_ACCURACY: Mapping[tuple[int, int], tuple[float | None, float | None, float]] = {
    (256, 800): (0.792, 0.827, 0.875),
    (256, 1200): (0.806, 0.841, 0.887),
    (256, 1600): (None, 0.858, 0.902),
    (512, 800): (0.847, 0.884, 0.926),
    (512, 1200): (0.864, 0.899, 0.951),
}

# Table VI: SSIM and PSNR in dB.
_TUMOURS = ("glioma", "meningioma", "pituitary")
_COMPARED: Mapping[str, tuple[str, Mapping[str, tuple[float, float]]]] = {
    "DDGAN": ("ddgan", {"glioma": (0.40, 15.54), "meningioma": (0.40, 15.62), "pituitary": (0.37, 16.42)}),
    "WGAN": ("wgan", {"glioma": (0.42, 17.32), "meningioma": (0.46, 17.91), "pituitary": (0.40, 16.91)}),
    "LSGAN": ("lsgan", {"glioma": (0.48, 17.52), "meningioma": (0.45, 17.96), "pituitary": (0.38, 16.61)}),
    "InfoGAN": ("infogan", {"glioma": (0.43, 17.21), "meningioma": (0.43, 16.48), "pituitary": (0.44, 16.75)}),
    "its own": ("sngan-mri", {"glioma": (0.70, 25.0), "meningioma": (0.75, 25.5), "pituitary": (0.76, 26.7)}),
}
_COMPARED_IMAGES = 100
_EPOCHS = 30


def _gan(preset: str, side: int) -> GanTrainingConfig:
    # Each method as the paper's own: one generator a class, in the same batches.
    return GanTrainingConfig(
        preset=preset,
        image_size=side,
        epochs=200,
        batch_size=8,
        conditioning=GanConditioning.GAN_CONDITIONING_PER_CLASS,
    )


def _cnn(side: int) -> ClassifierTrainingConfig:
    return ClassifierTrainingConfig(
        preset="cnn-mri" if side == 256 else "cnn-mri-pooled",
        image_size=side,
        batch_size=16,
        epochs=_EPOCHS,
        early_stopping_patience=_EPOCHS,
        validation_fraction=0.2,
    )


_STEPS: dict[str, Step] = {
    "sample": Imported(
        "brain-tumor-mri-512-sample",
        {label: label for label in BRAIN_CLASSES},
        preprocessing=Preprocessing(steps=[PreprocessingStep(margin_removal=MarginRemoval())]),
    ),
    "all": Derived("sample", Derivation(subset=Subset(as_training=True))),
    "tumour or none": Derived(
        "all",
        Derivation(
            label_map=LabelMap(
                labels={label: "no tumour" if label == "notumor" else "tumour" for label in BRAIN_CLASSES}
            )
        ),
    ),
    "at random": Derived("tumour or none", drawn(0.2, ungrouped=True)),
    "grouped": Derived("tumour or none", drawn(0.2)),
    "kinds of tumour": Derived("all", Derivation(subset=Subset(labels=_TUMOURS))),
}
for _side in _SIDES:
    _STEPS[f"GAN, {_side} px"] = Gan("tumour or none", _gan("sngan-mri", _side))
    for _total, _counts in _COUNTS.items():
        _STEPS[f"{_total} images, {_side} px"] = SyntheticImages(f"GAN, {_side} px", _counts, _MEASURED)
for _side, _total in _ACCURACY:
    _STEPS[f"CNN, {_total} images, {_side} px"] = Network("at random", _cnn(_side), (f"{_total} images, {_side} px",))
_STEPS["GAN, grouped"] = Gan("grouped", _gan("sngan-mri", 256))
_STEPS["images, grouped"] = SyntheticImages("GAN, grouped", _COUNTS[1600], _MEASURED)
_STEPS["CNN, grouped, real and synthetic"] = Network("grouped", _cnn(256), ("images, grouped",), seeds=3)
_STEPS["CNN, grouped, real alone"] = Network(
    "grouped", _cnn(256), seeds=3, as_long_as="CNN, grouped, real and synthetic"
)
for _method, (_preset, _) in _COMPARED.items():
    _STEPS[f"{_method}, three kinds"] = Gan("kinds of tumour", _gan(_preset, 256))
    _STEPS[f"{_method}, images"] = SyntheticImages(
        f"{_method}, three kinds", dict.fromkeys(_TUMOURS, _COMPARED_IMAGES), _MEASURED
    )


def _quality() -> list[list[Cell]]:
    rows: list[list[Cell]] = []
    for (side, total), (psnr, mse, ssim) in _QUALITY.items():
        images = f"{total} images, {side} px"
        found = (Nearness(images, name) for name in ("psnr", "mse", "ssim"))
        of_mse = round(-10 * log10(mse), 1)
        rows.append([f"{side} × {side}", str(total), psnr, mse, of_mse, ssim, *found])
    return rows


def _made() -> list[list[Cell]]:
    return [
        [
            f"{side} × {side}",
            str(total),
            *claimed.values(),
            *(Count(f"{total} images, {side} px", name) for name in claimed),
        ]
        for side in _SIDES
        for total, claimed in _COUNTS.items()
    ]


def _accuracy() -> list[list[Cell]]:
    rows: list[list[Cell]] = []
    for (side, total), claimed in _ACCURACY.items():
        network = f"CNN, {total} images, {side} px"
        found = (AtEpoch(network, share) for share in (1 / 6, 1 / 3, 1.0))
        rows.append([f"{side} × {side}", str(total), *claimed, *found, Score(network, split="test")])
    return rows


def _comparison() -> list[list[Cell]]:
    return [
        [label, method, *claims[label], *(Nearness(f"{method}, images", name, label) for name in ("ssim", "psnr"))]
        for label in _TUMOURS
        for method, (_, claims) in _COMPARED.items()
    ]


SEED3 = Recipe(
    title="Spectral-norm GANs for MRI at 256 and 512 px",
    paper="One GAN for the 230 images with a tumour and one for the 170 without, at 256 and 512 px; 800, 1,200 and "
    "1,600 of their images are measured by PSNR, MSE and SSIM, and train a CNN for 5, 10 and 30 epochs. Accuracy 95.1 "
    "% with 1,200 images of 512 px; better than DDGAN, WGAN, LSGAN and InfoGAN by PSNR and SSIM at 256 px.",
    steps=_STEPS,
    rows=[
        Row(
            "accuracy, 1,200 images of 512 px, 30 epochs",
            0.951,
            Score("CNN, 1200 images, 512 px", split="test"),
            None,
        ),
        Row(
            "accuracy, 1,600 images of 256 px, 30 epochs",
            0.902,
            Score("CNN, 1600 images, 256 px", split="test"),
            Score("CNN, grouped, real and synthetic", split="test"),
        ),
        Row(
            "the same without synthetic images",
            "lower",
            None,
            Score("CNN, grouped, real alone", split="test"),
        ),
        Row(
            "gain of accuracy by synthetic images",
            "more than 0",
            None,
            Gain("CNN, grouped, real and synthetic", "CNN, grouped, real alone"),
        ),
        Row("PSNR of 1,600 images of 512 px, dB", 33.6, Nearness("1600 images, 512 px", "psnr"), None),
        Row("SSIM of 1,600 images of 512 px", 0.91, Nearness("1600 images, 512 px", "ssim"), None),
    ],
    sections=[
        Table(
            "Table III: images made",
            ("size", "images", "tumour, claimed", "no tumour, claimed", "tumour", "no tumour"),
            _made(),
        ),
        Table(
            "Table IV: PSNR, MSE and SSIM",
            (
                *("size", "images", "PSNR, claimed", "MSE, claimed", "PSNR of that MSE", "SSIM, claimed"),
                *("PSNR", "MSE", "SSIM"),
            ),
            _quality(),
            "Measured against the nearest training image: the paper does not say what it compares with, and there is "
            "no original of a synthetic image. Its figures contradict each other in every row: an MSE of 0.015 of "
            "images in [0, 1] is a PSNR of 18.2 dB, not 24.5. A high value means that an image is close to a copy, not "
            "that it is good; near-copies are refused and made again here, which the paper does not do.",
        ),
        Table(
            "Table V: accuracy by size and epochs",
            ("size", "images", *(f"{n} epochs, claimed" for n in (5, 10, 30)), "a sixth", "a third", "all", "test"),
            _accuracy(),
            "On validation after a sixth, a third and all of the epochs, which are 5, 10 and 30 without a budget; then "
            "on the test images. The generators have seen all of these. The paper prints losses, too; a loss depends "
            "on the network's scale, and is not compared.",
        ),
        Table(
            "Table VI: against other GANs at 256 px",
            ("class", "method", "SSIM, claimed", "PSNR, claimed", "SSIM", "PSNR"),
            _comparison(),
        ),
        Pictures("25 images of each size", [f"1600 images, {side} px" for side in _SIDES]),
        Pictures("25 images by each method", [f"{method}, images" for method in _COMPARED]),
        Courses("Accuracy and loss", ["CNN, 1200 images, 512 px", "CNN, 1600 images, 256 px"]),
    ],
    differences=[
        "The paper does not say what its CNN is tested on. As they did it: a fifth of the 400 images, drawn at "
        "random, of which the generators have seen all. Done right, at 256 px: copies on one side, a generator that "
        "has seen no test image, three seeds of the CNN, as many steps with and without synthetic images. Patients are "
        "not known, and slices of one may be on both sides.",
        "At 512 px Table II's dense layer would have 5·10⁸ weights; there the network has the mean over its map before "
        "that layer.",
        "Neither epochs, batches and rates of the GANs nor batches and rates of the CNN are printed: here 200 epochs "
        "of batches of 8, and batches of 16 at 0.001. A fifth of the training images chooses the CNN's best epoch.",
        "The paper says 95.1 % in its abstract and table, and 94.1 % at its end.",
    ],
)
