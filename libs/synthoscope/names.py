"""Resource names (AIP-122) and the object keys beneath them.

A name is a path of collections and ids that starts with its tenant: `tenants/default/jobs/3f…`. The same path is the
prefix of the resource's object keys, so one rule keeps tenants apart in names, in the object store and in Redis.
"""

import re
from dataclasses import dataclass

from synthoscope.rpc.errors import InvalidInput

ID = re.compile(r"[a-z][a-z0-9-]{0,62}")
"""What a caller may choose as an id."""

LATEST = "latest"
"""Version id that stands for the newest version."""

_SEGMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")


@dataclass(frozen=True)
class Collection:
    """The form of one kind of resource name, such as `tenants/{tenant}/jobs/{job}`."""

    template: str

    def format(self, **ids: str) -> str:
        """The name with these ids."""
        return self.template.format(**ids)

    def parse(self, name: str, field: str = "name") -> dict[str, str]:
        """The ids in a name, by their placeholder.

        Raises InvalidInput, naming `field`, when the name does not have the form.
        """
        expected, given = self.template.split("/"), name.split("/")
        if len(expected) != len(given):
            raise self._not_of_this_form(field)
        ids = {}
        for form, segment in zip(expected, given, strict=True):
            if form.startswith("{"):
                if not _SEGMENT.fullmatch(segment):
                    raise self._not_of_this_form(field)
                ids[form[1:-1]] = segment
            elif form != segment:
                raise self._not_of_this_form(field)
        return ids

    def _not_of_this_form(self, field: str) -> InvalidInput:
        return InvalidInput(field, f"must have the form {self.template}")


TENANT = Collection("tenants/{tenant}")
JOB = Collection("tenants/{tenant}/jobs/{job}")
IMAGE = Collection("tenants/{tenant}/images/{sha256}")
DATASET = Collection("tenants/{tenant}/datasets/{dataset}")
DATASET_VERSION = Collection("tenants/{tenant}/datasets/{dataset}/versions/{version}")
DATASET_AUDIT = Collection("tenants/{tenant}/datasets/{dataset}/versions/{version}/audit")
MODEL = Collection("tenants/{tenant}/models/{model}")
MODEL_VERSION = Collection("tenants/{tenant}/models/{model}/versions/{version}")
MODEL_EVALUATION = Collection("tenants/{tenant}/models/{model}/versions/{version}/evaluations/{evaluation}")
MODEL_ALIAS = Collection("tenants/{tenant}/models/{model}/aliases/{alias}")
TRAFFIC_SPLIT = Collection("tenants/{tenant}/models/{model}/aliases/{alias}/trafficSplit")
PROMOTION = Collection("tenants/{tenant}/models/{model}/promotions/{promotion}")
WEIGHTS = Collection("tenants/{tenant}/weights/{sha256}")
SYNTHETIC_SET = Collection("tenants/{tenant}/syntheticSets/{synthetic_set}")
DIAGNOSIS = Collection("tenants/{tenant}/diagnoses/{diagnosis}")
IMAGING_STUDY_DIAGNOSIS = Collection("tenants/{tenant}/imagingStudyDiagnoses/{imaging_study_diagnosis}")
FEEDBACK = Collection("tenants/{tenant}/feedback/{feedback}")
EXPLANATION = Collection("tenants/{tenant}/explanations/{explanation}")
EXPERIMENT = Collection("tenants/{tenant}/experiments/{experiment}")
STUDY = Collection("tenants/{tenant}/studies/{study}")


def tenant_of(name: str) -> str:
    """The tenant that a name belongs to. Raises InvalidInput when it does not start with one."""
    return TENANT.parse("/".join(name.split("/")[:2]))["tenant"]


def check_id(value: str, field: str) -> str:
    """Returns an id that a caller chose. Raises InvalidInput, naming `field`, when it is not a legal one."""
    if not ID.fullmatch(value):
        raise InvalidInput(field, f"must match {ID.pattern}")
    return value
