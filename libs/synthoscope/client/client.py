"""The way into the platform from Python."""

from types import TracebackType
from typing import Self

from synthoscope import names
from synthoscope.client.connection import ClientSettings, Connection
from synthoscope.client.datasets import Datasets
from synthoscope.client.diagnoses import Diagnoses
from synthoscope.client.experiments import Experiments
from synthoscope.client.images import Images
from synthoscope.client.jobs import Jobs
from synthoscope.client.models import Models
from synthoscope.client.studies import Studies
from synthoscope.client.synthesis import Synthesis


class Client:
    """Speaks to all five services.

    >>> with Client() as client:                                         # doctest: +SKIP
    ...     diagnosis = client.diagnoses.diagnose(Path("scan.png").read_bytes(), client.model_name("tumours"))

    Every method raises a SynthoscopeError of the status that the service gave; Unavailable when it cannot be reached.
    """

    def __init__(self, settings: ClientSettings | None = None) -> None:
        self._connection = Connection(settings or ClientSettings.find())
        self.datasets = Datasets(self._connection)
        self.diagnoses = Diagnoses(self._connection)
        self.experiments = Experiments(self._connection)
        self.images = Images(self._connection)
        self.jobs = Jobs(self._connection)
        self.models = Models(self._connection)
        self.studies = Studies(self._connection)
        self.synthesis = Synthesis(self._connection)

    def dataset_name(self, short: str) -> str:
        """The full name of `brain` (its latest version), `brain@1f…`, or a full name as it is."""
        return self._version_name(names.DATASET_VERSION, "dataset", short)

    def model_name(self, short: str) -> str:
        """The full name of `tumours` (its latest version), `tumours@1f…` or `tumours@champion`; a full one as it is."""
        return self._version_name(names.MODEL_VERSION, "model", short)

    def name(self, collection: names.Collection, placeholder: str, short: str) -> str:
        """The full name of an id in one of the tenant's collections, or a full name as it is."""
        if "/" in short:
            return short
        return collection.format(tenant=self._connection.settings.tenant, **{placeholder: short})

    def _version_name(self, collection: names.Collection, placeholder: str, short: str) -> str:
        if "/" in short:
            return short
        parent, _, version = short.partition("@")
        ids = {placeholder: names.check_id(parent, placeholder), "version": version or names.LATEST}
        return collection.format(tenant=self._connection.settings.tenant, **ids)

    def close(self) -> None:
        """Closes the channels."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
