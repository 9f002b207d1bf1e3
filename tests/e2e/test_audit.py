"""An audit on a real stack, from a folder with planted copies to what is derived and trained without them."""

from pathlib import Path

import pytest
from PIL import Image, ImageOps

from synthoscope.api.datasets.v1.datasets_pb2 import Derivation
from synthoscope.api.jobs.v1.jobs_pb2 import JobKind
from synthoscope.api.training.v1.training_pb2 import ClassifierTrainingConfig
from synthoscope.client import Client
from synthoscope.datasets.phantoms import write_dataset
from synthoscope.rpc.errors import FailedPrecondition

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 phantoms and three copies of them in the test split: one of identical pixels, one mirrored, one re-encoded."""
    folder = tmp_path_factory.mktemp("planted")
    write_dataset(folder, 8, 2, 96, 11)
    originals = sorted((folder / "train").rglob("*.png"))
    (folder / "test/glioma/same.png").write_bytes(originals[0].read_bytes())
    ImageOps.mirror(Image.open(originals[1])).save(folder / "test/glioma/mirrored.png")
    Image.open(originals[2]).save(folder / "test/glioma/encoded.jpg", quality=85)
    return folder


def test_copies_are_found_left_out_and_told_of_beside_the_accuracy(client: Client, planted: Path) -> None:
    version = client.datasets.import_source(planted, "planted")
    with pytest.raises(FailedPrecondition, match="dataset audit"):
        client.datasets.derive(version.name, Derivation(split={"deduplication": {}}))

    # Training asks for the audit when nobody else has.
    config = ClassifierTrainingConfig(preset="cnn-64", epochs=1, batch_size=8)
    job = client.jobs.wait(client.models.train_classifier(version.name, "planted", config, ()).name)
    evaluations = {item.split: item for item in client.models.get(job.result).evaluations}
    images = {split: sum(label.support for label in item.classes) for split, item in evaluations.items()}

    # So this job finds it there and ends at once.
    audited = client.jobs.wait(client.datasets.audit(version.name).name)
    assert audited.kind == JobKind.JOB_KIND_DATASET_AUDIT
    assert audited.result == f"{version.name}/audit"
    found = client.datasets.get_audit(audited.result)
    across = [pair for pair in found.pairs if pair.split_a != pair.split_b]
    assert {(pair.a, pair.kind, pair.transform) for pair in across} == {
        ("test/glioma/same.png", "exact", "none"),
        ("test/glioma/mirrored.png", "mirrored", "mirror"),
        ("test/glioma/encoded.jpg", "near", "none"),
    }
    copies = {pair.a for pair in across}
    assert found.splits.test_with_twin_in_train["all"].count == 3
    assert (images["test"], images["test-deduplicated"]) == (11, 8)

    derived = client.datasets.derive(version.name, Derivation(split={"deduplication": {}}))
    compared = client.datasets.compare(version.name, derived.name)
    assert {change.path for change in compared.changes if not change.HasField("after")} == copies
    assert compared.change_count == 3
    with pytest.raises(FailedPrecondition, match="referred to by"):
        client.datasets.delete(version.name)
    client.datasets.delete(derived.name)
