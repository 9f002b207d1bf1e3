"""Verdicts on synthetic sets in words."""

from synthoscope.api.synthesis.v1.synthesis_pb2 import Admission, Verdict

NOT_MEASURED = "it was never measured"


def reasons(verdict: Verdict) -> list[str]:
    """Why a set is not admitted: the findings that keep it from that, the worst first; none for an admitted one."""
    if verdict.admission == Admission.ADMISSION_UNSPECIFIED:
        return [NOT_MEASURED]
    failed = [item for item in verdict.criteria if item.admission != Admission.ADMISSION_ADMITTED]
    return [item.finding for item in sorted(failed, key=lambda item: item.admission)]


def described(admission: Admission) -> str:
    """A verdict in words."""
    return {Admission.ADMISSION_ADMITTED: "admitted", Admission.ADMISSION_FOR_STUDY: "admitted for study only"}.get(
        admission, "refused"
    )
