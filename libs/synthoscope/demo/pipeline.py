"""The steps of the demo, each through the public client."""

import time
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from synthoscope.api.datasets.v1.audits_pb2 import DatasetAudit
from synthoscope.api.datasets.v1.datasets_pb2 import DatasetVersion, Split
from synthoscope.api.models.v1.models_pb2 import ModelVersion
from synthoscope.api.synthesis.v1.synthesis_pb2 import SyntheticSet
from synthoscope.api.training.v1.training_pb2 import ClassifierTrainingConfig, GanConditioning, GanTrainingConfig
from synthoscope.api.tuning.v1.tuning_pb2 import DoubleRange, NumberChoice, Parameter, Study, StudySpecification
from synthoscope.client import Client
from synthoscope.client.display import Display
from synthoscope.demo.budget import DemoBudget
from synthoscope.demo.results import DemoResults, Explained, GanRun, split_counts


@dataclass(frozen=True)
class Demo:
    """One run of the whole pipeline over a folder of images."""

    client: Client
    folder: Path
    dataset_id: str
    budget: DemoBudget
    display: Display

    def run(self, started: float) -> DemoResults:
        """Runs every step; `started` is the time.monotonic() at which the demo began."""
        dataset = self._import()
        audit = self._audit(dataset)
        gan = self._train_gan(dataset)
        synthetic_set = self._generate(dataset, gan)
        real = self._train_classifier(dataset, "demo-real", "classifier, real images", ())
        mixed = self._train_classifier(
            dataset, "demo-real-plus-synthetic", "classifier, real + synthetic", (synthetic_set.name,)
        )
        return DemoResults(
            budget=self.budget,
            dataset=dataset,
            audit=audit,
            gan=gan,
            synthetic_set=synthetic_set,
            synthetic_grid=self.client.images.download(synthetic_set.grid.name),
            real=real,
            real_plus_synthetic=mixed,
            classifier_study=self._tune_classifier(dataset),
            gan_study=self._tune_gan(dataset),
            explained=[self._explain(dataset, label, real) for label in dataset.classes],
            seconds=time.monotonic() - started,
        )

    def _import(self) -> DatasetVersion:
        with self.display.upload("importing images") as on_progress:
            return self.client.datasets.import_source(self.folder, self.dataset_id, on_progress=on_progress)

    def _audit(self, dataset: DatasetVersion) -> DatasetAudit:
        job = self.display.follow(self.client.datasets.audit(dataset.name), "audit")
        return self.client.datasets.get_audit(job.result)

    def _train_gan(self, dataset: DatasetVersion) -> GanRun:
        config = GanTrainingConfig(
            preset=f"dcgan-{self.budget.image_size}",
            conditioning=GanConditioning.GAN_CONDITIONING_CONDITIONAL,
            epochs=self.budget.gan_epochs(_training_images(dataset)),
            batch_size=self.budget.gan_batch_size,
            seed=self.budget.seed,
        )
        job = self.client.models.train_gan(dataset.name, "demo-gan", config)
        job = self.display.follow(job, "GAN")
        version = self.client.models.get(job.result)
        last = {grid.label: grid for grid in version.sample_grids}
        rates = [event.job.progress.images_per_second for event in self.client.jobs.watch(job.name)]
        return GanRun(
            job=job,
            version=version,
            grids={label: self.client.images.download(grid.image.name) for label, grid in last.items()},
            images_per_second=fmean([rate for rate in rates if rate > 0] or [0.0]),
        )

    def _generate(self, dataset: DatasetVersion, gan: GanRun) -> SyntheticSet:
        counts = dict.fromkeys(dataset.classes, self.budget.synthetic_per_class)
        job = self.client.synthesis.generate(gan.version.name, counts, self.budget.seed)
        return self.client.synthesis.get(self.display.follow(job, "synthetic images").result)

    def _train_classifier(
        self, dataset: DatasetVersion, model_id: str, title: str, synthetic_sets: tuple[str, ...]
    ) -> ModelVersion:
        config = ClassifierTrainingConfig(
            preset=f"cnn-{self.budget.image_size}",
            epochs=self.budget.classifier_epochs(_training_images(dataset)),
            seed=self.budget.seed,
        )
        # The report tells the verdict on the set; its arm is there to be compared whatever it is.
        job = self.client.models.train_classifier(
            dataset.name, model_id, config, synthetic_sets, accept_unadmitted=bool(synthetic_sets)
        )
        return self.client.models.get(self.display.follow(job, title).result)

    def _tune_classifier(self, dataset: DatasetVersion) -> Study:
        base = ClassifierTrainingConfig(
            preset=f"cnn-{self.budget.image_size}", epochs=self.budget.classifier_trial_epochs, seed=self.budget.seed
        )
        parameters = [
            Parameter(name="learning_rate", range=DoubleRange(minimum=3e-4, maximum=3e-3, log=True)),
            Parameter(name="dropout", range=DoubleRange(minimum=0.2, maximum=0.6)),
        ]
        return self._study(
            dataset, StudySpecification(classifier=base, parameters=parameters), "study of the classifier"
        )

    def _tune_gan(self, dataset: DatasetVersion) -> Study:
        base = GanTrainingConfig(
            preset=f"dcgan-{self.budget.image_size}", epochs=self.budget.gan_trial_epochs, seed=self.budget.seed
        )
        parameters = [
            Parameter(name="learning_rate", range=DoubleRange(minimum=1e-4, maximum=1e-3, log=True)),
            Parameter(name="beta1", choice=NumberChoice(values=[0.0, 0.5])),
        ]
        specification = StudySpecification(gan=base, parameters=parameters)
        return self._study(dataset, specification, "study of the GAN")

    def _study(self, dataset: DatasetVersion, specification: StudySpecification, title: str) -> Study:
        specification.max_trials = self.budget.trials
        specification.max_images = self.budget.trial_images
        specification.seed = self.budget.seed
        job = self.client.studies.start(dataset.name, specification)
        return self.client.studies.get(self.display.follow(job, title).result)

    def _explain(self, dataset: DatasetVersion, label: str, model: ModelVersion) -> Explained:
        """Diagnoses the first image of a class, of the test split if there is one: not a chosen one."""
        split = Split.SPLIT_TEST if split_counts(dataset).get("test") else Split.SPLIT_TRAIN
        image = next(self.client.datasets.images(dataset.name, split, label))
        original = self.client.images.download(image.image.name)
        diagnosis, overlay = self.client.diagnoses.diagnose_with_overlay(original, model.name)
        return Explained(image.path, label, diagnosis, original, overlay, f"overlays/{label}.png")


def _training_images(dataset: DatasetVersion) -> int:
    return sum(count.count for count in dataset.counts if count.split == Split.SPLIT_TRAIN)
