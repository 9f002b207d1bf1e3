import json
import math

import numpy as np
import pytest
from markdown_it import MarkdownIt

from synthoscope import models
from synthoscope.api.models.v1.models_pb2 import (
    ConformalPrediction,
    Evaluation,
    Lineage,
    ModelKind,
    ModelOutput,
    ModelVersion,
    OutOfDistribution,
    Reliability,
    Robustness,
    Subgroup,
    SubgroupGap,
    SyntheticUse,
)
from synthoscope.api.synthesis.v1.synthesis_pb2 import Admission
from synthoscope.metrics.evaluating import evaluate
from synthoscope.metrics.predictions import Predictions
from synthoscope.models.card import JSON, MARKDOWN, card_files, card_json, card_markdown
from synthoscope.objects import InMemoryObjectStore

DATASET = "tenants/t/datasets/brain/versions/0123456789abcdef"
CLASSES = ("glioma", "no_tumor")


def evaluation(split):
    labels = np.arange(40) % 2
    probabilities = np.tile(np.array([0.8, 0.2], np.float32), (40, 1))
    probabilities[labels == 1] = (0.3, 0.7)
    probabilities[:3] = (0.1, 0.9)
    return evaluate(Predictions(labels, probabilities, np.arange(40)), CLASSES, split)


def classifier():
    test = evaluation("test")
    test.refused = 0.025
    test.subgroups.append(Subgroup(column="sex", value="F", images=20, accuracy=0.875, balanced_accuracy=0.87))
    test.worst_gap.CopyFrom(SubgroupGap(column="sex", worst="F", best="M", difference=0.0625))
    record = ModelVersion(
        kind=ModelKind.MODEL_KIND_CLASSIFIER,
        classes=CLASSES,
        preset="cnn-64",
        image_size=64,
        evaluations=[test, Evaluation(split="test-deduplicated", left_out=40), evaluation("validation")],
        lineage=Lineage(
            dataset_version=DATASET,
            job="tenants/t/jobs/j",
            code_version="0.1.0",
            seed=11,
            synthetic_uses=[
                SyntheticUse(synthetic_set="tenants/t/syntheticSets/s1", admission=Admission.ADMISSION_ADMITTED),
                SyntheticUse(synthetic_set="tenants/t/syntheticSets/s2"),
            ],
            accepted_unadmitted=True,
        ),
        reliability=Reliability(
            temperature=1.375,
            conformal=ConformalPrediction(coverage=0.9, threshold=1.25, images=30, measured_coverage=0.915),
            out_of_distribution=OutOfDistribution(
                method="knn", neighbours=5, threshold=2.5, false_refusals=0.04, refused={"text": 0.97, "noise": 1.0}
            ),
            explanation_scales={"no_tumor": 3.5, "glioma": 4.25},
        ),
        robustness=[Robustness(accuracy=0.92), Robustness(change="blur", strength=2, parameter=1.5, accuracy=0.812)],
    )
    record.config.update({"preset": "cnn-64", "epochs": 3, "augmentation": {"zoom": 0.1, "flip": True}})
    return record


def section(text, title):
    return text.split(f"\n## {title}\n")[1].split("\n## ")[0]


def test_the_card_says_what_the_record_says():
    text = card_markdown(classifier())
    accuracy = classifier().evaluations[0].intervals["accuracy"]
    assert f"| accuracy | 0.950 ({accuracy.low:.3f} to {accuracy.high:.3f}) |" in section(text, "Results")
    assert "40 images in 40 groups" in section(text, "Results")
    assert "Not measured: all 40 images were left out." in section(text, "Results")
    assert "| sex | F | 20 | 0.875 | 0.870 | not measured |" in section(text, "Subgroups")
    assert "Worst gap: sex F is 0.062 less accurate than M." in section(text, "Subgroups")
    assert "| blur | 2 | 1.500 | 0.812 |" in section(text, "Robustness")
    assert "temperature: 1.375" in section(text, "Calibration")
    assert "hold the class of 0.900 of all images, from 30" in section(text, "Prediction sets")
    assert "by knn, 5 neighbours, is above 2.500" in section(text, "Refusals")
    assert "share of noise images that are refused: 1.000" in section(text, "Refusals")
    assert "| glioma | 4.250 |" in section(text, "Explanation scales")
    assert DATASET in section(text, "Training data")
    assert "| tenants/t/syntheticSets/s1 | admitted |" in section(text, "Training data")
    assert "| tenants/t/syntheticSets/s2 | never measured |" in section(text, "Training data")
    assert "seed: 11" in section(text, "Lineage")
    assert "not admitted" in section(text, "Intended use and limits")


def test_the_json_holds_the_same_values():
    card = card_json(classifier())
    assert json.loads(json.dumps(card)) == card
    official, deduplicated, validation = card["results"]
    assert official["scores"]["accuracy"]["value"] == 0.95
    assert official["scores"]["auroc"]["value"] == pytest.approx(classifier().evaluations[0].auroc)
    assert official["classes"][0]["recall"]["value"] == pytest.approx(18 / 20)
    assert official["confusion"] == [[18, 2], [0, 20]]
    assert deduplicated == {**deduplicated, "scores": {}, "left_out": 40}
    assert validation["subgroups"] == []
    assert card["prediction_sets"]["measured_coverage"] == 0.915
    assert card["lineage"]["config"]["epochs"] == 3
    assert card["training_data"]["accepted_unadmitted"]


def test_a_threshold_that_no_number_says_is_null_and_explained():
    record = classifier()
    record.reliability.conformal.threshold = math.inf
    card = json.loads(card_files(record)[JSON], parse_constant=pytest.fail)  # as strictly as other languages read it
    assert card["prediction_sets"]["threshold"] is None
    assert any("every class is in every set" in limit for limit in card["intended_use"]["limits"])
    assert "the images are too few; every class is in every set" in section(card_markdown(record), "Prediction sets")
    assert "every class is in every set" in section(card_markdown(record), "Intended use and limits")
    assert "every class is in every set" not in card_markdown(classifier())
    record.evaluations[0].auroc = math.nan
    assert card_json(record)["results"][0]["scores"]["auroc"]["value"] is None


def test_what_is_absent_is_said_to_be():
    bare = ModelVersion(kind=ModelKind.MODEL_KIND_CLASSIFIER, classes=CLASSES, preset="cnn-64", image_size=64)
    text = card_markdown(bare)
    assert section(text, "Results").count("Not measured.") == 3
    for title in ("Subgroups", "Robustness", "Prediction sets", "Explanation scales"):
        assert section(text, title).strip() == "Not measured."
    assert "temperature: not measured" in section(text, "Calibration")
    assert "it refuses no image" in section(text, "Refusals")
    limits = section(text, "Intended use and limits")
    for limit in ("not measured on a test split", "not calibrated", "refuses no image", "no prediction sets", "alike"):
        assert limit in limits


def test_scores_that_an_older_version_lacks_are_not_said_to_be_0():
    old = ModelVersion(kind=ModelKind.MODEL_KIND_CLASSIFIER, evaluations=[evaluation("test")])
    for field in ("balanced_accuracy", "weighted_f1", "brier", "intervals", "groups"):
        old.evaluations[0].ClearField(field)
    scores = card_json(old)["results"][0]["scores"]
    assert scores["accuracy"] == {"value": 0.95, "interval": None}
    assert not {"balanced_accuracy", "weighted_f1", "brier"} & scores.keys()


def test_limits_follow_from_what_was_measured():
    record = classifier()
    assert any("Every one of its test images has a copy" in limit for limit in limits(record))
    record.evaluations[1].CopyFrom(evaluation("test-deduplicated"))
    assert not any("copies" in limit or "copy" in limit for limit in limits(record))
    del record.evaluations[1]
    assert any("Nobody looked for copies" in limit for limit in limits(record))
    record.output = ModelOutput.MODEL_OUTPUT_FINDINGS
    record.reliability.ClearField("conformal")
    assert not any("prediction sets" in limit for limit in limits(record))


def limits(record):
    return card_json(record)["intended_use"]["limits"]


def test_findings_are_called_so_and_their_images_are_not_added_up():
    record = classifier()
    record.output = ModelOutput.MODEL_OUTPUT_FINDINGS
    assert card_json(record)["results"][0]["images"] is None
    text = card_markdown(record)
    assert "| findings | glioma, no\\_tumor |" in text
    assert "\nImages in 40 groups." in text


def test_a_gan_s_card_leaves_out_what_gans_have_not():
    text = card_markdown(ModelVersion(kind=ModelKind.MODEL_KIND_GAN, preset="dcgan-64", image_size=64))
    assert "| kind | gan |" in text
    assert "Makes images" in text
    assert "Results" not in text
    assert "Calibration" not in text


def test_a_card_can_be_one_of_the_files_of_the_version_that_it_is_about():
    objects, record = InMemoryObjectStore(), classifier()
    files = {"weights.safetensors": b"w", **card_files(record)}
    version = models.publish(objects, "tenants/t/models/m", record, files)
    assert card_files(version) == card_files(record)
    assert (
        models.publish(
            objects, "tenants/t/models/m", classifier(), {"weights.safetensors": b"w", **card_files(classifier())}
        )
        == version
    )
    assert version.name not in card_markdown(version)
    assert json.loads(models.read_file(objects, version, JSON)) == card_json(version)
    assert models.read_file(objects, version, MARKDOWN).decode() == card_markdown(version)


def test_a_published_version_s_card_tells_its_name_and_its_files():
    version = models.publish(InMemoryObjectStore(), "tenants/t/models/m", classifier(), {"weights.safetensors": b"w"})
    text = card_markdown(version, published=True)
    assert text.startswith(f"# Model card: {version.name}\n")
    assert f"| weights.safetensors | 1 | {version.files[0].sha256} |" in section(text, "Citing and verifying")
    assert card_json(version, published=True)["published"]["name"] == version.name


def test_it_is_markdown_whatever_classes_are_called():
    record = classifier()
    wild = "a|b *c* `d` <script>\n# e"
    record.classes[0] = wild
    record.evaluations[0].classes[0].label = wild
    record.config.update({"text": "```\n# f"})
    tokens = MarkdownIt("commonmark").enable("table").parse(card_markdown(record, published=True))
    headings = [tokens[place + 1].content for place, token in enumerate(tokens) if token.type == "heading_open"]
    assert headings[1] == "What it is"
    assert headings[-1] == "Citing and verifying"
    assert not any(heading in ("e", "f") for heading in headings)
    assert not any(token.type.startswith("html") for item in tokens for token in (item, *(item.children or ())))
    rows = [token.content for token in tokens if token.type == "inline" and "script" in token.content]
    shown = MarkdownIt("commonmark").enable("table").render(card_markdown(record))
    assert rows
    assert "a|b *c* `d` &lt;script&gt; # e" in shown
    widths = [
        shown_row.count("<td") for shown_row in shown.split("<tr>") if "&lt;script&gt; # e</td>\n<td" in shown_row
    ]
    assert widths == [8]
