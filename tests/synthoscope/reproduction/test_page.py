"""The page and the record of a run whose results are known."""

import json
from dataclasses import replace

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
    Lineage,
    ModelEvaluation,
    ModelVersion,
    Robustness,
    SampleGrid,
)
from synthoscope.api.synthesis.v1.synthesis_pb2 import SyntheticSet
from synthoscope.api.training.v1.training_pb2 import ClassifierTrainingConfig, GanTrainingConfig
from synthoscope.models.predictions import ImagePredictions
from synthoscope.reproduction.amounts import amounts, scaled
from synthoscope.reproduction.budget import Plan
from synthoscope.reproduction.page import render
from synthoscope.reproduction.recipe import (
    AtEpoch,
    Changed,
    Confusions,
    Count,
    Courses,
    Evaluated,
    Gain,
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
from synthoscope.reproduction.record import Facts, record
from synthoscope.reproduction.running import Explained, Results, ends
from synthoscope.reproduction.values import value_of, verdict

PNG = b"\x89PNG picture"
CONFIG = ClassifierTrainingConfig(preset="cnn-64", epochs=4)

RECIPE = Recipe(
    title="A paper on <b>images</b>",
    paper="It claims much.",
    steps={
        "images": Imported("images", {"glioma": "sick"}),
        "gan": Gan("images", GanTrainingConfig(preset="dcgan-64", epochs=40)),
        "made": SyntheticImages("gan", {"sick": 10}),
        "network": Network("images", CONFIG, ("made",), seeds=2),
        "alone": Network("images", CONFIG, seeds=2),
        "again": Evaluated("network", "images"),
    },
    rows=[
        Row("accuracy", 0.9, Score("again"), Score("network", split="test")),
        Row("recall", "high", None, Score("network", "recall", "test", "sick")),
        Row("gain", "more than 0", None, Gain("network", "alone")),
    ],
    sections=[
        Table("Numbers", ("name", "claimed", "found", "seconds", "nearness", "count"), [
            ["first", 24.5, AtEpoch("network", 0.5), Seconds("network"), Nearness("made", "psnr"), Count("made")],
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
    version = ModelVersion(
        name=f"tenants/t/models/network/versions/{seed}",
        preset="cnn-64",
        image_size=64,
        lineage=Lineage(seed=seed),
        evaluations=[evaluation(accuracy)],
        curves=curves,
        robustness=[
            Robustness(accuracy=0.8),
            *(Robustness(change="blur", strength=s, accuracy=0.1 * s) for s in (1, 2)),
        ],
    )
    version.config.update({"epochs": 4, "batch_size": 32, "steps_per_epoch": 0})
    return version


def said(right):
    """Of 20 images of one class, that many answered as it."""
    images = tuple(map(str, range(20)))
    predicted = tuple(int(number >= right) for number in range(20))
    return ImagePredictions("test", "v", ("sick", "well"), images, (0,) * 20, predicted, tuple(range(20)))


@pytest.fixture
def results():
    grids = [SampleGrid(step=step, label="sick", image=ImageRef(name=f"grid{step}")) for step in (200, 1, 100)]
    return Results(
        plan=Plan(10.0, 0.25, 1.0, 0.5),
        versions={"images": DatasetVersion(name="tenants/t/datasets/images/versions/v")},
        gans={
            "gan": ModelVersion(
                name="tenants/t/models/gan/versions/g",
                preset="dcgan-64",
                sample_grids=grids,
                curves=[Curve(metric="generator_loss", steps=[100, 700], values=[1, 1])],
            )
        },
        sets={"made": SyntheticSet(name="tenants/t/syntheticSets/s", grid=ImageRef(name="grid"), counts={"sick": 10})},
        networks={"network": [model(0.7, 0), model(0.8, 1)], "alone": [model(0.6, 0), model(0.5, 1)]},
        predictions={"network": [said(14), said(16)], "alone": [said(12), said(10)]},
        evaluations={"again": [ModelEvaluation(name="e", evaluation=evaluation(0.92, interval=(0.88, 0.95)))]},
        explained={"network": [Explained("sick", Diagnosis(label="well"), PNG, PNG)]},
        seconds={"network, seed 0": 10.0, "network, seed 1": 20.0},
        pictures=dict.fromkeys(("grid", "grid1", "grid100", "grid200"), PNG),
    )


FACTS = Facts("seed9", made_up=True, seconds=90.0)


def test_the_page_is_whole(results):
    page = render(RECIPE, results, FACTS)
    for text in (
        "A paper on &lt;b&gt;images",
        "On made-up images",
        "0.92 (0.88 to 0.95)",
        "0.75 (seeds 0.7, 0.8); no images of well",
        "agrees as they did it, with 25 % of the paper&#39;s amounts; not reached done right, with 25 % of the",
        "scaled to 10 minutes: of the paper&#39;s amounts, generators 25 %, classifiers 50 %",
        "generators 10 of 40 epochs, 700 steps. synthetic images 10 of 10 images. classifiers 4 of 4 epochs",
        "cnn-64, 64 px, batch size 32, steps per epoch 0, seeds 0, 1",
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
    assert page.count("<figcaption>scaled: ") == len(RECIPE.sections)
    assert "<script" not in page
    assert "http" not in page.replace("http://www.w3.org", "").replace("http://purl.org", "").replace(
        "https://matplotlib.org", ""
    ).replace("http://creativecommons.org", "")


def test_a_page_without_pictures_shows_no_image_of_the_data_and_says_so(results):
    page = render(RECIPE, results, replace(FACTS, pictures=False))
    assert "sick, answered well" not in page
    assert "Left out here, as they show images of the data: Overlays." in page


def test_the_record_is_json_with_all_figures(results):
    found = json.loads(json.dumps(record(RECIPE, results, FACTS)))
    first, second, gain = found["rows"]
    assert first["as_they_did"] == {"figures": [0.92], "interval": [0.88, 0.95], "note": "no images of well"}
    assert first["done_right"]["figures"] == [0.7, 0.8]
    assert first["verdict"].startswith(
        "agrees as they did it, with 25 % of the paper's amounts; not reached done right"
    )
    assert (second["claimed"], second["verdict"]) == ("high", "")
    assert gain["done_right"]["figures"] == pytest.approx([0.1, 0.3])
    assert gain["verdict"].startswith("no gain shown done right")
    assert found["machine"]["processor"]
    assert found["networks"]["network"][0]["evaluations"][0]["confusion"][0]["counts"] == ["8", "2"]
    assert {step["step"]: step["seconds"] for step in found["steps"]}["network"] == 30.0
    assert found["tables"]["Numbers"][0]["found"]["figures"] == [0.2, 0.2]
    assert found["tables"]["Numbers"][0]["count"]["figures"] == [10]
    assert found["share_of_the_papers_amounts"] == {"generators": 0.25, "images": 1.0, "classifiers": 0.5}
    assert found["made"]["network"][1].endswith("/1")
    assert found["made_up_images"]


def test_a_run_of_the_papers_amounts_is_not_said_to_be_scaled(results):
    results.plan = Plan(0.0)
    assert scaled(RECIPE, results) == ""
    assert "scaled" not in render(RECIPE, results, FACTS)


def test_smaller_sides_are_said_with_every_figure(results):
    results.plan = Plan(0.0)
    smaller = replace(RECIPE, divisor=4)
    assert scaled(smaller, results) == "sides of images divided by 4, down to 64 pixels"
    assert all(
        amount.text.endswith(" px") == (name in results.gans or name in results.networks)
        for name, amount in amounts(smaller, results).items()
    )
    assert verdict(ROW, smaller, results, amounts(smaller, results)).endswith(", with smaller images")
    assert record(smaller, results, FACTS)["sides_divided_by"] == 4


@pytest.mark.parametrize(
    ("claimed", "told"),
    [
        (0.5, "exceeded as they did it; exceeded done right"),
        (0.75, "exceeded as they did it; agrees done right"),
        ("x", ""),
    ],
)
def test_a_claim_is_compared_with_what_was_measured(results, claimed, told):
    results.plan = Plan(0.0)
    assert said_of(Row("accuracy", claimed, Score("again"), Score("network", split="test")), results) == told


ROW = Row("accuracy", 0.75, None, Score("network", split="test"))


def said_of(row, results):
    return verdict(row, RECIPE, results, amounts(RECIPE, results))


def test_less_than_an_epoch_or_a_generator_that_hardly_began_gives_no_verdict(results):
    row = Row("accuracy", 0.75, None, Score("network", split="test"))
    results.plan = Plan(10.0, classifiers=0.2)
    for network in results.networks.values():
        for version in network:
            version.config.update({"epochs": 1, "steps_per_epoch": 7})
    assert said_of(row, results) == "no verdict done right: too little training"
    assert amounts(RECIPE, results)["network"].text == "7 steps, less than the first of 4 epochs"
    results.plan = Plan(10.0, generators=0.5)
    assert said_of(row, results) == "agrees done right, with 50 % of the paper's amounts"
    results.gans["gan"].curves[0].steps[1] = 499
    assert said_of(row, results) == "no verdict done right: too little training"
    results.plan = Plan(0.0)
    assert said_of(row, results) == "agrees done right"


def test_a_set_that_came_out_smaller_is_said_to_be(results):
    results.plan = Plan(0.0)
    results.sets["made"].counts["sick"] = 9
    assert amounts(RECIPE, results)["made"].text == "9 of 10 images"
    row = Row("accuracy", 0.75, None, Score("network", split="test"))
    assert said_of(row, results) == "agrees done right, with 90 % of the paper's amounts"


def test_a_gain_is_told_from_chance_by_images_and_seeds(results):
    results.plan = Plan(0.0)
    row = Row("gain", 0.2, None, Gain("network", "alone"))
    assert said_of(row, results) == "no gain shown, agrees done right"
    results.predictions |= {"network": [said(20), said(19)], "alone": [said(3), said(2)]}
    assert said_of(row, results) == "a gain, exceeded done right"
    results.predictions |= {"network": results.predictions["alone"], "alone": results.predictions["network"]}
    assert said_of(row, results) == "a loss, not reached done right"
    results.predictions |= {name: results.predictions[name][:1] for name in ("network", "alone")}
    assert "a single seed" in value_of(Gain("network", "alone"), results).text
    assert said_of(row, results) == "nothing shown by a single seed done right"


def test_the_interval_of_several_seeds_is_that_of_their_mean(results):
    for version, low in zip(results.networks["network"], (0.6, 0.7), strict=True):
        version.evaluations[0].intervals["accuracy"].CopyFrom(Interval(low=low, high=low + 0.2))
    found = value_of(Score("network", split="test"), results)
    assert found.interval == pytest.approx((0.65, 0.85))
    assert found.text == "0.75 (0.65 to 0.85; seeds 0.7, 0.8); no images of well"
    for version in results.networks["network"]:
        version.evaluations[0].intervals["accuracy"].CopyFrom(Interval(low=0.74, high=0.76))
    assert value_of(Score("network", split="test"), results).interval == pytest.approx((0.7, 0.8))


def test_what_was_not_measured_is_not_shown_as_a_number(results):
    missing = value_of(Score("network", split="test-deduplicated"), results)
    assert (missing.mean, missing.text) == (None, "not measured")
    assert value_of(Score("network", "recall", "test", "well"), results).mean is None
    assert said_of(Row("accuracy", 0.9, None, Score("network", split="validation")), results) == ""


def test_nearness_is_of_a_whole_set_or_of_a_class(results):
    results.sets["made"].measurement.update(
        {"generated_nearness": {"psnr": 20.0, "mse": 650.25}, "nearness_by_class": {"sick": {"psnr": 18.0}}}
    )
    # 20 dB are a mean squared error of 0.01 of values in [0, 1].
    assert value_of(Nearness("made", "mse"), results).figures == [pytest.approx(0.01)]
    assert value_of(Nearness("made", "psnr"), results).figures == [20.0]
    assert value_of(Nearness("made", "psnr", "sick"), results).figures == [18.0]
    assert value_of(Nearness("made", "psnr", "well"), results).text == "too few images to measure"


def test_seconds_are_the_mean_over_seeds_and_numbers_are_as_the_paper_prints_them(results):
    assert value_of(Seconds("network"), results).figures == [15.0]
    assert [value_of(cell, results) for cell in (None, "x", 0.951, 1309, 24.5)] == ["", "x", "0.951", "1,309", "24.5"]


def test_a_generator_without_grids_has_none(results):
    assert ends(ModelVersion()) == {}
    assert set(ends(results.gans["gan"])) == {("sick", 1), ("sick", 200)}
