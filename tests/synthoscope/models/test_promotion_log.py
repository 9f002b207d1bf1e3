import pytest
from google.protobuf import json_format

from synthoscope import models
from synthoscope.api.models.v1.models_pb2 import ModelVersion, Promotion
from synthoscope.models.promotion_log import AliasStates, PromotionLog
from synthoscope.objects import InMemoryObjectStore
from synthoscope.records import Records
from synthoscope.rpc.errors import Unavailable

MODEL = "tenants/t/models/m"
STATES = f"{MODEL}/aliases.json"


def version(letter):
    return f"{MODEL}/versions/{letter * 16}"


def attempt(letter, previous="", alias="champion", **fields):
    found = Promotion(
        alias=alias,
        model_version=version(letter),
        previous=version(previous) if previous else "",
        **{"accepted": True, **fields},
    )
    found.create_time.GetCurrentTime()
    return found


def append(log, *attempts):
    return [log.append(item, log.states().held.get(item.alias)) for item in attempts]


@pytest.fixture
def objects():
    return InMemoryObjectStore()


@pytest.fixture
def log(objects):
    return PromotionLog(objects, MODEL)


def test_a_model_without_promotions_has_no_aliases(log):
    assert log.states() == AliasStates()
    assert log.states().version("champion") == ""
    assert list(log.page().records) == []


def test_promotions_are_numbered_and_the_last_accepted_one_counts(log):
    made = append(log, attempt("a"), attempt("b", "a"), attempt("c", "b", accepted=False), attempt("d", alias="trial"))
    assert [item.name for item in made] == [f"{MODEL}/promotions/{number:08d}" for number in (1, 2, 3, 4)]
    assert list(log.page().records) == made
    states = log.states()
    assert states.version("champion") == version("b")
    assert states.version("trial") == version("d")
    alias = states.held["champion"].alias
    assert (alias.name, alias.promotion) == (f"{MODEL}/aliases/champion", made[1].name)
    assert alias.update_time == made[1].create_time
    assert states.held["champion"].earlier == (version("a"),)


def test_a_rollback_takes_the_top_off(log):
    append(log, attempt("a"), attempt("b", "a"), attempt("c", "b"), attempt("b", "c", rollback=True))
    assert log.states().version("champion") == version("b")
    assert log.states().held["champion"].earlier == (version("a"),)
    append(log, attempt("d", "b"))
    assert log.states().held["champion"].earlier == (version("a"), version("b"))


def test_what_an_alias_stands_for_is_read_with_two_requests(objects, log):
    append(log, *(attempt(letter, alias=letter) for letter in "abcdef"))
    asked = []
    get = objects.get
    objects.get = lambda key: asked.append(key) or get(key)
    assert log.states().version("f") == version("f")
    assert asked == [STATES, f"{MODEL}/promotions/00000007/promotion.json"]


@pytest.mark.parametrize("kept", [None, "old", b"", b"[1]", b'{"number": 1}'])
def test_what_is_kept_may_be_lost_old_or_damaged(objects, log, kept):
    append(log, attempt("a"))
    old = objects.get(STATES)
    append(log, attempt("b", "a"), attempt("c", alias="trial"))
    states = log.states()
    if kept is None:
        objects.delete(STATES)
    else:
        objects.put(STATES, old if kept == "old" else kept)
    assert log.states() == states


def test_what_failed_to_be_kept_is_of_no_consequence(objects, log, monkeypatch):
    def lost(*_, **__):
        raise Unavailable("away")

    monkeypatch.setattr(objects, "put", lost)
    append(log, attempt("a"), attempt("b", "a"))
    assert log.states().version("champion") == version("b")


def test_an_attempt_on_an_alias_that_moved_is_not_recorded(log):
    held = log.states().held.get("champion")
    append(log, attempt("a"))
    assert log.append(attempt("b"), held) is None
    assert [item.model_version for item in log.page().records] == [version("a")]
    # One of another alias was only numbered first.
    assert log.append(attempt("b", alias="trial"), None).name.endswith("/00000002")


def test_an_answer_that_is_lost_is_looked_for(objects, log, monkeypatch):
    put = objects.put_if_absent

    def stored_but_silent(key, data, **keywords):
        put(key, data, **keywords)
        raise Unavailable("no answer")

    monkeypatch.setattr(objects, "put_if_absent", stored_but_silent)
    made = append(log, attempt("a"), attempt("b", "a"))
    assert list(log.page().records) == made


def test_a_number_that_somebody_else_took_without_an_answer_is_left_to_them(objects, log, monkeypatch):
    theirs = attempt("c", alias="trial", name=f"{MODEL}/promotions/00000001")
    put = objects.put_if_absent

    def taken_before(key, data, **keywords):
        if key.endswith("00000001/promotion.json"):
            put(key, json_format.MessageToJson(theirs).encode())
            raise Unavailable("no answer")
        return put(key, data, **keywords)

    monkeypatch.setattr(objects, "put_if_absent", taken_before)
    (made,) = append(log, attempt("a"))
    assert made.name.endswith("/00000002")
    assert list(log.page().records) == [theirs, made]


def test_a_store_that_is_away_is_said_to_be(objects, log, monkeypatch):
    def away(*_, **__):
        raise Unavailable("away")

    monkeypatch.setattr(objects, "put_if_absent", away)
    with pytest.raises(Unavailable, match="away"):
        append(log, attempt("a"))
    assert list(log.page().records) == []


def test_promotions_are_not_taken_for_versions(objects, log):
    published = models.publish(objects, MODEL, ModelVersion(), {})
    append(log, attempt("a"))
    assert list(Records(objects, ModelVersion).all("tenants/t/models")) == [published]
