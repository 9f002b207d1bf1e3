import pytest
from google.protobuf import struct_pb2

from synthoscope.api.classification.v1.classification_service_pb2 import DiagnoseRequest, DiagnoseStreamRequest
from synthoscope.api.datasets.v1.datasets_pb2 import Split, Subset
from synthoscope.api.jobs.v1 import jobs_pb2, jobs_service_pb2
from synthoscope.rpc.enums import check_enums
from synthoscope.rpc.errors import InvalidInput


def test_known_numbers_pass_and_so_do_messages_without_enums():
    check_enums(DiagnoseRequest(explanation_timing=2))
    check_enums(DiagnoseRequest())
    check_enums(jobs_service_pb2.GetJobRequest(name="tenants/a/jobs/1"))
    struct = struct_pb2.Struct()
    struct.update({"list": [{"deep": None}, 1, "text"]})
    check_enums(struct)


def null(number):
    value = struct_pb2.Value()
    value.null_value = number
    return value


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (DiagnoseRequest(explanation_timing=99), "explanation_timing"),
        (DiagnoseRequest(explanation_timing=-1), "explanation_timing"),
        (DiagnoseStreamRequest(request=DiagnoseRequest(explanation_timing=4)), "request.explanation_timing"),
        (jobs_pb2.JobEvent(job=jobs_pb2.Job(state=77)), "job.state"),
        (Subset(splits=[Split.SPLIT_TRAIN, 77]), "splits"),
        (struct_pb2.Struct(fields={"a": struct_pb2.Value(), "b": null(7)}), "fields.null_value"),
    ],
)
def test_unknown_numbers_are_refused_wherever_they_are(message, field):
    with pytest.raises(InvalidInput) as caught:
        check_enums(message)
    assert caught.value.violations[0].field == field


def test_what_would_be_right_is_named():
    with pytest.raises(InvalidInput, match=r"is 99; it must be one of EXPLANATION_TIMING_UNSPECIFIED, EXPLANATION_T"):
        check_enums(DiagnoseRequest(explanation_timing=99))
