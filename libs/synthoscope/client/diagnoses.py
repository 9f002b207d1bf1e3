"""Diagnoses and their explanations."""

from collections.abc import Iterable, Iterator

from synthoscope.api.classification.v1 import classification_service_pb2 as diagnosis_requests
from synthoscope.api.classification.v1.classification_pb2 import Diagnosis, Feedback, ImagingStudyDiagnosis
from synthoscope.api.classification.v1.classification_service_pb2 import DiagnosisError
from synthoscope.api.classification.v1.classification_service_pb2_grpc import DiagnosisServiceStub
from synthoscope.api.explanation.v1 import explanation_service_pb2 as explanation_requests
from synthoscope.api.explanation.v1.explanation_pb2 import Explanation, ExplanationMethod
from synthoscope.api.explanation.v1.explanation_service_pb2_grpc import ExplanationServiceStub
from synthoscope.api.jobs.v1.jobs_pb2 import Job, JobState
from synthoscope.client.connection import Connection, call, pages, stream
from synthoscope.client.images import Images
from synthoscope.rpc.errors import DeadlineExceeded, FailedPrecondition

INLINE_BYTES = (4 << 20) - (16 << 10)
"""Larger images are uploaded first, in chunks."""

EXPLANATION_SECONDS = 120.0


class Diagnoses:
    """Asks for diagnoses and explanations."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._images = Images(connection, "classification")

    def diagnose(self, data: bytes, model_version: str, *, explain: bool = False) -> Diagnosis:
        """Diagnoses a PNG, JPEG or DICOM file. Raises InvalidInput when it is none, NotFound for an unknown model."""
        return call(self._diagnoses.Diagnose, self._request(data, model_version, explain=explain))

    def diagnose_many(self, images: Iterable[bytes], model_version: str) -> Iterator[Diagnosis | DiagnosisError]:
        """Diagnoses files as they come, in their order; of one that cannot be diagnosed, why.

        `images` is read only as fast as they are diagnosed.
        """
        requests = (
            diagnosis_requests.DiagnoseStreamRequest(request=self._request(data, model_version)) for data in images
        )
        for answer in stream(self._diagnoses.DiagnoseStream, requests):
            yield answer.error if answer.HasField("error") else answer.diagnosis

    def diagnose_study(self, images: Iterable[bytes], model_version: str, request_id: str = "") -> Job:
        """Uploads the images of an imaging study, and has them diagnosed as a job; see `study` for its result.

        Of DICOM files whose pixels may identify a patient, FailedPrecondition is raised, and nothing is diagnosed.
        """
        uploaded = [self._images.upload(data).name for data in images]
        request = diagnosis_requests.DiagnoseImagingStudyRequest(
            parent=self._connection.parent,
            images=dict.fromkeys(uploaded),
            model_version=model_version,
            request_id=request_id,
        )
        return call(self._diagnoses.DiagnoseImagingStudy, request)

    def study(self, name: str) -> ImagingStudyDiagnosis:
        """What a job of `diagnose_study` made, by the name that is its result. Raises NotFound."""
        request = diagnosis_requests.GetImagingStudyDiagnosisRequest(name=name)
        return call(self._diagnoses.GetImagingStudyDiagnosis, request)

    def _request(self, data: bytes, model_version: str, *, explain: bool = False) -> diagnosis_requests.DiagnoseRequest:
        request = diagnosis_requests.DiagnoseRequest(
            parent=self._connection.parent, model_version=model_version, explain=explain
        )
        if len(data) > INLINE_BYTES:
            request.image_name = self._images.upload(data).name
        else:
            request.data = data
        return request

    def get(self, name: str) -> Diagnosis:
        """A diagnosis. Raises NotFound."""
        return call(self._diagnoses.GetDiagnosis, diagnosis_requests.GetDiagnosisRequest(name=name))

    def give_feedback(self, diagnosis: str, label: str) -> Feedback:
        """Says what a diagnosed image really shows. Raises NotFound, InvalidInput for a label the model lacks."""
        request = diagnosis_requests.GiveFeedbackRequest(diagnosis=diagnosis, label=label)
        return call(self._diagnoses.GiveFeedback, request)

    def feedback(self) -> Iterator[Feedback]:
        """All feedback, in the order of the diagnoses."""
        request = diagnosis_requests.ListFeedbackRequest(parent=self._connection.parent)
        for page in pages(self._diagnoses.ListFeedback, request):
            yield from page.feedback

    def explain(self, diagnosis: str, label: str = "") -> Explanation:
        """Asks for a Grad-CAM explanation of one class, by default the predicted one; see `wait`."""
        request = explanation_requests.CreateExplanationRequest(
            diagnosis=diagnosis, label=label, method=ExplanationMethod.EXPLANATION_METHOD_GRAD_CAM
        )
        return call(self._explanations.CreateExplanation, request)

    def watch(self, explanation: str, seconds: float = EXPLANATION_SECONDS) -> Iterator[Explanation]:
        """An explanation, at once and at every change, until it ends."""
        request = explanation_requests.WatchExplanationRequest(name=explanation)
        yield from stream(self._explanations.WatchExplanation, request, seconds)

    def wait(self, explanation: str, seconds: float = EXPLANATION_SECONDS) -> Explanation:
        """The finished explanation. Raises FailedPrecondition when it failed, DeadlineExceeded when it is late."""
        for current in self.watch(explanation, seconds):
            if current.state == JobState.JOB_STATE_SUCCEEDED:
                return current
            if current.state == JobState.JOB_STATE_FAILED:
                raise FailedPrecondition(f"{explanation} failed: {current.error.code}: {current.error.message}")
        raise DeadlineExceeded(f"{explanation} did not end within {seconds:.0f} s")

    def diagnose_with_overlay(self, data: bytes, model_version: str) -> tuple[Diagnosis, bytes]:
        """A diagnosis and, once it is explained, the PNG of `overlay`. Raises as `diagnose` and `wait` do."""
        diagnosis = self.diagnose(data, model_version, explain=True)
        return diagnosis, self.overlay(self.wait(diagnosis.explanation))

    def overlay(self, explanation: Explanation) -> bytes:
        """The PNG of the heatmap laid over the original image."""
        return self._images.download(explanation.overlay.name)

    @property
    def _diagnoses(self) -> DiagnosisServiceStub:
        return DiagnosisServiceStub(self._connection.channel("classification"))

    @property
    def _explanations(self) -> ExplanationServiceStub:
        return ExplanationServiceStub(self._connection.channel("explanation"))
