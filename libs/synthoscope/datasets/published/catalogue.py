"""Which published datasets are known by name: licence, origin, and what a right copy is.

MedMNIST: names, MD5 sums, licences and labels as in the information of package medmnist 3.0.2 (Yang et al., MedMNIST
v2, doi:10.1038/s41597-022-01721-8). Left out are chestmnist, whose images have several labels, and the
volumes. Labels lose what class names may not have (commas, brackets).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from synthoscope.rpc.errors import InvalidInput

MEDMNIST_RECORD = "10519652"
"""On Zenodo."""


@dataclass(frozen=True)
class ZenodoFile:
    """A file of a record on Zenodo, with the MD5 of its bytes."""

    record: str
    file: str
    md5: str

    @property
    def path(self) -> str:
        """Where it is on Zenodo's host."""
        return f"/records/{self.record}/files/{self.file}?download=1"


@dataclass(frozen=True)
class KaggleDataset:
    """A version of a dataset on Kaggle, with its images by split."""

    handle: str
    images: Mapping[str, int]


@dataclass(frozen=True)
class PublishedSet:
    """A dataset that somebody has published; `class_names` by label, for sets whose labels are numbers."""

    name: str
    title: str
    licence: str
    page: str
    origin: ZenodoFile | KaggleDataset
    class_names: tuple[str, ...] = ()


def published_set(name: str) -> PublishedSet:
    """The set of a name. Raises InvalidInput, listing the names."""
    if name == "chestmnist":
        raise InvalidInput("name", "chestmnist gives an image several labels; sets with one are read")
    if name not in PUBLISHED:
        raise InvalidInput("name", f"{name!r} is not known; choose from {', '.join(PUBLISHED)}")
    return PUBLISHED[name]


def _medmnist(name: str, md5: str, *class_names: str, licence: str = "CC BY 4.0") -> PublishedSet:
    origin = ZenodoFile(MEDMNIST_RECORD, f"{name}.npz", md5)
    page = f"https://zenodo.org/records/{MEDMNIST_RECORD}"
    return PublishedSet(name, f"{name}, of MedMNIST v2, 28 × 28 pixels", licence, page, origin, class_names)


_ORGANS = (
    "bladder", "femur-left", "femur-right", "heart", "kidney-left", "kidney-right", "liver", "lung-left", "lung-right",
    "pancreas", "spleen",
)  # fmt: skip

_SETS = (
    PublishedSet(
        "brain-tumor-mri",
        "Brain Tumor MRI Dataset, M. Nickparvar, 2021",
        "CC0 1.0, as the publisher states; compiled of sets under CC BY 4.0 and others: cite them too",
        "https://www.kaggle.com/datasets/masoudnickparvar/brain-tumor-mri-dataset",
        KaggleDataset("masoudnickparvar/brain-tumor-mri-dataset/versions/1", {"train": 5712, "test": 1311}),
    ),
    PublishedSet(
        "chest-xray-pneumonia",
        "Chest X-Ray Images (Pneumonia), Kermany, Zhang, Goldbaum, 2018, doi:10.17632/rscbjbr9sj",
        "CC BY 4.0",
        "https://www.kaggle.com/datasets/paultimothymooney/chest-xray-pneumonia",
        KaggleDataset("paultimothymooney/chest-xray-pneumonia/versions/2", {"train": 5216, "test": 624}),
    ),
    _medmnist(
        "pathmnist", "a8b06965200029087d5bd730944a56c1",
        "adipose", "background", "debris", "lymphocytes", "mucus", "smooth muscle", "normal colon mucosa",
        "cancer-associated stroma", "colorectal adenocarcinoma epithelium",
    ),
    _medmnist(
        "dermamnist", "0744692d530f8e62ec473284d019b0c7",
        "actinic keratoses and intraepithelial carcinoma", "basal cell carcinoma", "benign keratosis-like lesions",
        "dermatofibroma", "melanoma", "melanocytic nevi", "vascular lesions", licence="CC BY-NC 4.0",
    ),
    _medmnist(
        "octmnist", "c68d92d5b585d8d81f7112f81e2d0842",
        "choroidal neovascularization", "diabetic macular edema", "drusen", "normal",
    ),
    _medmnist("pneumoniamnist", "28209eda62fecd6e6a2d98b1501bb15f", "normal", "pneumonia"),
    _medmnist("retinamnist", "bd4c0672f1bba3e3a89f0e4e876791e4", "0", "1", "2", "3", "4"),
    _medmnist("breastmnist", "750601b1f35ba3300ea97c75c52ff8f6", "malignant", "normal or benign"),
    _medmnist(
        "bloodmnist", "7053d0359d879ad8a5505303e11de1dc",
        "basophil", "eosinophil", "erythroblast", "immature granulocytes", "lymphocyte", "monocyte", "neutrophil",
        "platelet",
    ),
    _medmnist(
        "tissuemnist", "ebe78ee8b05294063de985d821c1c34b",
        "Collecting Duct and Connecting Tubule", "Distal Convoluted Tubule", "Glomerular endothelial cells",
        "Interstitial endothelial cells", "Leukocytes", "Podocytes", "Proximal Tubule Segments",
        "Thick Ascending Limb",
    ),
    _medmnist("organamnist", "68e3f8846a6bd62f0c9bf841c0d9eacc", *_ORGANS),
    _medmnist("organcmnist", "b9ceb9546e10131b32923c5bbeaea2b1", *_ORGANS),
    _medmnist("organsmnist", "9ab87b696fb54e2a387ebe992d6ed5f1", *_ORGANS),
)  # fmt: skip

PUBLISHED = {published.name: published for published in _SETS}
