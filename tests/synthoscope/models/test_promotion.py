import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from synthoscope import models
from synthoscope.api.models.v1.models_pb2 import Lineage, ModelVersion, PromotionCheck
from synthoscope.models import aliases
from synthoscope.models.promotion import promote, roll_back
from synthoscope.models.promotion_log import PromotionLog
from synthoscope.objects import InMemoryObjectStore, MinioObjectStore
from synthoscope.rpc.errors import DataLoss, FailedPrecondition, InvalidInput, NotFound, Unavailable

MODEL = "tenants/t/models/m"
CHAMPION = f"{MODEL}/aliases/champion"


@dataclass
class Noting:
    """A check that says what it is told to, and notes what it was asked."""

    passes: bool = True
    name: str = "noting"
    error: Exception | None = None
    asked: list = field(default_factory=list)

    def check(self, objects, candidate, incumbent):
        self.asked.append((candidate.name, incumbent.name if incumbent else None))
        if self.error:
            raise self.error
        return PromotionCheck(name="something else", passed=self.passes, reason=f"said {self.passes}")


@pytest.fixture
def objects():
    return InMemoryObjectStore()


@pytest.fixture
def names(objects):
    return publish(objects, 4)


def publish(objects, count, model=MODEL):
    return [models.publish(objects, model, ModelVersion(lineage=Lineage(seed=seed)), {}).name for seed in range(count)]


def champion(objects):
    return models.resolve(objects, f"{MODEL}/versions/champion")


def recorded(objects, model=MODEL):
    return list(PromotionLog(objects, model).page(1000).records)


def test_a_version_that_passes_gets_the_alias(objects, names):
    check = Noting()
    made = promote(objects, names[0], "champion", [check])
    assert made.accepted
    assert not made.rollback
    assert (made.alias, made.model_version, made.previous) == ("champion", names[0], "")
    assert [(item.name, item.passed, item.reason) for item in made.checks] == [("noting", True, "said True")]
    assert made.HasField("create_time")
    assert champion(objects) == names[0]
    assert promote(objects, names[1], "champion", [check]).previous == names[0]
    assert check.asked == [(names[0], None), (names[1], names[0])]
    assert [item.model_version for item in recorded(objects)] == names[:2]


def test_a_version_can_be_named_by_latest_or_another_alias(objects, names):
    promote(objects, f"{MODEL}/versions/latest", "trial", [])
    assert promote(objects, f"{MODEL}/versions/trial", "champion", []).model_version == names[-1]


def test_all_checks_run_and_their_reasons_are_told_and_recorded(objects, names):
    promote(objects, names[0], "champion", [])
    checks = [Noting(name="one"), Noting(False, "two"), Noting(name="three", error=DataLoss("lost")), Noting(False)]
    with pytest.raises(FailedPrecondition, match=r"00000002\): two: said False; three: lost; noting: said False$"):
        promote(objects, names[1], "champion", checks)
    assert champion(objects) == names[0]
    refused = recorded(objects)[-1]
    assert not refused.accepted
    assert (refused.model_version, refused.previous) == (names[1], names[0])
    assert [(item.name, item.passed) for item in refused.checks] == [
        ("one", True),
        ("two", False),
        ("three", False),
        ("noting", False),
    ]


def test_a_check_that_breaks_does_not_pass_and_tells_no_secrets(objects, names):
    checks = [Noting(error=RuntimeError("patient 12")), Noting(name="later")]
    with pytest.raises(FailedPrecondition, match=r"noting: could not be made: internal error [0-9a-f]{16}$") as caught:
        promote(objects, names[0], "champion", checks)
    assert "patient" not in caught.value.message
    (refused,) = recorded(objects)
    assert [item.passed for item in refused.checks] == [False, True]
    assert "patient" not in str(refused)
    with pytest.raises(NotFound):
        champion(objects)


def test_a_store_that_is_away_is_no_verdict(objects, names):
    with pytest.raises(Unavailable):
        promote(objects, names[0], "champion", [Noting(error=Unavailable("away"))])
    assert recorded(objects) == []


def test_checks_alone_record_nothing(objects, names):
    made = promote(objects, names[0], "champion", [Noting()], validate_only=True)
    assert (made.name, made.accepted) == ("", False)
    assert [item.passed for item in made.checks] == [True]
    with pytest.raises(FailedPrecondition, match=r"does not get champion: noting: said False"):
        promote(objects, names[0], "champion", [Noting(False)], validate_only=True)
    assert recorded(objects) == []
    assert list(objects.list(f"{MODEL}/aliases")) == []


def test_asking_again_is_the_same_as_asking_once(objects, names):
    made = promote(objects, names[0], "champion", [Noting()])
    check = Noting(False)
    assert promote(objects, names[0], "champion", [check]) == made
    assert check.asked == []
    assert recorded(objects) == [made]


def test_wrong_requests(objects, names):
    with pytest.raises(InvalidInput, match="alias"):
        promote(objects, names[0], "latest", [])
    with pytest.raises(NotFound):
        promote(objects, f"{MODEL}/versions/0123456789abcdef", "champion", [])
    with pytest.raises(InvalidInput):
        promote(objects, MODEL, "champion", [])
    with pytest.raises(InvalidInput, match="alias"):
        roll_back(objects, MODEL)
    with pytest.raises(NotFound):
        roll_back(objects, CHAMPION)
    assert recorded(objects) == []


def test_each_rollback_goes_one_further_back(objects, names):
    for name in names[:3]:
        promote(objects, name, "champion", [])
    back = roll_back(objects, CHAMPION)
    assert (back.rollback, back.accepted, list(back.checks)) == (True, True, [])
    assert (back.model_version, back.previous) == (names[1], names[2])
    assert champion(objects) == names[1]
    roll_back(objects, CHAMPION)
    assert champion(objects) == names[0]
    with pytest.raises(FailedPrecondition, match="no version had champion before"):
        roll_back(objects, CHAMPION)
    assert champion(objects) == names[0]
    assert len(recorded(objects)) == 5


def test_a_promotion_after_a_rollback_follows_on_where_it_went(objects, names):
    for name in names[:2]:
        promote(objects, name, "champion", [])
    roll_back(objects, CHAMPION)
    promote(objects, names[2], "champion", [])
    assert roll_back(objects, CHAMPION).model_version == names[0]


def test_a_version_that_was_taken_back_must_pass_again(objects, names):
    for name in names[:2]:
        promote(objects, name, "champion", [])
    roll_back(objects, CHAMPION)
    with pytest.raises(FailedPrecondition):
        promote(objects, names[1], "champion", [Noting(False)])
    assert champion(objects) == names[0]


def test_refused_promotions_are_nothing_to_go_back_to(objects, names):
    promote(objects, names[0], "champion", [])
    with pytest.raises(FailedPrecondition):
        promote(objects, names[1], "champion", [Noting(False)])
    with pytest.raises(FailedPrecondition, match="no version had"):
        roll_back(objects, CHAMPION)


def test_the_checks_run_again_when_another_version_gets_the_alias_meanwhile(objects, names):
    promote(objects, names[0], "champion", [])

    class Overtaken(Noting):
        def check(self, objects, candidate, incumbent):
            if not self.asked:
                promote(objects, names[2], "champion", [])
            return super().check(objects, candidate, incumbent)

    check = Overtaken()
    made = promote(objects, names[1], "champion", [check])
    assert check.asked == [(names[1], names[0]), (names[1], names[2])]
    assert made.previous == names[2]
    assert [item.model_version for item in recorded(objects)] == [names[0], names[2], names[1]]


def test_a_rollback_of_what_has_moved_is_refused(objects, names, monkeypatch):
    for name in names[:2]:
        promote(objects, name, "champion", [])
    append = PromotionLog.append

    def overtaken(log, attempt, held):
        monkeypatch.setattr(PromotionLog, "append", append)
        promote(objects, names[2], "champion", [])
        return append(log, attempt, held)

    monkeypatch.setattr(PromotionLog, "append", overtaken)
    with pytest.raises(FailedPrecondition, match=f"no longer stands for {names[1]}"):
        roll_back(objects, CHAMPION)
    assert champion(objects) == names[2]


@pytest.fixture(params=["memory", pytest.param("s3", marks=pytest.mark.stack)])
def store(request):
    if request.param == "memory":
        return InMemoryObjectStore()
    return MinioObjectStore(request.getfixturevalue("object_store_settings"))


def test_promotions_at_once_are_all_kept_one_after_the_other(store):
    model, count = "tenants/t/models/at-once", 12
    candidates = publish(store, count, model)
    start = threading.Barrier(count)

    def one(number):
        start.wait()
        # A third of them want another alias, and one of three fails its check.
        alias = "trial" if number % 3 == 1 else "champion"
        try:
            return promote(store, candidates[number], alias, [Noting(number % 3 != 2)])
        except FailedPrecondition as error:
            return error

    with ThreadPoolExecutor(count) as threads:
        ended = list(threads.map(one, range(count)))
    found = recorded(store, model)
    assert [item.name.rpartition("/")[2] for item in found] == [f"{number:08d}" for number in range(1, count + 1)]
    assert sorted(item.model_version for item in found) == sorted(candidates)
    accepted = [item for item in ended if not isinstance(item, FailedPrecondition)]
    assert sorted(item.name for item in accepted) == [item.name for item in found if item.accepted]
    for alias in ("champion", "trial"):
        chain = [item for item in found if item.alias == alias and item.accepted]
        assert [item.previous for item in chain] == ["", *(item.model_version for item in chain[:-1])]
        assert models.resolve(store, f"{model}/versions/{alias}") == chain[-1].model_version
    assert len(aliases.page(store, model).records) == 2
