"""Every recipe refers to what it has, and asks for what the services accept."""

import copy

import pytest

from synthoscope.api.datasets.v1.datasets_pb2 import ClassCount, DatasetVersion, Split
from synthoscope.api.training.v1.training_pb2 import Augmentation, ClassifierTrainingConfig
from synthoscope.classifier.parsing import from_message
from synthoscope.gan import config as gan_config
from synthoscope.metrics.measurement import Nearness as MeasuredNearness
from synthoscope.models import evaluations
from synthoscope.reproduction import budget
from synthoscope.reproduction.budget import FEWEST_IMAGES, Plan, images_of, plan
from synthoscope.reproduction.excerpt import DIVISOR, LINES, excerpt
from synthoscope.reproduction.made_up import SIDE
from synthoscope.reproduction.recipe import (
    AtEpoch,
    Changed,
    Count,
    Courses,
    Derived,
    Evaluated,
    Gain,
    Gan,
    Imported,
    Nearness,
    Network,
    Overlays,
    Pictures,
    Recipe,
    Score,
    Seconds,
    SyntheticImages,
    Table,
)
from synthoscope.reproduction.seeds import SEEDS
from synthoscope.reproduction.sides import divided

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
                    assert from_message(shown.network(step, 500, seed=2)).seed == 2
                case SyntheticImages():
                    assert set(shown.counts(step.counts)) == set(step.counts)


@recipes
def test_what_the_page_shows_is_there(recipe):
    steps = recipe.steps
    for cell in recipe.cells:
        match cell:
            case Score():
                wanted = Network if cell.split else Evaluated
                assert isinstance(steps[cell.of], wanted), cell
                assert cell.split in ("", *SPLITS)
            case Seconds() | AtEpoch():
                assert isinstance(steps[cell.network], Network)
            case Count():
                assert isinstance(steps[cell.synthetic], SyntheticImages)
            case Gain():
                ours, theirs = steps[cell.network], steps[cell.reference]
                assert (ours.data, ours.config, ours.seeds) == (theirs.data, theirs.config, theirs.seeds)
                assert (theirs.as_long_as, ours.as_long_as) in ((cell.network, ""), ("", cell.reference))
            case Nearness():
                assert isinstance(steps[cell.synthetic], SyntheticImages)
                assert steps[cell.synthetic].options.measure_with
                assert cell.name in MeasuredNearness.__dataclass_fields__
                assert not cell.label or cell.label in steps[cell.synthetic].counts
    for section in recipe.sections:
        match section:
            case Table():
                assert all(len(row) == len(section.columns) for row in section.rows), section.title
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
    assert plan(recipe, versions, 1e9) == Plan(1e9)


@recipes
def test_on_made_up_images_all_networks_are_of_their_size(recipe):
    before = copy.deepcopy(recipe)
    small = excerpt(recipe)
    assert small.divisor == DIVISOR
    assert small.steps.keys() <= recipe.steps.keys()
    for name, step in small.steps.items():
        match step:
            case Gan():
                # Of the presets that the recipes use, one has a size of its own.
                assert gan_config.from_message(step.config).image_size == (
                    128 if step.config.preset == "dcgan-128" else SIDE
                )
            case Network():
                assert from_message(step.config).image_size == SIDE
            case SyntheticImages():
                assert step.options.output_size <= SIDE
                assert step.counts == recipe.steps[name].counts
    assert recipe == before


@recipes
def test_an_excerpt_has_every_claim_that_is_done_right_and_every_section_and_what_these_need(recipe):
    small = excerpt(recipe)
    alone = [row for row in recipe.rows if row.done_right is None]
    assert small.rows == [row for row in recipe.rows if row not in alone[LINES:]]
    assert [section.title for section in small.sections] == [section.title for section in recipe.sections]
    assert all(len(section.rows) <= LINES for section in small.sections if isinstance(section, Table))
    test_steps_come_after_those_that_they_refer_to(small)
    test_what_the_page_shows_is_there(small)
    kinds = {type(step) for step in recipe.steps.values()}
    assert {type(step) for step in small.steps.values()} == kinds


def test_an_excerpt_leaves_out_more_of_the_same():
    seed3 = SEEDS["seed3"]
    left_out = seed3.steps.keys() - excerpt(seed3).steps.keys()
    assert {"LSGAN, three kinds", "800 images, 512 px", "CNN, 800 images, 512 px", "WGAN, three kinds"} <= left_out
    assert "CNN, grouped, real alone" not in left_out


def test_sides_are_divided_down_to_the_least():
    halves = divided(SEEDS["seed3"], 4).steps
    sides = [from_message(halves[f"CNN, 800 images, {side} px"].config).image_size for side in (256, 512)]
    assert sides == [64, 128]
    assert [halves[f"GAN, {side} px"].config.image_size for side in (256, 512)] == [64, 128]
    assert from_message(divided(SEEDS["seed4"], 4).steps["real only"].config).image_size == 64
    assert divided(divided(SEEDS["seed3"], 2), 2) == divided(SEEDS["seed3"], 4)


def test_a_part_and_a_whole_network_within_a_budget_and_without():
    config = ClassifierTrainingConfig(preset="cnn-64", epochs=10)
    half, whole = Network("images", config, part=0.5), Network("images", config, whole=True)
    assert [Plan(10.0, classifiers=0.4).share_of(step) for step in (half, whole)] == [0.2, 1.0]
    assert [Plan(0.0).share_of(step) for step in (half, whole)] == [1.0, 1.0]
    counts = [ClassCount(split=Split.SPLIT_TRAIN, label="a", count=400_000)]
    versions = {"images": DatasetVersion(classes=["a"], counts=counts)}

    def share(step):
        return plan(Recipe("", "", {"it": step}, (), (), ()), versions, 10).classifiers

    assert share(half) == pytest.approx(2 * share(Network("images", config)))
    assert share(whole) == 1.0


def test_where_jobs_hardly_fit_classifiers_have_one_seed():
    recipe = SEEDS["seed1"]
    versions = versions_of(recipe)
    hurried, calm = (plan(recipe, versions, minutes) for minutes in (5, 60))
    step = recipe.steps["mixed, grouped"]
    assert (hurried.seeds(step), calm.seeds(step)) == (1, 3)


def test_what_a_part_does_not_need_goes_to_the_others():
    # Of 600 s generators would get 200 s and images 100 s; they need 90 and 10, which leaves 500 s.
    needed = {"generators": 90.0, "images": 10.0, "classifiers": 1000.0}
    assert budget._shared(needed, 600.0) == {"generators": 1.0, "images": 1.0, "classifiers": 0.5}
    needed = {"generators": 4000.0, "images": 0.0, "classifiers": 1000.0}
    assert budget._shared(needed, 500.0) == pytest.approx({"generators": 0.05, "images": 1.0, "classifiers": 0.3})


def test_fixed_features_are_learned_for_all_epochs():
    config = ClassifierTrainingConfig(
        preset="efficientnet-lite0", epochs=20, frozen_epochs=-1, augmentation=Augmentation()
    )
    fixed = Network("images", config)
    assert Plan(10.0, classifiers=0.01).network(fixed, 640, 0).epochs == 20


def test_networks_that_are_compared_take_as_many_steps():
    config = ClassifierTrainingConfig(preset="cnn-64", epochs=10, batch_size=32)
    more, same = Network("images", config, ("made",)), Network("images", config, as_long_as="more")
    made = SyntheticImages("gan", {"a": 100})
    recipe = Recipe("", "", {"made": made, "more": more, "same": same}, (), (), ())
    counts = [ClassCount(split=Split.SPLIT_TRAIN, label="a", count=400)]
    versions = {"images": DatasetVersion(classes=["a"], counts=counts)}
    assert recipe.in_step == {"more", "same"}
    for classifiers in (1.0, 0.3, 0.01):
        shown = Plan(10.0, classifiers=classifiers)
        both = [
            shown.network(step, images_of(recipe, step, versions, {"made": 90}), 0, in_step=True)
            for step in (more, same)
        ]
        # A pass leaves out what does not fill a batch: 360 real and 90 synthetic images are 14 steps.
        assert [found.epochs for found in both] == [max(1, round(10 * classifiers))] * 2
        assert [found.steps_per_epoch for found in both] == ([2, 2] if classifiers == 0.01 else [14, 14])


def test_amounts_are_scaled_by_the_shares():
    shown = Plan(10.0, 0.1, 0.02, 0.25)
    gan = SEEDS["seed5"].steps["gan"].config
    assert (shown.gan(gan).epochs, shown.gan(gan).class_epochs["PNEUMONIA"]) == (10, 15)
    assert (gan.epochs, gan.class_epochs["PNEUMONIA"]) == (100, 150)
    assert shown.counts({"a": 15_000, "b": 100, "c": 3}) == {"a": 300, "b": FEWEST_IMAGES, "c": 3}
    vgg16 = SEEDS["seed4"].steps["synthetic only"]
    assert (shown.network(vgg16, 640, 0).epochs, shown.network(vgg16, 640, 0).steps_per_epoch) == (15, 0)
    least = Plan(1.0, classifiers=1 / 600).network(vgg16, 640, 0)
    assert (least.epochs, least.steps_per_epoch) == (1, 1)


def test_a_network_that_learns_synthetic_images_alone_sees_no_real_ones():
    recipe = SEEDS["seed4"]
    versions = versions_of(recipe)
    alone = recipe.steps["synthetic only"]
    real = Network("chest", alone.config)
    assert images_of(recipe, alone, versions, {"synthetic": 30_000}) == 30_000
    assert images_of(recipe, real, versions, {}) == 3_200  # a fifth is held out
