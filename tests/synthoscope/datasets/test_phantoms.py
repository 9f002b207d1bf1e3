from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from synthoscope.classifier.networks import SeedCnn, to_input
from synthoscope.classifier.networks.network import dropout_masks, initialise_as_keras
from synthoscope.datasets.erasing import erase_lesion
from synthoscope.datasets.phantoms import LABELS, Phantom, generate, write_dataset
from synthoscope.datasets.sources import open_source

SIZE = 64
TRAIN_PER_CLASS, TEST_PER_CLASS, EPOCHS = 200, 75, 10
NO_TUMOUR = LABELS.index("notumor")


def phantoms(per_class: int, first_seed: int, size: int = 2 * SIZE) -> tuple[list[Phantom], np.ndarray]:
    labels = np.tile(np.arange(len(LABELS)), per_class)
    return [generate(LABELS[label], first_seed + n, size) for n, label in enumerate(labels)], labels


def test_the_same_seed_gives_the_same_slice() -> None:
    for label in LABELS:
        one, two = generate(label, 5), generate(label, 5)
        assert np.array_equal(one.image, two.image)
        assert np.array_equal(one.mask, two.mask)
        assert not np.array_equal(one.image, generate(label, 6).image)
        assert one.image.dtype == np.uint8
        assert one.image.shape == one.mask.shape == (128, 128)
        assert one.mask.any() == (label != "notumor")
        assert generate(label, 5, 200).image.shape == (200, 200)


def test_outside_its_mask_a_lesion_leaves_the_order_of_intensities_alone() -> None:
    for label in LABELS:
        with_lesion, without = generate(label, 8), generate("notumor", 8)
        outside = ~with_lesion.mask
        ranks = [np.argsort(np.argsort(image[outside])) for image in (with_lesion.image, without.image)]
        assert np.corrcoef(*ranks)[0, 1] > 0.98


@pytest.mark.parametrize(("label", "seed", "size"), [("tumour", 0, 64), ("glioma", 0, 31), ("glioma", -1, 64)])
def test_wrong_arguments_are_refused(label: str, seed: int, size: int) -> None:
    with pytest.raises(ValueError, match=r"label|size|negative"):
        generate(label, seed, size)


def test_a_dataset_is_written_as_folders_that_can_be_imported(tmp_path: Path) -> None:
    write_dataset(tmp_path / "a", train_per_class=3, test_per_class=2, size=48, seed=7)
    with open_source(tmp_path / "a") as found:
        pixels = {image.path: image.file.read() for image in found.images}
    assert found.classes == LABELS
    assert [sum(image.path.startswith(f"{split}/") for image in found.images) for split in ("train", "test")] == [12, 8]
    assert len(set(pixels.values())) == len(pixels)
    write_dataset(tmp_path / "b", train_per_class=3, test_per_class=2, size=48, seed=7)
    with open_source(tmp_path / "b") as again:
        assert {image.path: image.file.read() for image in again.images} == pixels
    mask = np.array(Image.open(tmp_path / "a" / "masks" / "test" / "glioma" / "glioma-0001.png"))
    assert sorted(np.unique(mask)) == [0, 255]
    assert not (tmp_path / "a" / "masks" / "test" / "notumor").exists()


@pytest.fixture(scope="module")
def drawn() -> tuple[list[Phantom], np.ndarray, list[Phantom], np.ndarray]:
    return *phantoms(TRAIN_PER_CLASS, 1_000_000), *phantoms(TEST_PER_CLASS, 2_000_000)


def shrunk(images: Sequence[np.ndarray]) -> np.ndarray:
    """Images N × SIZE × SIZE × 3, as the default preprocessing makes them."""
    small = [np.array(Image.fromarray(image).resize((SIZE, SIZE), Image.Resampling.BILINEAR)) for image in images]
    return np.repeat(np.stack(small)[..., None], 3, axis=3)


def statistics(image: np.ndarray) -> np.ndarray:
    values = image.astype(float).ravel()
    moments = [values.mean(), values.std(), *np.percentile(values, [1, 5, 10, 25, 50, 75, 90, 95, 99])]
    return np.concatenate([moments, np.histogram(values, 32, (0, 256))[0] / values.size])


@pytest.mark.training
@pytest.mark.parametrize("small", [False, True], ids=["as drawn", "as the network sees it"])
def test_global_intensity_statistics_do_not_give_the_class_away(drawn, small: bool) -> None:
    train, train_labels, test, test_labels = drawn
    inputs = [[phantom.image for phantom in part] for part in (train, test)]
    if small:
        inputs = [list(shrunk(part)[..., 0]) for part in inputs]
    features = [np.stack([statistics(image) for image in part]) for part in inputs]
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=3000)).fit(features[0], train_labels)
    assert model.score(features[1], test_labels) <= 0.5


def trained(images: np.ndarray, labels: np.ndarray) -> SeedCnn:
    generator = torch.Generator().manual_seed(0)
    network = SeedCnn(SIZE, len(LABELS))
    initialise_as_keras(network, generator)
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    pixels, targets = torch.from_numpy(images), torch.from_numpy(labels)
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(labels), generator=generator).split(32):
            logits = network(to_input(pixels[batch]), dropout_masks(0.5, len(batch), network.dropout_units, generator))
            loss = torch.nn.functional.cross_entropy(logits, targets[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return network


def predicted(network: SeedCnn, images: Sequence[np.ndarray]) -> np.ndarray:
    with torch.no_grad():
        return network(to_input(torch.from_numpy(shrunk(images)))).argmax(1).numpy()


@pytest.mark.training
@pytest.mark.timeout(900)
def test_the_first_seeds_network_learns_the_classes_and_from_the_lesions_alone(drawn) -> None:
    train, train_labels, test, labels = drawn
    network = trained(shrunk([phantom.image for phantom in train]), train_labels)
    accuracy = (predicted(network, [phantom.image for phantom in test]) == labels).mean()
    assert 0.80 <= accuracy <= 0.98
    tumours = labels != NO_TUMOUR
    erased = predicted(network, [erase_lesion(phantom.image, phantom.mask) for phantom in test])[tumours]
    assert (erased == labels[tumours]).mean() <= 0.35
    assert (erased == NO_TUMOUR).mean() > 0.5
