import pytest

from synthoscope import models
from synthoscope.api.models.v1.models_pb2 import ModelKind, ModelVersion, TrafficSplit
from synthoscope.models.promotion import promote
from synthoscope.models.traffic import get_split, set_split, split_beside
from synthoscope.objects import InMemoryObjectStore
from synthoscope.rpc.errors import FailedPrecondition, InvalidInput, NotFound

MODEL = "tenants/default/models/cnn"
NAME = f"{MODEL}/aliases/champion/trafficSplit"
CHAMPION = f"{MODEL}/versions/champion"


@pytest.fixture
def objects():
    return InMemoryObjectStore()


def published(objects, classes=("a", "b"), model=MODEL, preset="cnn-64"):
    record = ModelVersion(kind=ModelKind.MODEL_KIND_CLASSIFIER, classes=classes, image_size=8, preset=preset)
    return models.publish(objects, model, record, {}).name


@pytest.fixture
def champion(objects):
    name = published(objects)
    promote(objects, name, "champion", [])
    return name


def test_a_split_is_kept_and_found_beside_its_alias(objects, champion):
    newer = published(objects, preset="cnn-128")
    assert split_beside(objects, CHAMPION) is None
    kept = set_split(objects, TrafficSplit(name=NAME, candidate=f"{MODEL}/versions/latest", canary=0.1, shadow=1))
    assert (kept.candidate, kept.canary, kept.shadow) == (newer, 0.1, 1)
    assert kept.update_time.seconds > 0
    assert get_split(objects, NAME) == split_beside(objects, CHAMPION) == kept
    assert split_beside(objects, f"{MODEL}/versions/latest") is None
    assert split_beside(objects, newer) is None


def test_both_shares_zero_end_it(objects, champion):
    set_split(objects, TrafficSplit(name=NAME, candidate=champion, canary=0.1))
    set_split(objects, TrafficSplit(name=NAME, candidate=champion))
    assert split_beside(objects, CHAMPION) is None


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"canary": 1.01}, InvalidInput, r"traffic_split.canary: must be a share"),
        ({"shadow": float("nan")}, InvalidInput, r"traffic_split.shadow: must be a share"),
        ({"name": f"{MODEL}/aliases/champion"}, InvalidInput, r"traffic_split.name: must have the form"),
        ({"candidate": "cnn"}, InvalidInput, r"traffic_split.candidate: must have the form"),
        ({"candidate": "tenants/default/models/cnn2/versions/1"}, InvalidInput, "must be a version of"),
        ({"candidate": f"{MODEL}/versions/0123456789abcdef"}, NotFound, "does not exist"),
        ({"name": f"{MODEL}/aliases/challenger/trafficSplit"}, NotFound, "no version or alias challenger"),
    ],
)
def test_what_cannot_be_tried_out_is_refused(objects, champion, change, error, message):
    fields = {"name": NAME, "candidate": champion, "canary": 0.5} | change
    with pytest.raises(error, match=message):
        set_split(objects, TrafficSplit(**fields))
    with pytest.raises(NotFound):
        get_split(objects, NAME)


def test_a_candidate_must_answer_the_same_classes(objects, champion):
    other = published(objects, classes=("b", "a"))
    with pytest.raises(FailedPrecondition, match="answers other classes"):
        set_split(objects, TrafficSplit(name=NAME, candidate=other, canary=0.5))


def test_what_is_no_alias_has_no_split(objects, champion):
    for alias in ("latest", champion.rpartition("/")[2]):
        with pytest.raises(InvalidInput, match=r"traffic_split\.name"):
            set_split(objects, TrafficSplit(name=f"{MODEL}/aliases/{alias}/trafficSplit", candidate=champion, canary=1))
