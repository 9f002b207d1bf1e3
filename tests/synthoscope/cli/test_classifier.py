from rich.console import Console

from synthoscope.api.models.v1.models_pb2 import ClassMetrics, ConfusionRow, Evaluation, ModelVersion
from synthoscope.cli import classifier


def test_what_was_measured_says_on_which_images(monkeypatch):
    console = Console(width=200, record=True)
    monkeypatch.setattr(classifier, "console", console)
    measured = Evaluation(
        split="validation",
        accuracy=0.75,
        classes=[ClassMetrics(label="sick", support=4)],
        confusion=[ConfusionRow(counts=[4])],
        grouped_by=["copies", "patients"],
    )
    name = "tenants/default/models/c/versions/1"
    none_left = Evaluation(split="test-deduplicated", left_out=20)
    classifier.show_version(ModelVersion(name=name, evaluations=[none_left, measured]), as_json=False)
    printed = " ".join(console.export_text().split())
    assert "validation, copies and patients kept out of training: accuracy 0.750" in printed
    assert "test, without copies (and patients) of training images: 0 of 20 images left" in printed
