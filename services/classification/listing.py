"""Diagnoses found by what they say and when they were made."""

from synthoscope import names
from synthoscope.api.classification.v1.classification_pb2 import Diagnosis
from synthoscope.api.classification.v1.classification_service_pb2 import ListDiagnosesRequest
from synthoscope.objects import ObjectStore
from synthoscope.records import Page, Records, page_limit
from synthoscope.rpc.errors import InvalidInput

MOST_LOOKED_AT = 1000
"""Diagnoses, for one page."""


def diagnosis_id(microseconds: int, suffix: str = "") -> str:
    """An id that sorts by time, in µs since 1970."""
    return f"{microseconds:014x}{suffix}"


def microseconds_of(diagnosis_id: str) -> int:
    """The time in an id."""
    return int(diagnosis_id[:14], 16)


def page(objects: ObjectStore, request: ListDiagnosesRequest) -> Page[Diagnosis]:
    """One page of a tenant's diagnoses, as the contract says. Raises InvalidInput."""
    names.TENANT.parse(request.parent, "parent")
    size, records = page_limit(request.page_size), Records(objects, Diagnosis)
    if request.model and not _is_model(request.model):
        raise InvalidInput("model", f"must have the form {names.MODEL.template} or {names.MODEL_VERSION.template}")
    for field in ("start_time", "end_time"):
        _check_time(request, field)
    prefix = f"{request.parent}/diagnoses"
    token, found, left = request.page_token or _before(prefix, request), list[Diagnosis](), MOST_LOOKED_AT
    while left > 0 and len(found) < size:
        part = records.page(prefix, min(left, size - len(found)), token)
        left -= len(part.records)
        for diagnosis in part.records:
            if request.HasField("end_time") and _time(diagnosis) >= request.end_time.ToNanoseconds():
                return Page(found, "")
            if _matches(diagnosis, request):
                found.append(diagnosis)
        token = part.next_page_token
        if not token:
            return Page(found, "")
    return Page(found, token)


def _check_time(request: ListDiagnosesRequest, field: str) -> None:
    try:
        getattr(request, field).ToNanoseconds()
    except ValueError:
        raise InvalidInput(field, "must be between the years 1 and 9999") from None


def _before(prefix: str, request: ListDiagnosesRequest) -> str:
    """The page token after which diagnoses of the start time's microsecond, and later ones, come."""
    if not request.HasField("start_time"):
        return ""
    return f"{prefix}/{diagnosis_id(max(0, request.start_time.ToNanoseconds() // 1000))}"


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
