"""A generator for each fraction, and the synthetic sets that it makes."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence, Set
from dataclasses import dataclass

from synthoscope.api.experiments.v1.experiments_pb2 import Arm
from synthoscope.api.jobs.v1.jobs_pb2 import Job
from synthoscope.api.synthesis.v1.synthesis_pb2 import GenerationFilters, GenerationOptions
from synthoscope.api.training.v1.training_pb2 import GanConditioning, GanTrainingConfig
from synthoscope.client import Client
from synthoscope.client.repeating import ensure
from synthoscope.datasets.counts import training_counts
from synthoscope.experiment_preparation import amounts
from synthoscope.experiment_preparation.fractions import FractionVersions, percent
from synthoscope.rpc.errors import FailedPrecondition, InvalidInput

DISCRIMINATOR_SHARE = 0.5
"""Of the candidates, those that pass the filter of the filtered sets."""

_WITHOUT_SCORES = "ddgan"  # whose discriminator judges steps of denoising, not images


@dataclass(frozen=True)
class Sets:
    """The synthetic sets of a fraction, by name."""

    unfiltered: Sequence[str] = ()
    filtered: Sequence[str] = ()


@dataclass(frozen=True)
class Generating:
    """Trains a generator of this configuration on each fraction, and lets it make the sets that the arms draw from."""

    client: Client
    follow: Callable[[Job, str], Job]
    note: Callable[[str], None]
    config: GanTrainingConfig

    def run(self, fractions: Sequence[FractionVersions], arms: Set[Arm], ratios: Collection[float]) -> Sequence[Sets]:
        """The sets of each fraction. All jobs of a kind are submitted before the first is waited for.

        Raises InvalidInput for a generator without classes, FailedPrecondition when no set has an image to add,
        JobFailed, and what the services raise.
        """
        if self.config.conditioning == GanConditioning.GAN_CONDITIONING_UNCONDITIONAL:
            raise InvalidInput("gan.conditioning", "must be per-class or conditional: an experiment needs labels")
        if not arms & (amounts.UNFILTERED | {Arm.ARM_FILTERED}):
            return [Sets() for _ in fractions]
        if not any(_draws(training_counts(fraction.version), arms, ratios) for fraction in fractions):
            raise FailedPrecondition("the classes are of one size, so balanced adds nothing; leave that arm out")
        trainings = [self._train(fraction) for fraction in fractions]
        models = [
            self.follow(job, f"training a GAN on {percent(fraction.share)}").result
            for job, fraction in zip(trainings, fractions, strict=True)
        ]
        started = [
            self._generate(model, training_counts(fraction.version), arms, ratios)
            for model, fraction in zip(models, fractions, strict=True)
        ]
        return [
            Sets(
                self._made(unfiltered, f"generating for {percent(fraction.share)}"),
                self._made(filtered, f"generating and filtering for {percent(fraction.share)}"),
            )
            for (unfiltered, filtered), fraction in zip(started, fractions, strict=True)
        ]

    def _train(self, fraction: FractionVersions) -> Job:
        version, model = fraction.version.name, f"experiment-{self.config.preset}"
        return ensure(
            lambda request_id: self.client.models.train_gan(version, model, self.config, request_id),
            "gan",
            *(version, model, self.config),
        )

    def _generate(
        self, model: str, real: Mapping[str, int], arms: Set[Arm], ratios: Collection[float]
    ) -> tuple[Sequence[Job], Sequence[Job]]:
        """The jobs of the unfiltered and of the filtered set, at most one each."""
        share = 0.0 if self.config.preset == _WITHOUT_SCORES else DISCRIMINATOR_SHARE
        filters = GenerationFilters(discriminator_share=share, distinct=True)
        return (
            self._start(model, amounts.unfiltered_counts(real, arms, ratios), GenerationOptions()),
            self._start(model, amounts.filtered_counts(real, arms), GenerationOptions(filters=filters)),
        )

    def _start(self, model: str, counts: Mapping[str, int], options: GenerationOptions) -> Sequence[Job]:
        wanted = {label: count for label, count in sorted(counts.items()) if count}
        if not wanted:
            return []
        told = json.dumps(wanted)
        seed = self.config.seed
        return [
            ensure(
                lambda request_id: self.client.synthesis.generate(model, wanted, seed, request_id, options),
                "set",
                *(model, seed, options, told),
            )
        ]

    def _made(self, jobs: Sequence[Job], title: str) -> Sequence[str]:
        names = [self.follow(job, title).result for job in jobs]
        for name in names:
            for label, tally in sorted(self.client.synthesis.get(name).tallies.items()):
                if tally.kept < tally.asked:
                    self.note(f"{name} has {tally.kept} of {tally.asked} images of {label}: arms that need more fail")
        return names


def _draws(real: Mapping[str, int], arms: Set[Arm], ratios: Collection[float]) -> bool:
    """Whether some arm draws any synthetic image on a fraction of these real images by class."""
    counts = (amounts.unfiltered_counts(real, arms, ratios), amounts.filtered_counts(real, arms))
    return any(any(count.values()) for count in counts)
