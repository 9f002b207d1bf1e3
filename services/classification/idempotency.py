"""Request ids of diagnoses: the same request sent again gives the diagnosis there is."""

import hashlib
import json
from dataclasses import dataclass

from synthoscope import names
from synthoscope.api.classification.v1.classification_service_pb2 import DiagnoseRequest
from synthoscope.objects import ObjectStore
from synthoscope.pseudonyms import Pseudonyms
from synthoscope.rpc.errors import AlreadyExists, InvalidInput, NotFound

LONGEST = 128


@dataclass(frozen=True)
class RequestIds:
    """What request ids stand for: the name of a diagnosis, which is fixed before it is made, and the request's digest.

    Under `tenants/{tenant}/diagnosisRequests/{SHA-256 of the id}`. So whoever asks again after a crash makes the
    diagnosis that was not made, under the same name.
    """

    objects: ObjectStore
    pseudonyms: Pseudonyms

    def find(self, request: DiagnoseRequest) -> str:
        """The diagnosis that a request has already; "" when it has none or no id.

        Raises InvalidInput for what is no id, AlreadyExists when another request has it.
        """
        if not request.request_id:
            return ""
        try:
            return self._of(request, self.objects.get(_key(request)))
        except NotFound:
            return ""

    def reserve(self, request: DiagnoseRequest, name: str) -> str:
        """The diagnosis that a request is to make: that of the first who asked. Raises as `find`."""
        if not request.request_id:
            return name
        entry = json.dumps({"diagnosis": name, "request": self._digest(request)}).encode()
        if self.objects.put_if_absent(_key(request), entry):
            return name
        return self._of(request, self.objects.get(_key(request)))

    def _of(self, request: DiagnoseRequest, entry: bytes) -> str:
        found = json.loads(entry)
        if found["request"] != self._digest(request):
            raise AlreadyExists("request_id: it was used before, for another request; choose a new one")
        return str(found["diagnosis"])

    def _digest(self, request: DiagnoseRequest) -> str:
        """Keyed: whoever has the same file cannot tell by it that it was here."""
        sha256 = hashlib.sha256(request.SerializeToString(deterministic=True)).hexdigest()
        return self.pseudonyms.tenant(names.tenant_of(request.parent)).file(sha256)


def known_as(request_id: str) -> str:
    """What a request id is called in stores: its SHA-256, for a caller may have put a patient's name into it.

    "" for none. Raises InvalidInput for what is no id.
    """
    if len(request_id) > LONGEST or not request_id.isprintable():
        raise InvalidInput("request_id", f"must be at most {LONGEST} printable characters")
    return hashlib.sha256(request_id.encode()).hexdigest() if request_id else ""


def _key(request: DiagnoseRequest) -> str:
    digest = known_as(request.request_id)
    tenant = names.TENANT.parse(request.parent, "parent")["tenant"]
    return f"{names.TENANT.format(tenant=tenant)}/diagnosisRequests/{digest}"
