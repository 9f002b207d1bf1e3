"""The page and the record of a run whose results are known."""

import json

import pytest

from synthoscope.api.classification.v1.classification_pb2 import Diagnosis
from synthoscope.api.datasets.v1.datasets_pb2 import DatasetVersion
from synthoscope.api.images.v1.images_pb2 import ImageRef
from synthoscope.api.models.v1.models_pb2 import (
    ClassMetrics,
    ConfusionRow,
    Curve,
    Evaluation,
    Interval,
    ModelEvaluation,
    ModelVersion,
    Robustness,
    SampleGrid,
)
from synthoscope.api.synthesis.v1.synthesis_pb2 import SyntheticSet
from synthoscope.reproduction.budget import Plan
from synthoscope.reproduction.page import Facts, record, render, scaled
from synthoscope.reproduction.recipe import (
    AtEpoch,
    Changed,
    Confusions,
    Courses,
    Evaluated,
    Gan,
    Imported,
    Nearness,
    Network,
    Overlays,
    Pictures,
    Recipe,
    Row,
    Score,
    Seconds,
    SyntheticImages,
    Table,
)
from synthoscope.reproduction.running import Explained, Results, ends
from synthoscope.reproduction.values import value_of, verdict

PNG = b"\x89PNG picture"

RECIPE = Recipe(
    title="A paper on <b>images</b>",
    paper="It claims much.",
    steps={
        "images": Imported("images", {"glioma": "sick"}),
        "gan": Gan("images", None),
        "made": SyntheticImages("gan", {"sick": 10}),
        "network": Network("images", None, ("made",), seeds=2),
        "again": Evaluated("network", "images"),
    },
    rows=[
        Row("accuracy", 0.9, Score("again"), Score("network", split="test")),
        Row("recall", "high", None, Score("network", "recall", "test", "sick")),
    ],
    sections=[
        Table("Numbers", ("name", "claimed", "found", "seconds", "nearness"), [
            ["first", 24.5, AtEpoch("network", 0.5), Seconds("network"), Nearness("made", "psnr")],
        ], "A note."),
        Pictures("Pictures", ["made", "gan"]),
        Courses("Courses", ["network"]),
        Confusions("Confusions", {"test": Score("network", split="test")}),
        Overlays("Overlays", "network"),
        Changed("Changed", "network"),
    ],
    differences=["Much."],
)  # fmt: skip


def evaluation(accuracy, split="test", images=10, interval=None):
    found = Evaluation(
        split=split,
        accuracy=accuracy,
        classes=[ClassMetrics(label="sick", recall=accuracy, support=images), ClassMetrics(label="well", support=0)],
        confusion=[ConfusionRow(counts=[8, 2]), ConfusionRow(counts=[1, 9])],
    )
    if interval:
        found.intervals["accuracy"].CopyFrom(Interval(low=interval[0], high=interval[1]))
    return found


def model(accuracy, seed):
    curves = [
        Curve(metric=name, steps=[1, 2, 3, 4], values=[0.1, 0.2, 0.3, 0.4])
        for name in ("validation_accuracy", "training_loss")
    ]
    return ModelVersion(
        name=f"tenants/t/models/network/versions/{seed}",
        evaluations=[evaluation(accuracy)],
        curves=curves,
        robustness=[
            Robustness(accuracy=0.8),
            *(Robustness(change="blur", strength=s, accuracy=0.1 * s) for s in (1, 2)),
        ],
    )


@pytest.fixture
def results():
    grids = [SampleGrid(step=step, label="sick", image=ImageRef(name=f"grid{step}")) for step in (200, 1, 100)]
    return Results(
        plan=Plan(10.0, 0.25, 1.0, 0.5),
        versions={"images": DatasetVersion(name="tenants/t/datasets/images/versions/v")},
        gans={"gan": ModelVersion(name="tenants/t/models/gan/versions/g", sample_grids=grids)},
        sets={"made": SyntheticSet(name="tenants/t/syntheticSets/s", grid=ImageRef(name="grid"))},
        networks={"network": [model(0.7, 0), model(0.8, 1)]},
        evaluations={"again": [ModelEvaluation(name="e", evaluation=evaluation(0.92, interval=(0.88, 0.95)))]},
        explained={"network": [Explained("sick", Diagnosis(label="well"), PNG, PNG)]},
        seconds={"network, seed 0": 10.0, "network, seed 1": 20.0, "network": 99.0},
        pictures=dict.fromkeys(("grid", "grid1", "grid100", "grid200"), PNG),
    )


FACTS = Facts("seed9", made_up=True, seconds=90.0)


def test_the_page_is_whole(results):
    page = render(RECIPE, results, FACTS)
    for text in (
        "A paper on &lt;b&gt;images",
        "On made-up images",
        "0.92 (0.88 to 0.95)",
        "0.75 (0.7, 0.8); no images of well",
        "agrees as they did it; not reached done right",
        "scaled to 10 minutes: of the paper&#39;s amounts, generators 25 %, classifiers 50 %",
        "too few images to measure",
        "sick, step 1",
        "sick, step 200",
        "sick, answered well",
        "unchanged 0.800",
        "tenants/t/models/network/versions/1",
        "A note.",
    ):
        assert text in page, text
    assert "sick, step 100" not in page
    assert page.count("<svg") == 2
    assert page.count("scaled to 10 minutes") >= 1 + len(RECIPE.sections)
    assert "<script" not in page
    assert "http" not in page.replace("http://www.w3.org", "").replace("http://purl.org", "").replace(
        "https://matplotlib.org", ""
    ).replace("http://creativecommons.org", "")


def test_the_record_is_json_with_all_figures(results):
    found = json.loads(json.dumps(record(RECIPE, results, FACTS)))
    first, second = found["rows"]
    assert first["as_they_did"] == {"figures": [0.92], "interval": [0.88, 0.95], "note": "no images of well"}
    assert first["done_right"]["figures"] == [0.7, 0.8]
    assert first["verdict"] == "agrees as they did it; not reached done right"
    assert (second["claimed"], second["verdict"]) == ("high", "")
    assert found["tables"]["Numbers"][0]["found"]["figures"] == [0.2, 0.2]
    assert found["share_of_the_papers_amounts"] == {"generators": 0.25, "images": 1.0, "classifiers": 0.5}
    assert found["made"]["network"][1].endswith("/1")
    assert found["made_up_images"]


def test_a_run_of_the_papers_amounts_is_not_said_to_be_scaled(results):
    results.plan = Plan(0.0)
    assert scaled(results) == ""
    assert "scaled" not in render(RECIPE, results, FACTS)


@pytest.mark.parametrize(
    ("claimed", "said"),
    [
        (0.5, "exceeded as they did it; exceeded done right"),
        (0.75, "exceeded as they did it; agrees done right"),
        ("x", ""),
    ],
)
def test_a_claim_is_compared_with_what_was_measured(results, claimed, said):
    assert verdict(Row("accuracy", claimed, Score("again"), Score("network", split="test")), results) == said


def test_what_was_not_measured_is_not_shown_as_a_number(results):
    missing = value_of(Score("network", split="test-deduplicated"), results)
    assert (missing.mean, missing.text) == (None, "not measured")
    assert value_of(Score("network", "recall", "test", "well"), results).mean is None
    assert verdict(Row("accuracy", 0.9, None, Score("network", split="validation")), results) == ""


def test_nearness_is_of_a_whole_set_or_of_a_class(results):
    results.sets["made"].measurement.update(
        {"generated_nearness": {"psnr": 20.0}, "nearness_by_class": {"sick": {"psnr": 18.0}}}
    )
    assert value_of(Nearness("made", "psnr"), results).figures == [20.0]
    assert value_of(Nearness("made", "psnr", "sick"), results).figures == [18.0]
    assert value_of(Nearness("made", "psnr", "well"), results).text == "too few images to measure"


def test_seconds_are_the_mean_over_seeds_and_numbers_are_as_the_paper_prints_them(results):
    assert value_of(Seconds("network"), results).figures == [43.0]
    results.seconds.pop("network")
    assert value_of(Seconds("network"), results).figures == [15.0]
    assert [value_of(cell, results) for cell in (None, "x", 0.951, 1309, 24.5)] == ["", "x", "0.951", "1,309", "24.5"]


def test_a_generator_without_grids_has_none(results):
    assert ends(ModelVersion()) == {}
    assert set(ends(results.gans["gan"])) == {("sick", 1), ("sick", 200)}
