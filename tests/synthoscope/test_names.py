import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthoscope import names
from synthoscope.names import Collection
from synthoscope.rpc.errors import InvalidInput

COLLECTIONS = {name: value for name, value in vars(names).items() if isinstance(value, Collection)}
SEGMENT = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}", fullmatch=True)


@given(data=st.data())
@pytest.mark.parametrize("collection", COLLECTIONS.values(), ids=COLLECTIONS)
def test_a_name_gives_its_ids_back(collection, data):
    fields = [part[1:-1] for part in collection.template.split("/") if part.startswith("{")]
    ids = {field: data.draw(SEGMENT) for field in fields}
    name = collection.format(**ids)
    assert collection.parse(name) == ids
    assert names.tenant_of(name) == ids["tenant"]


@given(text=st.text(alphabet=st.sampled_from("tenas/job12.-_ \n\x00é{}%"), max_size=40))
def test_parsing_gives_ids_that_are_safe_in_keys_or_refuses(text):
    try:
        ids = names.JOB.parse(text)
    except InvalidInput:
        return
    assert names.JOB.format(**ids) == text
    assert all(part not in ids["job"] for part in ("/", "..", "\n", "\x00", " "))


@pytest.mark.parametrize(
    "name",
    [
        "",
        "jobs/1",
        "tenants/a/jobs",
        "tenants/a/jobs/",
        "tenants/a/jobs/1/",
        "/tenants/a/jobs/1",
        "tenants//jobs/1",
        "tenants/a/jobs/..",
        "tenants/../jobs/1",
        "tenants/a/jobs/-1",
        "tenants/a/jobs/1\n",
        "tenants/a/jobs/1 ",
        "tenants/a/models/1",
        "Tenants/a/jobs/1",
        "tenants/a/jobs/é",
        "tenants/a/jobs/" + "x" * 129,
    ],
)
def test_names_of_another_form_are_refused_with_the_right_one(name):
    with pytest.raises(InvalidInput) as caught:
        names.JOB.parse(name, field="job")
    assert [violation.field for violation in caught.value.violations] == ["job"]
    assert "tenants/{tenant}/jobs/{job}" in caught.value.message


def test_tenant_of_what_is_not_a_name():
    for name in ("", "a", "tenant/a", "tenants", "tenants/"):
        with pytest.raises(InvalidInput):
            names.tenant_of(name)


@pytest.mark.parametrize("value", ["a", "brain-mri", "a0", "x" * 63])
def test_ids_that_may_be_chosen(value):
    assert names.check_id(value, "dataset_id") == value


@pytest.mark.parametrize("value", ["", "A", "0a", "-a", "a_b", "a/b", "..", "a\n", "é", "x" * 64])
def test_ids_that_may_not(value):
    with pytest.raises(InvalidInput, match="dataset_id"):
        names.check_id(value, "dataset_id")
