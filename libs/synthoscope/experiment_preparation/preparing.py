"""Everything that an experiment needs before it can be submitted."""

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field

from synthoscope.api.datasets.v1.datasets_pb2 import DatasetVersion
from synthoscope.api.experiments.v1.experiments_pb2 import Arm, ExperimentSpecification, Fraction
from synthoscope.api.jobs.v1.jobs_pb2 import Job
from synthoscope.api.training.v1.training_pb2 import GanTrainingConfig
from synthoscope.client import Client
from synthoscope.client.repeating import ensure
from synthoscope.datasets.audit.storage import CODE_VERSION
from synthoscope.experiment_preparation import fractions
from synthoscope.experiment_preparation.fractions import FractionVersions, percent
from synthoscope.experiment_preparation.generating import Generating, Sets

Names = Mapping[float, Sequence[str]]
"""Names of synthetic sets, by the share of the real images that they belong to."""


@dataclass(frozen=True)
class Request:
    """What is to be compared: a specification that lacks its fractions, and what these are to be.

    With `gan`, a generator is trained on each fraction; else the sets that are named are taken, where there are some.
    `seed` decides which images a fraction has.
    """

    specification: ExperimentSpecification
    shares: Sequence[float]
    gan: GanTrainingConfig | None = None
    synthetic_sets: Names = field(default_factory=dict)
    filtered_sets: Names = field(default_factory=dict)
    seed: int = 0

    @property
    def arms(self) -> Set[Arm]:
        """The arms asked for; none means all."""
        known: list[Arm] = Arm.values()[1:]  # type: ignore[assignment]
        return set(self.specification.arms or known)


@dataclass(frozen=True)
class Preparation:
    """Audits, derives, trains and generates what an experiment needs; what is there already is taken.

    `follow` waits for a job of this title and returns it as it ended; `note` gets what the caller should know.
    """

    client: Client
    follow: Callable[[Job, str], Job]
    note: Callable[[str], None] = lambda text: None

    def prepare(self, request: Request) -> ExperimentSpecification:
        """The specification with its fractions.

        The test split stays as it is, and neither generators nor fractions see any of it. Raises FailedPrecondition
        when a fraction is too small for its classes, JobFailed when a step failed, and what the services raise.
        """
        version = self.client.datasets.get(request.specification.dataset_version)
        self._audit(version)
        training = fractions.training_part(self.client, version)
        further = Arm.ARM_ORACLE in request.arms
        drawn = [
            fractions.draw(self.client, training, share, request.seed, further=further) for share in request.shares
        ]
        for fraction in drawn:
            self.note(fraction.text)
        if request.gan is None:
            sets = self._named(request, drawn)
        else:
            generating = Generating(self.client, self.follow, self.note, request.gan)
            sets = generating.run(drawn, request.arms, request.specification.ratios)
        whole = ExperimentSpecification()
        whole.CopyFrom(request.specification)
        whole.dataset_version = version.name
        whole.fractions.extend(_message(fraction, made) for fraction, made in zip(drawn, sets, strict=True))
        return whole

    def _audit(self, version: DatasetVersion) -> None:
        """Splits are drawn by its groups of copies; one by another version of the code would not do."""
        job = ensure(
            lambda request_id: self.client.datasets.audit(version.name, request_id), "audit", version.name, CODE_VERSION
        )
        found = self.client.datasets.get_audit(self.follow(job, "auditing").result)
        twins = found.splits.test_with_twin_in_train
        if twins and twins["all"].count:
            self.note(
                f"{twins['all'].count} of {twins['all'].of} test images have a copy among the training images, so all "
                "scores are too high; synthoscope dataset derive --deduplicate makes a version without them"
            )

    def _named(self, request: Request, drawn: Sequence[FractionVersions]) -> Sequence[Sets]:
        sets = [
            Sets(request.synthetic_sets.get(fraction.share, ()), request.filtered_sets.get(fraction.share, ()))
            for fraction in drawn
        ]
        for fraction, named in zip(drawn, sets, strict=True):
            for name in (*named.unfiltered, *named.filtered):
                self._check_origin(fraction, name)
        return sets

    def _check_origin(self, fraction: FractionVersions, name: str) -> None:
        """A generator that learned from other images may have seen those that choose the best epoch, or more images."""
        generator = self.client.models.get(self.client.synthesis.get(name).model_version)
        learned = generator.lineage.dataset_version
        if learned != fraction.version.name:
            self.note(
                f"the generator of {name} learned from {learned}, not from {fraction.version.name}: it may know images "
                f"that are not in {percent(fraction.share)} of the real ones, or that choose the best epoch"
            )


def _message(fraction: FractionVersions, sets: Sets) -> Fraction:
    return Fraction(
        share=fraction.share,
        dataset_version=fraction.version.name,
        further_version=fraction.further.name if fraction.further else "",
        synthetic_sets=sets.unfiltered,
        filtered_sets=sets.filtered,
    )
