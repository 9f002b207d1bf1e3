"""What a diagnosis carries."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import numpy as np
import pytest
from diagnosis_edge import TENANT, png, published, running_edge
from google.protobuf.struct_pb2 import Struct, Value
from seen_brightness import CLASSES

from synthoscope import models
from synthoscope.api.classification.v1 import classification_service_pb2 as messages
from synthoscope.api.classification.v1.classification_pb2 import RefusalReason
from synthoscope.api.jobs.v1.jobs_pb2 import JobState
from synthoscope.api.models.v1.models_pb2 import (
    ConformalPrediction,
    ModelKind,
    ModelOutput,
    ModelVersion,
    OperatingPoint,
    OutOfDistribution,
    Reliability,
)
from synthoscope.models.preprocessing import pipeline_of
from synthoscope.saliency.request import ended


@pytest.fixture
def platform(decoders, pseudonyms):
    with running_edge(decoders, pseudonyms) as edge:
        yield edge


def test_a_diagnosis_is_decided_at_the_operating_point_of_its_version(platform):
    point = OperatingPoint(label="dark", threshold=0.15)
    record = ModelVersion(
        kind=ModelKind.MODEL_KIND_CLASSIFIER,
        classes=CLASSES,
        image_size=8,
        reliability=Reliability(operating_point=point),
    )
    careful = models.publish(platform.objects, f"{TENANT}/models/careful", record, {"weights.safetensors": b"w"})
    assert platform.ask(png(204)).label == "bright"
    diagnosis = platform.ask(png(204), careful.name)
    assert diagnosis.label == "dark"
    assert [entry.probability for entry in diagnosis.probabilities] == pytest.approx([0.2, 0.8])
    assert platform.ask(png(230), careful.name).label == "bright"


def test_an_image_unlike_the_training_images_gets_a_reason_instead_of_a_label(platform):
    careful = published(platform, out_of_distribution=OutOfDistribution(threshold=1.0))
    refused = platform.ask(png(7), careful)
    assert (refused.label, refused.refusal.reason) == ("", RefusalReason.REFUSAL_REASON_OUT_OF_DISTRIBUTION)
    assert "unlike" in refused.refusal.message
    assert (refused.strangeness.score, refused.strangeness.threshold) == (1.5, 1.0)
    diagnosed = platform.ask(png(204), careful)
    assert (diagnosed.label, diagnosed.strangeness.score) == ("bright", 0.5)
    assert not diagnosed.HasField("refusal")
    assert not platform.ask(png(204)).HasField("strangeness")


def test_the_classes_that_cannot_be_ruled_out_are_told(platform):
    sets = published(platform, conformal=ConformalPrediction(coverage=0.9, threshold=-float(np.log(0.3))))
    held = [list(platform.ask(png(level), sets).prediction_set.labels) for level in (100, 230)]
    assert held == [["dark", "bright"], ["bright"]]
    assert platform.ask(png(230), sets).prediction_set.coverage == 0.9
    none = published(platform, conformal=ConformalPrediction(coverage=0.9, threshold=0.0))
    diagnosis = platform.ask(png(230), none)
    assert diagnosis.HasField("prediction_set")
    assert not diagnosis.prediction_set.labels
    assert not platform.ask(png(230)).HasField("prediction_set")


def test_findings_are_answered_together(platform):
    record = ModelVersion(
        kind=ModelKind.MODEL_KIND_CLASSIFIER,
        classes=CLASSES,
        image_size=8,
        output=ModelOutput.MODEL_OUTPUT_FINDINGS,
        config=Struct(fields={"no_finding": Value(string_value="clear")}),
    )
    name = models.publish(platform.objects, f"{TENANT}/models/findings", record, {}).name
    # The model's logits are logarithms of probabilities, so that what it says of two findings is below one half.
    assert platform.ask(png(204), name).label == "clear"


def test_preprocessing_and_the_time_of_each_stage_are_told(platform):
    diagnosis = platform.ask(png(204))
    assert diagnosis.preprocessing_digest == pipeline_of(platform.classifier).digest
    stages = [item.stage for item in diagnosis.stage_times]
    assert stages[:3] == ["resolve", "read", "decode"]
    assert stages[3:] == ["predict"]
    longest = max(item.duration.ToTimedelta() for item in diagnosis.stage_times)
    assert timedelta() < longest <= diagnosis.latency.ToTimedelta()


def test_only_uncertain_images_are_explained_when_that_is_asked_for(platform):
    sets = published(
        platform,
        conformal=ConformalPrediction(coverage=0.9, threshold=-float(np.log(0.3))),
        out_of_distribution=OutOfDistribution(threshold=1.0),
    )
    timing = messages.ExplanationTiming.EXPLANATION_TIMING_IF_UNCERTAIN
    assert not platform.ask(png(230), sets, explanation_timing=timing).explanation
    two = platform.ask(png(100), sets, explanation_timing=timing)
    assert platform.explanations.get(two.explanation).label == "dark"
    refused = platform.ask(png(7), sets, explanation_timing=timing)
    assert platform.explanations.get(refused.explanation).label == "dark"


def test_an_answer_can_wait_for_its_explanation(platform):
    def explain():
        asked = platform.explanations.get(platform.queue.claim("worker", wait_seconds=5).payload)
        asked.state = JobState.JOB_STATE_SUCCEEDED
        platform.explanations.finish(asked)

    timing = messages.ExplanationTiming.EXPLANATION_TIMING_BEFORE_ANSWER
    with ThreadPoolExecutor(1) as pool:
        made = pool.submit(explain)
        diagnosis = platform.ask(png(204), explanation_timing=timing)
        made.result()
    assert ended(platform.explanations.get(diagnosis.explanation))
