"""The demo's results as one self-contained HTML page and one JSON file."""

import json
from collections.abc import Iterator
from math import sqrt
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from synthoscope.api.models.v1.models_pb2 import Curve, Evaluation, ModelVersion
from synthoscope.api.tuning.v1.tuning_pb2 import Study
from synthoscope.demo import plots
from synthoscope.demo.results import DemoResults, split_counts, summary, test_evaluation
from synthoscope.images.data_uri import data_uri
from synthoscope.models import evaluations
from synthoscope.synthetic.verdicts import described, reasons


def write(results: DemoResults, out: Path) -> None:
    """Writes report.html, summary.json and overlays/ into a folder."""
    for item in results.explained:
        file = out / item.overlay_file
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(item.overlay)
    (out / "summary.json").write_text(json.dumps(summary(results), indent=2) + "\n")
    (out / "report.html").write_text(render(results))


def render(results: DemoResults) -> str:
    """The page: no script, nothing fetched from elsewhere."""
    environment = Environment(loader=PackageLoader("synthoscope.demo"), autoescape=True, undefined=StrictUndefined)
    environment.filters["data_uri"] = data_uri
    real, mixed = test_evaluation(results.real), test_evaluation(results.real_plus_synthetic)
    arms = [("real images only", results.real), ("real + synthetic images", results.real_plus_synthetic)]
    return environment.get_template("report.html").render(
        results=results,
        verdict=described(results.synthetic_set.verdict.admission),
        reasons=reasons(results.synthetic_set.verdict),
        counts=split_counts(results.dataset),
        measured=[(title, *row) for title, version in arms for row in _measured(version)],
        twins=dict(results.audit.splits.test_with_twin_in_train),
        pairs=sum(item.count for item in results.audit.pair_counts),
        gan_plot=plots.curves({"GAN losses": _curves(results.gan.version, "loss")}, "training step"),
        confusion_plot=plots.confusion_matrices({"real images only": real, "real + synthetic images": mixed}),
        accuracy_plot=_classifier_plot(results, "accuracy"),
        loss_plot=_classifier_plot(results, "loss"),
        trials_plot=plots.trials(
            {
                "classifier: macro F1 on validation (larger is better)": results.classifier_study,
                "GAN: Fréchet distance (smaller is better)": results.gan_study,
            }
        ),
        best={"classifier": _best(results.classifier_study), "GAN": _best(results.gan_study)},
    )


def _measured(version: ModelVersion) -> Iterator[tuple[str, Evaluation, tuple[float, float] | None]]:
    """What each evaluation is called, and its accuracy's interval; None when no image was left to measure on."""
    for evaluation in filter(None, (test_evaluation(version), evaluations.find(version, evaluations.DEDUPLICATED))):
        yield evaluations.title(evaluation), evaluation, accuracy_interval(evaluation) if evaluation.classes else None


def accuracy_interval(evaluation: Evaluation) -> tuple[float, float]:
    """The 95 % Wilson score interval of an accuracy (Wilson 1927), images taken as independent."""
    count = evaluations.image_count(evaluation)
    z = 1.96
    centre = evaluation.accuracy + z * z / (2 * count)
    spread = z * sqrt(evaluation.accuracy * (1 - evaluation.accuracy) / count + z * z / (4 * count * count))
    scale = 1 + z * z / count
    return (centre - spread) / scale, (centre + spread) / scale


def _classifier_plot(results: DemoResults, quantity: str) -> str:
    versions = {"real images only": results.real, "real + synthetic": results.real_plus_synthetic}
    return plots.curves(
        {f"{quantity}, {title}": _curves(version, quantity) for title, version in versions.items()}, "epoch"
    )


def _curves(version: ModelVersion, quantity: str) -> list[Curve]:
    return [curve for curve in version.curves if curve.metric.endswith(quantity)]


def _best(study: Study) -> str:
    best = [trial for trial in study.trials if trial.id == study.best_trial]
    if not best:
        return "no trial reported"
    settings = ", ".join(f"{name.replace('_', ' ')} {value:.3g}" for name, value in sorted(best[0].parameters.items()))
    return f"{best[0].best_objective:.3f} with {settings}"
