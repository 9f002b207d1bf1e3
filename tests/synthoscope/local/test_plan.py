import json

import pytest

from synthoscope.local import plan
from synthoscope.local.environment import of_stack
from synthoscope.local.processes import PROCESSES, RAY_STORAGE_KEYS

BY_NAME = {process.name: process for process in PROCESSES}
KEY = "SYNTHOSCOPE_PSEUDONYM_KEY"


def key_of(home) -> str:
    return plan.state_for(home, PROCESSES, {}).pseudonym_key.get_secret_value()


@pytest.fixture(autouse=True)
def no_key_is_given(monkeypatch):
    monkeypatch.delenv(KEY, raising=False)


def test_the_key_of_the_pseudonyms_is_made_once_and_kept(tmp_path) -> None:
    made = key_of(tmp_path)
    assert len(made) == 64
    assert key_of(tmp_path) == made


def test_a_home_from_before_there_was_a_key_gets_one(tmp_path) -> None:
    plan.state_for(tmp_path, PROCESSES, {})
    file = tmp_path / "secrets.json"
    secrets = json.loads(file.read_text())
    del secrets["pseudonym_key"]
    file.write_text(json.dumps(secrets))
    made = key_of(tmp_path)
    assert key_of(tmp_path) == made
    assert json.loads(file.read_text()) == {**secrets, "pseudonym_key": made}


def test_only_the_services_that_take_identified_images_get_the_key(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv(KEY, given := "k" * 32)
    state = plan.state_for(tmp_path, PROCESSES, {})
    assert {process.name for process in PROCESSES if process.environment(state).get(KEY) == given} == {
        "training",
        "classification",
    }
    assert KEY not in of_stack(state)
    assert given not in repr(state)


def test_only_ray_gets_the_identity_that_may_write_its_bucket(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv(RAY_STORAGE_KEYS[1], "of-the-caller")
    state = plan.state_for(tmp_path, PROCESSES, {})
    storage, objects = state.ray_storage, state.objects
    assert (storage.endpoint, storage.bucket) == (objects.endpoint, "synthoscope-ray")
    assert len({storage.access_key, objects.access_key, storage.secret_key, objects.secret_key}) == 4
    given = {name: process.environment(state).get(RAY_STORAGE_KEYS[1]) for name, process in BY_NAME.items()}
    assert given.pop("ray") == storage.secret_key.get_secret_value()
    assert set(given.values()) == {None}
    assert not set(RAY_STORAGE_KEYS) & set(of_stack(state))


def test_an_external_store_may_have_an_identity_for_ray_too(tmp_path, monkeypatch) -> None:
    for name, value in (("ENDPOINT", "s3:9000"), ("ACCESS_KEY", "services"), ("SECRET_KEY", "one")):
        monkeypatch.setenv(f"SYNTHOSCOPE_OBJECTS__{name}", value)
    assert plan.state_for(tmp_path, PROCESSES, {}).ray_storage.access_key == "services"
    for name, value in zip(RAY_STORAGE_KEYS, ("ray", "two"), strict=True):
        monkeypatch.setenv(name, value)
    storage = plan.state_for(tmp_path, PROCESSES, {}).ray_storage
    assert (storage.endpoint, storage.access_key) == ("s3:9000", "ray")
    assert storage.secret_key.get_secret_value() == "two"
