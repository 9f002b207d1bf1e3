"""X-rays and MRI: resized, normalised, denoised; a CNN with Grad-CAM."""

from synthoscope.api.images.v1.preprocessing_pb2 import Denoising, Preprocessing, PreprocessingStep
from synthoscope.api.training.v1.training_pb2 import Augmentation, ClassifierTrainingConfig
from synthoscope.reproduction.recipe import Changed, Courses, Derived, Imported, Network, Overlays, Recipe, Row, Score
from synthoscope.reproduction.seeds.data import BRAIN, CHEST, drawn

_DENOISED = Preprocessing(
    steps=[PreprocessingStep(denoising=Denoising(method=Denoising.METHOD_MEDIAN, size=3))],
)
_CNN = ClassifierTrainingConfig(
    preset="cnn-128",
    epochs=30,
    augmentation=Augmentation(rotation_degrees=10, horizontal_flip=True, zoom=0.1),
)

_CLAIMS = {"accuracy": 0.942, "macro_precision": 0.935, "macro_recall": 0.928, "macro_f1": 0.931}


def _denoised(images: Imported) -> Imported:
    return Imported(images.folder, images.made_up, images.patients, _DENOISED)


def _rows(what: str, as_they_did: str, done_right: str) -> list[Row]:
    return [
        Row(
            f"{score.replace('_', ' ')}, {what}",
            claimed,
            Score(as_they_did, score, "test"),
            Score(done_right, score, "test"),
        )
        for score, claimed in _CLAIMS.items()
    ]


SEED2 = Recipe(
    title="Medical image classification by CNN with Grad-CAM",
    paper="A CNN with convolutions, pooling and dense layers classifies X-rays and MRI that were resized, normalised "
    "and denoised, changed by rotation, flips and scaling, and divided into training, validation and test images. "
    "Accuracy 94.2 %, precision 93.5 %, recall 92.8 %, F1 93.1 %. It warns of low-quality images, and hopes that "
    "images taken under different conditions make it robust to brightness, contrast and resolution.",
    steps={
        "chest": _denoised(CHEST),
        "brain": _denoised(BRAIN),
        "chest at random": Derived("chest", drawn(0.15, ungrouped=True)),
        "brain at random": Derived("brain", drawn(0.15, ungrouped=True)),
        "chest as they did": Network("chest at random", _CNN),
        "brain as they did": Network("brain at random", _CNN),
        "chest done right": Network("chest", _CNN, seeds=3),
        "brain grouped": Derived("brain", drawn(0.15)),
        "brain done right": Network("brain grouped", _CNN, seeds=3),
    },
    rows=[
        *_rows("X-rays", "chest as they did", "chest done right"),
        *_rows("MRI", "brain as they did", "brain done right"),
    ],
    sections=[
        Courses("Accuracy and loss", ["chest as they did", "brain as they did"]),
        Changed(
            "Changed X-rays: brightness, contrast, resolution, and low quality by noise, blur, JPEG", "chest done right"
        ),
        Changed("Changed MRI", "brain done right"),
        Overlays("Where the network looks: X-rays", "chest done right"),
        Overlays("Where the network looks: MRI", "brain done right"),
    ],
    differences=[
        "The paper names neither its data nor its network's layers; here the first seed paper's network on public sets "
        "of both kinds, images denoised by a median of 3 × 3.",
        "As they did it: 15 % of all images drawn at random for testing, copies of one picture and images of one "
        "patient on both sides. Done right: the official test images of the X-rays; of the MRI 15 % drawn by groups of "
        "copies, as patients are not known there.",
        "The paper has one set of scores for all; each kind is compared with it. It prints neither epochs, batches, "
        "rates, angles, scales nor shares: here 30 epochs, batches of 32, Adam at 0.001, 10°, a tenth, 15 % for "
        "testing.",
        "Changed images are of one seed, and at most 300.",
        "X-rays are mirrored in training, as the paper has it, though a heart is on one side.",
    ],
)
