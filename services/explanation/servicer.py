"""ExplanationService: takes requests for explanations and shows what became of them; workers make them."""

import asyncio
from collections.abc import AsyncIterator

import grpc

from synthoscope.api.explanation.v1 import explanation_service_pb2 as messages
from synthoscope.api.explanation.v1 import explanation_service_pb2_grpc
from synthoscope.api.explanation.v1.explanation_pb2 import Explanation
from synthoscope.diagnoses import Diagnoses
from synthoscope.saliency.request import Explanations, ended

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 1.0


class ExplanationServicer(explanation_service_pb2_grpc.ExplanationServiceServicer):
    """Serves the explanations of an object store."""

    def __init__(self, explanations: Explanations) -> None:
        self._explanations = explanations
        self._diagnoses = Diagnoses(explanations.objects)

    def CreateExplanation(
        self, request: messages.CreateExplanationRequest, context: grpc.ServicerContext
    ) -> Explanation:
        """Asks for an explanation; twice gives the same one. Raises InvalidInput, NotFound, ResourceExhausted."""
        diagnosis = self._diagnoses.get(request.diagnosis, "diagnosis")
        return self._explanations.request(diagnosis, request.label, request.method)

    def GetExplanation(self, request: messages.GetExplanationRequest, context: grpc.ServicerContext) -> Explanation:
        """Returns an explanation, ended or not. Raises InvalidInput, NotFound."""
        return self._explanations.get(request.name)

    def ListExplanations(
        self, request: messages.ListExplanationsRequest, context: grpc.ServicerContext
    ) -> messages.ListExplanationsResponse:
        """Lists a tenant's explanations by name. Raises InvalidInput."""
        page = self._explanations.page(request.parent, request.page_size, request.page_token)
        return messages.ListExplanationsResponse(explanations=page.records, next_page_token=page.next_page_token)

    async def WatchExplanation(
        self, request: messages.WatchExplanationRequest, context: grpc.ServicerContext
    ) -> AsyncIterator[Explanation]:
        """Streams an explanation now, and again once it has ended. Raises InvalidInput, NotFound."""
        pause = _FIRST_PAUSE
        explanation = await asyncio.to_thread(self._explanations.get, request.name)
        yield explanation
        while not ended(explanation):
            await asyncio.sleep(pause)
            pause = min(1.5 * pause, _LONGEST_PAUSE)
            explanation = await asyncio.to_thread(self._explanations.get, request.name)
            if ended(explanation):
                yield explanation
