"""Diagnoses found by what they say and when they were made."""

from synthoscope import names
from synthoscope.api.classification.v1.classification_pb2 import Diagnosis
from synthoscope.api.classification.v1.classification_service_pb2 import ListDiagnosesRequest
from synthoscope.diagnoses import Diagnoses, time_of, time_prefix
from synthoscope.objects import ObjectStore
from synthoscope.records import Page, page_limit
from synthoscope.rpc.errors import InvalidInput

MOST_LOOKED_AT = 1000
"""Diagnoses, for one page."""


def page(objects: ObjectStore, request: ListDiagnosesRequest) -> Page[Diagnosis]:
    """One page of a tenant's diagnoses, as the contract says. Raises InvalidInput."""
    names.TENANT.parse(request.parent, "parent")
    size = page_limit(request.page_size)
    if request.model and not _is_model(request.model):
        raise InvalidInput("model", f"must have the form {names.MODEL.template} or {names.MODEL_VERSION.template}")
    for field in ("start_time", "end_time"):
        _check_time(request, field)
    found: list[Diagnosis] = []
    looked_at = ""
    coming = Diagnoses(objects).after(request.parent, _start(request))
    for number, diagnosis in enumerate(coming):
        if request.HasField("end_time") and _time(diagnosis) >= request.end_time.ToNanoseconds():
            break
        if len(found) == size or number == MOST_LOOKED_AT:
            return Page(found, looked_at)
        looked_at = diagnosis.name
        if _matches(diagnosis, request):
            found.append(diagnosis)
    return Page(found, "")


def _check_time(request: ListDiagnosesRequest, field: str) -> None:
    try:
        getattr(request, field).ToNanoseconds()
    except ValueError:
        raise InvalidInput(field, "must be between the years 1 and 9999") from None


def _start(request: ListDiagnosesRequest) -> str:
    """Where to go on: after the page before, or at the start time's microsecond."""
    if request.page_token:
        try:
            time_of(request.page_token)
            if request.page_token.startswith(f"{request.parent}/"):
                return names.DIAGNOSIS.parse(request.page_token)["diagnosis"]
        except (InvalidInput, ValueError):
            pass
        raise InvalidInput("page_token", "must be the next_page_token of the same listing's page before")
    if not request.HasField("start_time"):
        return ""
    return time_prefix(max(0, request.start_time.ToNanoseconds() // 1000))


def _matches(diagnosis: Diagnosis, request: ListDiagnosesRequest) -> bool:
    in_time = not request.HasField("start_time") or _time(diagnosis) >= request.start_time.ToNanoseconds()
    of_model = not request.model or f"{diagnosis.model_version}/".startswith(f"{request.model}/")
    of_label = not request.label or diagnosis.label == request.label
    return in_time and of_model and of_label and (not request.refused or diagnosis.HasField("refusal"))


def _is_model(name: str) -> bool:
    for form in (names.MODEL, names.MODEL_VERSION):
        try:
            form.parse(name)
        except InvalidInput:
            continue
        return True
    return False


def _time(diagnosis: Diagnosis) -> int:
    return diagnosis.create_time.ToNanoseconds()
