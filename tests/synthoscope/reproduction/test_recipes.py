"""Every recipe refers to what it has, and asks for what the services accept."""

import pytest

from synthoscope.api.datasets.v1.datasets_pb2 import ClassCount, DatasetVersion, Split
from synthoscope.classifier.parsing import from_message
from synthoscope.gan import config as gan_config
from synthoscope.metrics.measurement import Nearness as MeasuredNearness
from synthoscope.models import evaluations
from synthoscope.reproduction.budget import FEWEST_IMAGES, Plan, images_of, plan
from synthoscope.reproduction.recipe import (
    AtEpoch,
    Changed,
    Confusions,
    Courses,
    Derived,
    Evaluated,
    Gan,
    Imported,
    Nearness,
    Network,
    Overlays,
    Pictures,
    Score,
    Seconds,
    SyntheticImages,
    Table,
)
from synthoscope.reproduction.seeds import SEEDS

SPLITS = (evaluations.TEST, evaluations.DEDUPLICATED, evaluations.VALIDATION)
IMAGES = (Imported, Derived)

recipes = pytest.mark.parametrize("recipe", SEEDS.values(), ids=SEEDS)


@recipes
def test_steps_come_after_those_that_they_refer_to(recipe):
    seen = {}
    for name, step in recipe.steps.items():
        match step:
            case Derived():
                assert isinstance(seen[step.parent], IMAGES)
            case Gan():
                assert isinstance(seen[step.data], IMAGES)
            case SyntheticImages():
                assert isinstance(seen[step.gan], Gan)
            case Network() | Evaluated():
                assert isinstance(seen[step.data], IMAGES)
                assert all(isinstance(seen[made], SyntheticImages) for made in step.synthetic)
        if isinstance(step, Evaluated):
            assert isinstance(seen[step.network], Network)
        seen[name] = step


@recipes
def test_configurations_are_accepted_as_they_are_and_scaled_down(recipe):
    for minutes_share in (1.0, 0.001):
        shown = Plan(1.0, minutes_share, minutes_share, minutes_share)
        for step in recipe.steps.values():
            match step:
                case Gan():
                    assert gan_config.from_message(shown.gan(step.config)).epochs >= 1
                case Network():
                    assert from_message(shown.network(step.config, 500, seed=2)).seed == 2
                case SyntheticImages():
                    assert set(shown.counts(step.counts)) == set(step.counts)


def cells_of(recipe):
    for row in recipe.rows:
        yield from (row.as_they_did, row.done_right)
    for section in recipe.sections:
        if isinstance(section, Table):
            assert all(len(row) == len(section.columns) for row in section.rows), section.title
            yield from (cell for row in section.rows for cell in row)
        elif isinstance(section, Confusions):
            yield from section.of.values()


@recipes
def test_what_the_page_shows_is_there(recipe):
    steps = recipe.steps
    for cell in cells_of(recipe):
        match cell:
            case Score():
                wanted = Network if cell.split else Evaluated
                assert isinstance(steps[cell.of], wanted), cell
                assert cell.split in ("", *SPLITS)
            case Seconds() | AtEpoch():
                assert isinstance(steps[cell.network], Network)
            case Nearness():
                assert isinstance(steps[cell.synthetic], SyntheticImages)
                assert steps[cell.synthetic].options.measure_with
                assert cell.name in MeasuredNearness.__dataclass_fields__
                assert not cell.label or cell.label in steps[cell.synthetic].counts
    for section in recipe.sections:
        match section:
            case Pictures():
                assert all(isinstance(steps[name], SyntheticImages | Gan) for name in section.of)
            case Courses():
                assert all(isinstance(steps[name], Network) for name in section.networks)
            case Overlays() | Changed():
                assert isinstance(steps[section.network], Network)


@recipes
def test_every_recipe_says_what_differs_and_compares_something(recipe):
    assert recipe.differences
    assert recipe.rows
    assert any(row.done_right is not None for row in recipe.rows)


def versions_of(recipe, train=4000):
    counts = [ClassCount(split=Split.SPLIT_TRAIN, label=label, count=train // 2) for label in ("NORMAL", "PNEUMONIA")]
    version = DatasetVersion(classes=["NORMAL", "PNEUMONIA"], counts=counts)
    return {name: version for name, step in recipe.steps.items() if isinstance(step, IMAGES)}


@recipes
def test_a_larger_budget_gives_a_larger_share_and_none_gives_all(recipe):
    versions = versions_of(recipe)
    small, large = (plan(recipe, versions, minutes) for minutes in (5, 50))
    assert plan(recipe, versions, 0) == Plan(0.0)
    for part in ("generators", "images", "classifiers"):
        assert 0 < getattr(small, part) <= getattr(large, part) <= 1
        if getattr(large, part) < 1:
            assert getattr(large, part) == pytest.approx(10 * getattr(small, part))
    assert plan(recipe, versions, 1e9) == Plan(1e9)


def test_amounts_are_scaled_by_the_shares():
    shown = Plan(10.0, 0.1, 0.02, 0.25)
    gan = SEEDS["seed5"].steps["gan"].config
    assert (shown.gan(gan).epochs, shown.gan(gan).class_epochs["PNEUMONIA"]) == (10, 15)
    assert (gan.epochs, gan.class_epochs["PNEUMONIA"]) == (100, 150)
    assert shown.counts({"a": 15_000, "b": 100, "c": 3}) == {"a": 300, "b": FEWEST_IMAGES, "c": 3}
    vgg16 = SEEDS["seed4"].steps["real only"].config
    assert (shown.network(vgg16, 640, 0).epochs, shown.network(vgg16, 640, 0).steps_per_epoch) == (15, 0)
    least = Plan(1.0, classifiers=1 / 600).network(vgg16, 640, 0)
    assert (least.epochs, least.steps_per_epoch) == (1, 1)


def test_a_network_that_learns_synthetic_images_alone_sees_no_real_ones():
    recipe = SEEDS["seed4"]
    versions = versions_of(recipe)
    alone, real = recipe.steps["synthetic only"], recipe.steps["real only"]
    assert images_of(recipe, alone, versions, Plan(1.0)) == 30_000
    assert images_of(recipe, alone, versions, Plan(1.0, images=0.1)) == 3_000
    assert images_of(recipe, real, versions, Plan(1.0)) == 4_000
