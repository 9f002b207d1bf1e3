import pytest

from synthoscope import models
from synthoscope.api.models.v1.models_pb2 import Lineage, ModelVersion
from synthoscope.models import aliases, promotion
from synthoscope.objects import InMemoryObjectStore
from synthoscope.rpc.errors import InvalidInput, NotFound

MODEL = "tenants/t/models/m"


@pytest.fixture
def objects():
    return InMemoryObjectStore()


def publish(objects, seed=1):
    return models.publish(objects, MODEL, ModelVersion(lineage=Lineage(seed=seed)), {}).name


def test_an_alias_can_be_used_like_a_version(objects):
    first, second = publish(objects, 1), publish(objects, 2)
    promotion.promote(objects, first, "champion", [])
    assert models.resolve(objects, f"{MODEL}/versions/champion") == first
    assert models.resolve(objects, f"{MODEL}/versions/latest") == second
    assert models.resolve(objects, second) == second
    assert models.get(objects, f"{MODEL}/versions/champion").lineage.seed == 1


@pytest.mark.parametrize("version", ["champion", "latest", "0123456789abcdef", "abcdefabcdefabcd", "No_alias"])
def test_what_stands_for_nothing_is_not_found(objects, version):
    with pytest.raises(NotFound):
        models.get(objects, f"{MODEL}/versions/{version}")


def test_what_has_not_the_form_of_a_version_is_refused(objects):
    with pytest.raises(InvalidInput, match="versions"):
        models.resolve(objects, f"{MODEL}/aliases/champion")


@pytest.mark.parametrize("alias", ["", "Champion", "1st", "a b", "latest", "abcdefabcdefabcd", "a" * 64])
def test_ids_that_no_alias_may_have(alias):
    with pytest.raises(InvalidInput, match="alias"):
        aliases.check_alias(alias)


@pytest.mark.parametrize("alias", ["champion", "c", "abcdefabcdefabcde", "abcdefabcdefabc", "a" * 63])
def test_ids_that_aliases_may_have(alias):
    aliases.check_alias(alias)


def test_aliases_are_listed_by_name_page_by_page(objects):
    name = publish(objects)
    for alias in ("trial", "champion", "challenger"):
        promotion.promote(objects, name, alias, [])
    first = aliases.page(objects, MODEL, 2)
    rest = aliases.page(objects, MODEL, 2, first.next_page_token)
    found = [item.name.rpartition("/")[2] for item in (*first.records, *rest.records)]
    assert found == ["challenger", "champion", "trial"]
    assert rest.next_page_token == ""
    assert all(item.model_version == name for item in first.records)
    assert aliases.page(objects, MODEL, 3).next_page_token == ""
    with pytest.raises(InvalidInput, match="page_size"):
        aliases.page(objects, MODEL, 1001)
