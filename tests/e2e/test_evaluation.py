"""Measuring a published classifier again by the command, on a real stack."""

import json

import pytest
from typer.testing import CliRunner

from synthoscope.cli.app import app
from synthoscope.client import Client
from synthoscope.local.state import StackState

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]


def test_a_version_is_as_good_on_its_own_test_images_as_its_record_says(
    stack: StackState, client: Client, dataset: str, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYNTHOSCOPE_HOME", str(stack.home))
    record = client.models.get(model)
    recorded = next(item for item in record.evaluations if item.split == "test")
    done = CliRunner().invoke(app, ["classifier", "evaluate", model, dataset, "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["name"].startswith(f"{record.name}/evaluations/")
    assert found["evaluation"]["accuracy"] == pytest.approx(recorded.accuracy)
    assert [row["support"] for row in found["evaluation"]["classes"]] == ["10"] * 4
    shown = CliRunner().invoke(app, ["classifier", "evaluate", model, dataset, "--split", "train"])
    assert shown.exit_code == 0, shown.output
    assert "160 of the images are among those it was trained with" in " ".join(shown.output.split())
    assert len(client.models.evaluations(record.name)) == 2
