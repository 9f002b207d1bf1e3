"""Model cards (Mitchell et al. 2019): what a version is, for what, how well, and where it comes from.

A card says what the version's record says. It can be made before the version has its name, and be one of its files.
"""

import json
import math
import re
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from synthoscope.api.models.v1.models_pb2 import ModelKind, ModelOutput, ModelVersion, Reliability, SyntheticUse
from synthoscope.api.synthesis.v1.synthesis_pb2 import Admission
from synthoscope.models import card_results
from synthoscope.models.card_limits import intended_use, limits
from synthoscope.models.versions import IDENTITY
from synthoscope.synthetic.verdicts import described

MARKDOWN, JSON = "card.md", "card.json"
"""Paths of a version's card within it."""

_SPECIAL = re.compile(r"([\\`*_\[\]<>|])")


def card_files(version: ModelVersion) -> dict[str, bytes]:
    """The card as files of the version that `version` will become: bytes by path."""
    return {
        MARKDOWN: card_markdown(version).encode(),
        JSON: (json.dumps(card_json(version), indent=2, allow_nan=False) + "\n").encode(),
    }


def card_markdown(version: ModelVersion, *, published: bool = False) -> str:
    """The card as CommonMark with tables; `published` as for `card_json`."""
    environment = Environment(  # noqa: S701  # `finalize` escapes what means something in Markdown
        loader=PackageLoader("synthoscope.models"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.filters["code"] = _code
    card = card_json(version, published=published)
    return environment.get_template("card.md").render(card=card).rstrip() + "\n"


def card_json(version: ModelVersion, *, published: bool = False) -> dict[str, Any]:
    """The card as plain values; None, or an empty list, stands for what was not measured or is no finite number.

    With `published` it also tells the version's name, date and files, which are there only once it is published.
    """
    classifier = version.kind == ModelKind.MODEL_KIND_CLASSIFIER
    card: dict[str, Any] = {
        "model": _model(version),
        "intended_use": {"use": intended_use(version), "limits": limits(version)},
        "training_data": {
            "dataset_version": version.lineage.dataset_version or None,
            "synthetic_sets": _synthetic(version),
            "accepted_unadmitted": version.lineage.accepted_unadmitted,
        },
    }
    if classifier:
        card |= {
            "results": card_results.results(version),
            "robustness": [card_results.robustness(row) for row in version.robustness],
            **_reliability(version.reliability),
        }
    card["lineage"] = {
        "parents": list(version.lineage.parents),
        "job": version.lineage.job or None,
        "code_version": version.lineage.code_version or None,
        "seed": version.lineage.seed,
        "config": _sorted(version.config),
    }
    card["digest_of"] = list(IDENTITY)
    finite: dict[str, Any] = _finite(card | (_published(version) if published else {"published": None}))
    return finite


def _model(version: ModelVersion) -> dict[str, Any]:
    findings = version.output == ModelOutput.MODEL_OUTPUT_FINDINGS
    return {
        "kind": ModelKind.Name(version.kind).removeprefix("MODEL_KIND_").lower(),
        "classes": list(version.classes),
        "several_findings": findings,
        "preset": version.preset,
        "image_size": version.image_size,
        "preprocessing": _sorted(version.preprocessing),
    }


def _synthetic(version: ModelVersion) -> list[dict[str, str]]:
    """The sets that it learned; those of older versions have no verdict on record."""
    known = {use.synthetic_set: _verdict(use) for use in version.lineage.synthetic_uses}
    known |= {name: "not recorded" for name in version.lineage.synthetic_sets if name not in known}
    return [{"synthetic_set": name, "verdict": verdict} for name, verdict in known.items()]


def _verdict(use: SyntheticUse) -> str:
    return "never measured" if use.admission == Admission.ADMISSION_UNSPECIFIED else described(use.admission)


def _reliability(reliability: Reliability) -> dict[str, Any]:
    conformal, strangers, point = reliability.conformal, reliability.out_of_distribution, reliability.operating_point
    return {
        "temperature": reliability.temperature or None,
        "prediction_sets": {
            "coverage": conformal.coverage,
            "threshold": conformal.threshold,
            "images": conformal.images,
            "measured_coverage": conformal.measured_coverage,
            "mean_set_size": conformal.mean_set_size,
            "empty_sets": conformal.empty_sets,
        }
        if reliability.HasField("conformal")
        else None,
        "operating_point": {
            "label": point.label,
            "sensitivity": point.sensitivity,
            "threshold": point.threshold,
            "images": point.images,
        }
        if reliability.HasField("operating_point")
        else None,
        "refusals": {
            "method": strangers.method,
            "neighbours": strangers.neighbours or None,
            "threshold": strangers.threshold,
            "false_refusals": strangers.false_refusals,
            "refused": dict(sorted(strangers.refused.items())),
        }
        if reliability.HasField("out_of_distribution")
        else None,
        "explanation_scales": dict(sorted(reliability.explanation_scales.items())),
    }


def _sorted(message: Message) -> Any:
    """A message as plain values. The order of a map's keys is no part of a message, but of a card's digest."""
    values = json_format.MessageToDict(message, preserving_proto_field_name=True)
    return json.loads(json.dumps(values, sort_keys=True))


def _finite(value: Any) -> Any:
    """Plain values with None for every number that is not finite, which JSON has no word for."""
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _published(version: ModelVersion) -> dict[str, Any]:
    files = [{"path": file.path, "bytes": file.size_bytes, "sha256": file.sha256} for file in version.files]
    when = version.create_time.ToJsonString() if version.HasField("create_time") else None
    return {"published": {"name": version.name, "create_time": when, "files": files}}


def _shown(value: object) -> object:
    """A value in a card's text: numbers in three digits, and names that cannot be taken for Markdown."""
    if value is None:
        return "not measured"
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, str) and not isinstance(value, Markup):
        return _SPECIAL.sub(r"\\\1", " ".join(value.split()))
    return value


def _code(value: object) -> Markup:
    """A value as JSON for a block of code, which no text in it can end."""
    return Markup(json.dumps(value, indent=2).replace("`", "\\u0060"))  # noqa: S704  # not HTML
