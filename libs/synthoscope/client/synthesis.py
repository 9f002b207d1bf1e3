"""Synthetic sets."""

from collections.abc import Iterator, Mapping

from synthoscope.api.jobs.v1.jobs_pb2 import Job
from synthoscope.api.synthesis.v1 import synthesis_service_pb2 as requests
from synthoscope.api.synthesis.v1.synthesis_pb2 import GenerationOptions, SyntheticImage, SyntheticSet
from synthoscope.api.synthesis.v1.synthesis_service_pb2_grpc import SynthesisServiceStub
from synthoscope.client.connection import Connection, call, pages


class Synthesis:
    """Makes and reads synthetic sets."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def generate(
        self,
        model_version: str,
        counts: Mapping[str, int],
        seed: int = 0,
        request_id: str = "",
        options: GenerationOptions | None = None,
    ) -> Job:
        """Starts the generation of images per class; the job's result is a synthetic set.

        `options` say how the images are made and which are refused. Raises InvalidInput, NotFound, FailedPrecondition.
        """
        request = requests.SubmitGenerationRequest(
            parent=self._connection.parent,
            request_id=request_id,
            model_version=model_version,
            counts=counts,
            seed=seed,
            options=options,
        )
        return call(self._stub.SubmitGeneration, request)

    def get(self, name: str) -> SyntheticSet:
        """A synthetic set. Raises NotFound."""
        return call(self._stub.GetSyntheticSet, requests.GetSyntheticSetRequest(name=name))

    def list(self) -> list[SyntheticSet]:
        """All synthetic sets, by name."""
        request = requests.ListSyntheticSetsRequest(parent=self._connection.parent)
        return [item for page in pages(self._stub.ListSyntheticSets, request) for item in page.synthetic_sets]

    def images(self, name: str, label: str = "") -> Iterator[SyntheticImage]:
        """The images of a set, by index; of one class if asked."""
        request = requests.ListSyntheticImagesRequest(parent=name, label=label, page_size=1000)
        for page in pages(self._stub.ListSyntheticImages, request):
            yield from page.images

    @property
    def _stub(self) -> SynthesisServiceStub:
        return SynthesisServiceStub(self._connection.channel("synthesis"))
