"""The commands, against the real servicer over real gRPC."""

import json

import pytest
from typer.testing import CliRunner

from services.training.model_servicer import ModelServicer
from synthoscope import models
from synthoscope.api.models.v1.models_pb2 import Lineage, ModelKind, ModelVersion, PromotionCheck
from synthoscope.api.models.v1.models_service_pb2_grpc import add_ModelServiceServicer_to_server
from synthoscope.cli import model
from synthoscope.cli.console import console
from synthoscope.jobs.memory import InMemoryJobStore
from synthoscope.jobs.submission import Jobs
from synthoscope.models.traffic import split_beside
from synthoscope.objects import InMemoryObjectStore
from synthoscope.rpc.errors import DataLoss, FailedPrecondition, InvalidInput, NotFound
from synthoscope.rpc.server import Registration
from synthoscope.rpc.testing import running_server

MODEL = "tenants/default/models/spots"


class NotTheThird:
    """A check that refuses versions of seed 3."""

    name = "not_the_third"

    def check(self, objects, candidate, incumbent):
        seed = candidate.lineage.seed
        return PromotionCheck(passed=seed != 3, reason=f"its seed is [b]{seed}")


FILES = {"model.onnx": bytes(range(256)) * 10_000, "predictions/test.json": b"{}"}


@pytest.fixture
def objects():
    return InMemoryObjectStore()


@pytest.fixture
def versions(objects):
    servicer = ModelServicer(objects, Jobs(objects, InMemoryJobStore()), [NotTheThird()])
    registration = Registration("synthoscope.api.models.v1.ModelService", add_ModelServiceServicer_to_server, servicer)
    record = ModelVersion(kind=ModelKind.MODEL_KIND_CLASSIFIER, preset="cnn-64", classes=["a", "b"])
    found = []
    for seed in (1, 2, 3):
        record.lineage.CopyFrom(Lineage(seed=seed))
        found.append(models.publish(objects, MODEL, record, FILES).name.rpartition("/")[2])
    with running_server([registration]) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("SYNTHOSCOPE_CLIENT_TOKEN", server.token)
        patch.setenv("SYNTHOSCOPE_CLIENT_ENDPOINTS__TRAINING", server.address)
        patch.setattr(console, "_width", 240)  # $COLUMNS counts only where the console was not made under another
        yield found


def run(*arguments):
    done = CliRunner().invoke(model.app, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_promoting_and_rolling_back(versions):
    first, second, _ = versions
    said = run("promote", f"spots@{first}", "--as", "champion")
    assert said.splitlines() == ["not_the_third: its seed is [b]1", f"spots@{first} is now champion"]
    promotion = json.loads(run("promote", f"spots@{second}", "--as", "champion", "--json"))
    assert promotion["modelVersion"] == f"{MODEL}/versions/{second}"
    assert promotion["previous"] == f"{MODEL}/versions/{first}"
    assert run("rollback", "spots", "--alias", "champion") == (
        f"spots@{first} is now champion; before, spots@{second} was\n"
    )
    (alias,) = json.loads(run("aliases", "spots", "--json"))
    assert (alias["name"], alias["modelVersion"]) == (f"{MODEL}/aliases/champion", f"{MODEL}/versions/{first}")
    assert f"spots@{first}" in run("aliases", MODEL)


def test_a_refused_promotion_says_why_and_is_listed(versions):
    with pytest.raises(FailedPrecondition, match="not_the_third: its seed is"):
        run("promote", "spots", "--as", "champion")
    run("promote", f"spots@{versions[0]}", "--as", "champion")
    listed = run("promotions", "spots")
    assert "refused: not_the_third: its seed is [b]3" in listed
    assert "accepted" in listed
    assert [item.get("accepted", False) for item in json.loads(run("promotions", "spots", "--json"))] == [False, True]
    with pytest.raises(FailedPrecondition, match="no version had champion before"):
        run("rollback", "spots", "--alias", "champion")


def test_checks_alone_change_nothing(versions):
    said = run("promote", f"spots@{versions[0]}", "--as", "champion", "--check-only")
    assert said.splitlines()[-1] == f"spots@{versions[0]} may become champion"
    with pytest.raises(FailedPrecondition):
        run("promote", "spots", "--as", "champion", "--check-only")
    assert json.loads(run("promotions", "spots", "--json")) == []
    with pytest.raises(NotFound):
        run("card", "spots@champion")


def test_a_version_is_tried_out_beside_an_alias(versions, objects):
    run("promote", f"spots@{versions[0]}", "--as", "champion")
    said = run("try-out", f"spots@{versions[1]}", "--beside", "champion", "--canary", "5", "--shadow", "100")
    assert said == f"spots@{versions[1]} answers 5 % of champion's images, and shadows 100 %\n"
    split = split_beside(objects, f"{MODEL}/versions/champion")
    assert (split.candidate, split.canary, split.shadow) == (f"{MODEL}/versions/{versions[1]}", 0.05, 1)
    assert json.loads(run("try-out", "spots@champion", "--beside", "champion", "--json")).get("canary", 0) == 0
    assert split_beside(objects, f"{MODEL}/versions/champion") is None
    assert run("try-out", "spots", "--beside", "champion") == "nothing is tried out beside champion any more\n"


def test_a_card_is_printed_by_alias(versions):
    run("promote", f"spots@{versions[1]}", "--as", "champion")
    assert run("card", "spots@champion").startswith(f"# Model card: {MODEL}/versions/{versions[1]}\n")
    card = json.loads(run("card", "spots@champion", "--json"))
    assert card["published"]["name"] == f"{MODEL}/versions/{versions[1]}"
    assert card["lineage"]["seed"] == 2


def test_files_are_downloaded_as_they_were_published(versions, tmp_path):
    said = run("download", f"spots@{versions[0]}", "--out", str(tmp_path / "all"))
    assert "2,560,000 bytes" in said
    for path, data in FILES.items():
        assert (tmp_path / "all" / path).read_bytes() == data
    run("download", "spots", "--file", "predictions/test.json", "--out", str(tmp_path / "one"))
    assert [file.name for file in (tmp_path / "one").rglob("*.*")] == ["test.json"]


def test_files_that_are_not_there_or_are_damaged_are_not_written(versions, objects, tmp_path):
    name = f"spots@{versions[0]}"
    with pytest.raises(NotFound, match=r"has no file weights; it has model\.onnx, predictions/test\.json"):
        run("download", name, "--file", "weights", "--out", str(tmp_path))
    with pytest.raises(InvalidInput, match=r"file: '\.\./weights' must be a relative path"):
        run("download", name, "--file", "../weights", "--out", str(tmp_path))
    key = f"{MODEL}/versions/{versions[0]}/model.onnx"
    objects.put(key, FILES["model.onnx"][1:])
    with pytest.raises(DataLoss, match=r"model\.onnx of .* does not have its SHA-256"):
        run("download", name, "--file", "model.onnx", "--out", str(tmp_path))
    objects.delete(key)
    with pytest.raises(DataLoss, match=r"has lost its file model\.onnx"):
        run("download", name, "--file", "model.onnx", "--out", str(tmp_path))
    assert not list(tmp_path.iterdir())
