"""Cross-validation by the command, on a real stack."""

import json

import pytest
from typer.testing import CliRunner

from synthoscope.cli.app import app
from synthoscope.client import Client
from synthoscope.local.state import StackState

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]


def test_every_training_image_is_tested_on_once_and_no_test_image_is_touched(
    stack: StackState, client: Client, dataset: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYNTHOSCOPE_HOME", str(stack.home))
    name = f"e2e@{dataset.rpartition('/')[2]}"
    command = ["classifier", "cross-validate", name, "--folds", "2", "--preset", "cnn-64", "--epochs", "1"]
    first, again = (CliRunner().invoke(app, [*command, "--set", "batch_size=16", "--json"]) for _ in range(2))
    assert first.exit_code == 0, first.output
    versions = json.loads(first.stdout)
    assert [item["name"].split("/")[3] for item in versions] == ["classifier-fold-0", "classifier-fold-1"]
    counts = {
        item.label: item.count for item in client.datasets.get(dataset).counts if item.split == 1
    }  # the training split's
    tested = [next(part for part in item["evaluations"] if part["split"] == "test") for item in versions]
    for label, count in counts.items():
        images = [int(row["support"]) for part in tested for row in part["classes"] if row["label"] == label]
        assert sum(images) == count
    assert [item["name"] for item in json.loads(again.stdout)] == [item["name"] for item in versions]
