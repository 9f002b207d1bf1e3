from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score
from torch.nn import functional as F

from synthoscope.classifier.config import Balance, Output
from synthoscope.classifier.objectives import AnyOf, OneOf, objective_of
from synthoscope.classifier.presets import PRESETS
from synthoscope.rpc.errors import FailedPrecondition

CONFIG = PRESETS["cnn-64"]
FINDINGS = replace(CONFIG, output=Output.FINDINGS, no_finding="none")


def test_one_class_an_image_is_categorical_cross_entropy():
    objective = objective_of(CONFIG, ("a", "b", "c"), np.array([1, 2, 3]))
    logits, labels = torch.randn(5, 3), torch.tensor([0, 1, 2, 1, 0])
    torch.testing.assert_close(objective.losses(logits, labels).mean(), F.cross_entropy(logits, labels))
    smoothed = F.cross_entropy(logits, labels, label_smoothing=0.1)
    torch.testing.assert_close(objective.losses(logits, labels, 0.1).mean(), smoothed)
    assert objective.outputs == ("a", "b", "c")


def test_weighted_classes_count_alike():
    weighted = replace(CONFIG, class_balance=Balance.WEIGHTED_LOSS)
    objective = objective_of(weighted, ("rare", "common"), np.array([10, 90]))
    labels = torch.tensor([0] * 10 + [1] * 90)
    losses = objective.losses(torch.zeros(100, 2), labels)
    assert losses[:10].sum().item() == pytest.approx(losses[10:].sum().item())
    assert losses.mean().item() == pytest.approx(np.log(2), rel=1e-5)


def test_findings_are_the_parts_of_labels():
    objective = objective_of(FINDINGS, ("effusion", "effusion|mass", "none"), np.array([1, 1, 1]))
    assert isinstance(objective, AnyOf)
    assert objective.outputs == ("effusion", "mass")
    assert objective.targets.tolist() == [[1, 0], [1, 1], [0, 0]]
    logits, labels = torch.tensor([[2.0, -1.0], [3.0, 0.5], [-1.0, 1.0]]), torch.tensor([0, 1, 2])
    expected = F.binary_cross_entropy_with_logits(logits, objective.targets)
    torch.testing.assert_close(objective.losses(logits, labels).mean(), expected)
    assert objective.correct(logits, labels).tolist() == [1.0, 1.0, 0.5]
    assert objective.macro_f1(logits.numpy(), labels.numpy()) == pytest.approx((1 + 2 / 3) / 2)


def test_one_finding_with_a_label_for_its_absence_is_enough():
    assert objective_of(FINDINGS, ("mass", "none"), np.array([1, 1])).outputs == ("mass",)
    with pytest.raises(FailedPrecondition, match="no_finding"):
        objective_of(replace(FINDINGS, no_finding=""), ("mass", " mass"), np.array([1, 1]))


@pytest.mark.parametrize("label", ["none", " none | none", ""])
def test_labels_without_a_finding_are_nothing_to_learn(label):
    with pytest.raises(FailedPrecondition, match=r"no label names a finding.*config\.no_finding, 'none'"):
        objective_of(FINDINGS, (label, "none"), np.array([5, 5]))


def test_macro_f1_of_one_finding_is_that_of_the_finding():
    objective = objective_of(FINDINGS, ("mass", "none"), np.array([1, 1]))
    labels = np.array([0, 0, 1, 1, 1])
    logits = np.array([[1.0], [-1.0], [1.0], [-1.0], [-1.0]], np.float32)
    assert objective.macro_f1(logits, labels) == pytest.approx(1 / 2)
    assert objective.macro_f1(-np.ones((2, 1), np.float32), np.array([1, 1])) == 0.0


def test_macro_f1_leaves_out_findings_that_no_image_has():
    objective = objective_of(FINDINGS, ("effusion", "effusion|mass", "nodule", "none"), np.array([9, 9, 0, 9]))
    generator = np.random.default_rng(0)
    labels = generator.choice([0, 1, 3], 50)
    logits = generator.normal(size=(50, 3)).astype(np.float32)
    columns = [f1_score(objective.shown(labels)[:, c], logits[:, c] > 0) for c in (0, 1)]
    assert objective.macro_f1(logits, labels) == pytest.approx(np.mean(columns))


def test_macro_f1_is_over_classes_with_images():
    objective = OneOf(("a", "b", "c"))
    logits = np.eye(3, dtype=np.float32)[[0, 1, 1]]
    assert objective.macro_f1(logits, np.array([0, 1, 0])) == pytest.approx(2 / 3)
