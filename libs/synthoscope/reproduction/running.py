"""Runs a recipe's steps through the client, each once: asked for again, it is found by what it was made of."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from synthoscope.api.classification.v1.classification_pb2 import Diagnosis
from synthoscope.api.datasets.v1.datasets_pb2 import DatasetVersion, Split
from synthoscope.api.jobs.v1.jobs_pb2 import Job
from synthoscope.api.models.v1.models_pb2 import ModelEvaluation, ModelVersion, SampleGrid
from synthoscope.api.synthesis.v1.synthesis_pb2 import SyntheticSet
from synthoscope.client import Client
from synthoscope.client.display import Display
from synthoscope.client.repeating import Input, ensure
from synthoscope.datasets.audit.storage import CODE_VERSION
from synthoscope.datasets.sources import SourceOptions
from synthoscope.models.evaluations import TEST
from synthoscope.models.predictions import ImagePredictions, path_of
from synthoscope.reproduction.budget import Plan, images_of, plan
from synthoscope.reproduction.recipe import (
    Derived,
    Evaluated,
    Gan,
    Imported,
    Network,
    Overlays,
    Recipe,
    SyntheticImages,
)


@dataclass(frozen=True)
class Explained:
    """The first test image of a class, what was diagnosed, and the PNGs of the picture and its explanation."""

    label: str
    diagnosis: Diagnosis
    original: bytes
    overlay: bytes


@dataclass
class Results:
    """What the steps came to, by their names; networks and evaluations by seed. `seconds` are jobs', by title."""

    plan: Plan
    versions: dict[str, DatasetVersion] = field(default_factory=dict)
    gans: dict[str, ModelVersion] = field(default_factory=dict)
    sets: dict[str, SyntheticSet] = field(default_factory=dict)
    networks: dict[str, Sequence[ModelVersion]] = field(default_factory=dict)
    evaluations: dict[str, Sequence[ModelEvaluation]] = field(default_factory=dict)
    explained: dict[str, Sequence[Explained]] = field(default_factory=dict)
    predictions: dict[str, Sequence[ImagePredictions]] = field(default_factory=dict)
    """On the test split, by seed, of the networks whose gains are asked for."""
    seconds: dict[str, float] = field(default_factory=dict)
    pictures: dict[str, bytes] = field(default_factory=dict)
    """PNGs by the names of their images."""


Asked = tuple[str, Job]
"""The title and the job of something asked for."""

StepKind = TypeVar("StepKind", Gan, SyntheticImages, Network, Evaluated)


@dataclass(frozen=True)
class Run:
    """One recipe on one folder of data.

    All steps of a kind are asked for before the first is waited for: a cluster that can does several at once.
    """

    client: Client
    seed: str
    recipe: Recipe
    data: Path
    display: Display

    def run(self, minutes: float) -> Results:
        """Does every step within a budget of minutes, 0 for the paper's own amounts. Raises what the services raise."""
        results = Results(Plan(minutes))
        for name, step in self.recipe.steps.items():
            match step:
                case Imported():
                    results.versions[name] = self._imported(step)
                case Derived():
                    parent = results.versions[step.parent]
                    results.versions[name] = self.client.datasets.derive(parent.name, step.rule)
        results.plan = plan(self.recipe, results.versions, minutes)
        gans = {name: self._trained_gan(name, step, results) for name, step in self._steps(Gan)}
        results.gans = {name: self.client.models.get(self._result(*asked, results)) for name, asked in gans.items()}
        sets = {name: self._made(name, step, results) for name, step in self._steps(SyntheticImages)}
        results.sets = {name: self.client.synthesis.get(self._result(*asked, results)) for name, asked in sets.items()}
        networks = {name: self._trained(name, step, results) for name, step in self._steps(Network)}
        results.networks = {
            name: [self.client.models.get(self._result(*asked, results)) for asked in seeds]
            for name, seeds in networks.items()
        }
        evaluations = {name: self._evaluated(name, step, results) for name, step in self._steps(Evaluated)}
        results.evaluations = {
            name: [self.client.models.get_evaluation(self._result(*asked, results)) for asked in seeds]
            for name, seeds in evaluations.items()
        }
        self._fetch(results)
        return results

    def _steps(self, kind: type[StepKind]) -> Iterator[tuple[str, StepKind]]:
        return ((name, step) for name, step in self.recipe.steps.items() if isinstance(step, kind))

    def _imported(self, step: Imported) -> DatasetVersion:
        folder, dataset_id = self.data / step.folder, f"{self.seed}-{step.folder}"
        table = folder / "manifest.csv"
        options = SourceOptions()
        if table.exists():
            options = SourceOptions(labels=table, columns={"patient": step.patients} if step.patients else {})
        with self.display.upload(f"importing {step.folder}") as on_progress:
            version = self.client.datasets.import_source(
                folder, dataset_id, options, preprocessing=step.preprocessing, on_progress=on_progress
            )
        job = ensure(
            lambda request_id: self.client.datasets.audit(version.name, request_id), "audit", version.name, CODE_VERSION
        )
        self.display.follow(job, f"auditing {step.folder}")
        return version

    def _trained_gan(self, name: str, step: Gan, results: Results) -> Asked:
        version, config = results.versions[step.data].name, results.plan.gan(step.config)
        return self._asked(
            name,
            lambda request_id: self.client.models.train_gan(version, self._model_id(name), config, request_id),
            version,
            config,
        )

    def _made(self, name: str, step: SyntheticImages, results: Results) -> Asked:
        model, counts = results.gans[step.gan].name, results.plan.counts(step.counts)
        return self._asked(
            name,
            lambda request_id: self.client.synthesis.generate(model, counts, step.seed, request_id, step.options),
            *(model, step.options, step.seed, *(part for item in counts.items() for part in item)),
        )

    def _trained(self, name: str, step: Network, results: Results) -> Sequence[Asked]:
        seeds = results.plan.seeds(step)
        return [
            self._trained_with(seed, f"{name}, seed {seed}" if step.seeds > 1 else name, name, step, results)
            for seed in range(seeds)
        ]

    def _trained_with(self, seed: int, title: str, name: str, step: Network, results: Results) -> Asked:
        made = {item: sum(found.counts.values()) for item, found in results.sets.items()}
        images = images_of(self.recipe, step, results.versions, made)
        config = results.plan.network(step, images, seed, in_step=name in self.recipe.in_step)
        if name in self.recipe.compared:
            config.early_stopping_patience = config.epochs
        if name not in self.recipe.changed or seed:
            config.robustness_images = 0
        version, sets = results.versions[step.data].name, [results.sets[item].name for item in step.synthetic]
        return self._asked(
            title,
            # Papers take their images as they are; the page tells the verdicts.
            lambda request_id: self.client.models.train_classifier(
                *(version, self._model_id(name), config, sets, request_id),
                accept_unadmitted=bool(sets),
                synthetic_only=step.alone,
            ),
            version,
            config,
            step.alone,
            *sets,
        )

    def _evaluated(self, name: str, step: Evaluated, results: Results) -> Sequence[Asked]:
        data, sets = results.versions[step.data].name, [results.sets[item].name for item in step.synthetic]

        def asked(seed: int, model: str) -> Asked:
            return self._asked(
                f"{name}, seed {seed}",
                lambda request_id: self.client.models.evaluate(model, data, step.split, sets, request_id),
                model,
                data,
                int(step.split),
                *sets,
            )

        return [asked(seed, model.name) for seed, model in enumerate(results.networks[step.network])]

    def _model_id(self, step: str) -> str:
        return re.sub(r"[^a-z0-9]+", "-", f"{self.seed} {step}".lower()).strip("-")[:63]

    def _asked(self, title: str, start: Callable[[str], Job], *inputs: Input) -> Asked:
        """The title and job of what is asked for once."""
        return title, ensure(start, "reproduce", self.seed, title, *inputs)

    def _result(self, title: str, asked: Job, results: Results) -> str:
        """What a job makes; how long it took is noted under its title."""
        job = self.display.follow(asked, title)
        results.seconds[title] = (job.end_time.ToDatetime() - job.start_time.ToDatetime()).total_seconds()
        return job.result

    def _fetch(self, results: Results) -> None:
        """The pictures that the page shows, and the answers that gains are computed from."""
        for network in sorted(self.recipe.compared):
            results.predictions[network] = [self._said(model) for model in results.networks[network]]
        grids = [made.grid.name for made in results.sets.values()]
        grids += [grid.image.name for gan in results.gans.values() for grid in ends(gan).values()]
        results.pictures = {name: self.client.images.download(name) for name in grids}
        for section in self.recipe.sections:
            if isinstance(section, Overlays):
                step = self.recipe.steps[section.network]
                assert isinstance(step, Network)  # noqa: S101  # recipes are tested to refer to what they should
                model = results.networks[section.network][0]
                results.explained[section.network] = self._explained(results.versions[step.data], model)

    def _said(self, model: ModelVersion) -> ImagePredictions:
        return ImagePredictions.from_json(self.client.models.download(model, path_of(TEST)))

    def _explained(self, version: DatasetVersion, model: ModelVersion) -> Sequence[Explained]:
        found = []
        for label in version.classes:
            image = next(self.client.datasets.images(version.name, Split.SPLIT_TEST, label), None)
            if image is None:
                continue
            original = self.client.images.download(image.image.name)
            diagnosis, overlay = self.client.diagnoses.diagnose_with_overlay(original, model.name)
            found.append(Explained(label, diagnosis, original, overlay))
        return found


def ends(gan: ModelVersion) -> Mapping[tuple[str, int], SampleGrid]:
    """The sample grids of a generator's first and last iteration, by class and iteration."""
    steps = sorted({grid.step for grid in gan.sample_grids})
    shown = {steps[0], steps[-1]} if steps else set()
    return {(grid.label, grid.step): grid for grid in gan.sample_grids if grid.step in shown}
