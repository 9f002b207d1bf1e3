import dataclasses
import io
import json
import re

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from PIL import Image

from synthoscope.api.classification.v1.classification_pb2 import ClassProbability, Diagnosis
from synthoscope.api.datasets.v1.audits_pb2 import DatasetAudit
from synthoscope.api.datasets.v1.datasets_pb2 import ClassCount, DatasetVersion, Split
from synthoscope.api.jobs.v1.jobs_pb2 import Job, JobState
from synthoscope.api.models.v1.models_pb2 import ClassMetrics, ConfusionRow, Curve, Evaluation, ModelVersion
from synthoscope.api.synthesis.v1.synthesis_pb2 import Admission, SyntheticSet, Verdict
from synthoscope.api.tuning.v1.tuning_pb2 import Study, Trial
from synthoscope.demo import report
from synthoscope.demo.budget import DemoBudget
from synthoscope.demo.results import DemoResults, Explained, GanRun, summary
from synthoscope.synthetic.criteria import CRITERIA, criterion


def png() -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (8, 8), 90).save(buffer, "PNG")
    return buffer.getvalue()


def classifier(name: str, accuracy: float) -> ModelVersion:
    evaluation = Evaluation(
        split="test",
        accuracy=accuracy,
        macro_f1=accuracy,
        classes=[ClassMetrics(label=label, support=10) for label in ("<b>odd</b>", "sick")],
        confusion=[ConfusionRow(counts=[8, 2]), ConfusionRow(counts=[1, 9])],
    )
    without_copies = Evaluation()
    without_copies.CopyFrom(evaluation)
    without_copies.split, without_copies.accuracy = "test-deduplicated", accuracy - 0.1
    without_copies.classes[1].support, without_copies.left_out = 0, 10
    curves = [
        Curve(metric=f"{part}_{quantity}", steps=[1, 2], values=[0.4, 0.6])
        for part in ("train", "validation")
        for quantity in ("accuracy", "loss")
    ]
    return ModelVersion(name=name, evaluations=[evaluation, without_copies], curves=curves)


@pytest.fixture
def results() -> DemoResults:
    study = Study(
        name="tenants/default/studies/s",
        trials=[Trial(id="a", parameters={"learning_rate": 1e-3}, objective_values=[0.5, 0.7], best_objective=0.7)],
        best_trial="a",
    )
    gan_job = Job(
        name="tenants/default/jobs/g",
        state=JobState.JOB_STATE_SUCCEEDED,
        start_time=Timestamp(seconds=100),
        end_time=Timestamp(seconds=160),
    )
    gan_curves = [Curve(metric="generator_loss", steps=[1], values=[1])]
    diagnosis = Diagnosis(label="sick", probabilities=[ClassProbability(label="sick", probability=0.9)])
    return DemoResults(
        budget=DemoBudget(),
        dataset=DatasetVersion(
            name="tenants/default/datasets/demo/versions/0123456789abcdef",
            classes=["<b>odd</b>", "sick"],
            counts=[ClassCount(split=Split.SPLIT_TEST, label="sick", count=10)],
            image_count=10,
        ),
        audit=DatasetAudit(
            pair_counts=[{"kind": "exact", "scope": "across", "count": 3}],
            splits={"test_with_twin_in_train": {"all": {"count": 2, "of": 10}}},
        ),
        gan=GanRun(gan_job, ModelVersion(curves=gan_curves), {"": png()}, 50),
        synthetic_set=SyntheticSet(
            name="tenants/default/syntheticSets/x",
            image_count=25,
            verdict=Verdict(
                admission=Admission.ADMISSION_REFUSED,
                criteria=[criterion("frechet", 5.0), criterion("coverage", 0.9), criterion("probe", None)],
            ),
        ),
        synthetic_grid=png(),
        real=classifier("tenants/default/models/real/versions/0", 0.85),
        real_plus_synthetic=classifier("tenants/default/models/mixed/versions/0", 0.80),
        classifier_study=study,
        gan_study=study,
        explained=[Explained("test/sick/1.png", "sick", diagnosis, png(), png(), "overlays/sick.png")],
        seconds=321.0,
    )


def test_report_is_one_page_that_fetches_nothing_and_escapes_labels(results, tmp_path):
    report.write(results, tmp_path)
    page = (tmp_path / "report.html").read_text()
    fetched = [link for link in re.findall(r'(?:src|href)="([^"]*)"', page) if not link.startswith(("data:", "#"))]
    assert fetched == []
    assert "<script" not in page
    assert "<b>odd</b>" not in page
    assert (tmp_path / "overlays/sick.png").read_bytes() == png()


def test_summary_holds_what_programs_read(results, tmp_path):
    report.write(results, tmp_path)
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["dataset"] == {
        "name": "demo",
        "version": "tenants/default/datasets/demo/versions/0123456789abcdef",
        "counts": {"test": {"sick": 10}},
    }
    assert summary["gan"]["state"] == "SUCCEEDED"
    assert summary["gan"]["seconds"] == 60.0
    assert summary["gan"]["images_per_second"] == 50
    assert {name: summary["synthetic"][name] for name in ("set", "count", "verdict", "criteria")} == {
        "set": "tenants/default/syntheticSets/x",
        "count": 25,
        "verdict": "refused",
        "criteria": {"frechet": 5.0, "coverage": 0.9, "probe": None},
    }
    assert [reason.partition(":")[0] for reason in summary["synthetic"]["reasons"]] == [
        CRITERIA["frechet"].what,
        CRITERIA["probe"].what,
    ]
    assert summary["classifier"]["real"]["accuracy"] == 0.85
    assert summary["classifier"]["real"]["deduplicated"] == {
        "accuracy": 0.75, "macro_f1": 0.85, "images": 10, "left_out": 10, "classes_without_images": ["sick"]
    }  # fmt: skip
    assert summary["audit"] == {
        "pairs": 3, "label_conflicts": 0, "test_with_twin_in_train": {"all": {"count": 2, "of": 10}}
    }  # fmt: skip
    assert summary["classifier"]["real_plus_synthetic"]["macro_f1"] == 0.80
    assert summary["tuning"]["gan"] == {
        "study": "tenants/default/studies/s",
        "trials": 1,
        "best": {"objective": 0.7, "parameters": {"learning_rate": 1e-3}},
    }
    assert summary["diagnoses"][0]["explanation"] == "overlays/sick.png"


def test_the_verdict_on_the_synthetic_set_is_told_with_its_reasons(results):
    page = report.render(results)
    assert "The set is <strong>refused</strong>" in page
    assert "<li>Fréchet distance to training images, over that between halves of them: 5 (at most 2 to be" in page
    assert "<td>probe</td><td>not measured</td><td>at least 0.2</td>" in page
    unmeasured = dataclasses.replace(results, synthetic_set=SyntheticSet(name="tenants/default/syntheticSets/x"))
    assert "<li>it was never measured</li>" in report.render(unmeasured)


def test_results_with_and_without_copies_stand_side_by_side(results):
    page = report.render(results)
    assert "2 of 10 test images have a copy" in page
    rows = re.findall(r"<td>(test[^<]*)</td><td>(\d+)</td><td>([\d.]+)</td>", page)
    assert rows == [
        ("test, as imported", "20", "0.850"),
        ("test, without copies (and patients) of training images; no images of sick are left", "10", "0.750"),
        ("test, as imported", "20", "0.800"),
        ("test, without copies (and patients) of training images; no images of sick are left", "10", "0.700"),
    ]


def test_without_a_test_split_there_is_nothing_to_say_of_copies_across_the_splits(results):
    bare = ModelVersion(evaluations=[Evaluation(split="validation", accuracy=0.5, classes=[ClassMetrics(support=4)])])
    bare.curves.extend(results.real.curves)
    bare.evaluations[0].confusion.append(ConfusionRow(counts=[4]))
    changed = dataclasses.replace(results, audit=DatasetAudit(), real=bare, real_plus_synthetic=bare)
    page = report.render(changed)
    assert "have a copy among" not in page
    assert "No test image has a copy" not in page
    assert summary(changed)["classifier"]["real"]["deduplicated"] is None


def test_when_every_test_image_has_a_copy_the_report_says_so(results):
    version = classifier("tenants/default/models/c/versions/1", 0.85)
    version.evaluations[1].CopyFrom(Evaluation(split="test-deduplicated", left_out=20))
    changed = dataclasses.replace(results, real=version)
    assert "0 of 20 images left, so nothing was measured" in report.render(changed)
    found = summary(changed)["classifier"]["real"]["deduplicated"]
    assert (found["accuracy"], found["images"], found["left_out"]) == (None, 0, 20)


def test_accuracy_interval_is_wilsons():
    # 45 of 50 right: statsmodels' proportion_confint(45, 50, method="wilson") gives these.
    evaluation = Evaluation(accuracy=0.9, classes=[ClassMetrics(support=50)])
    assert report.accuracy_interval(evaluation) == pytest.approx((0.7864, 0.9565), abs=1e-4)


@pytest.mark.parametrize("training_images", [1, 100, 800, 5708, 1_000_000])
def test_budget_always_trains_at_least_once(training_images):
    budget = DemoBudget()
    assert budget.gan_epochs(training_images) >= 1
    assert 4 <= budget.classifier_epochs(training_images) <= budget.most_classifier_epochs
