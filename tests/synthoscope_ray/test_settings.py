import pytest

from synthoscope.classifier.pretrained.catalogue import RELEASES
from synthoscope_ray.settings import ProgramSettings


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    monkeypatch.setenv("SYNTHOSCOPE_OBJECTS", '{"endpoint": "h:1", "access_key": "a", "secret_key": "s"}')
    monkeypatch.setenv("SYNTHOSCOPE_REDIS", "{}")


def test_where_weights_are_downloaded_from_can_be_told(monkeypatch):
    assert ProgramSettings().weights_url == RELEASES
    monkeypatch.setenv("SYNTHOSCOPE_WEIGHTS_URL", "https://mirror.example/weights")
    assert ProgramSettings().weights_url == "https://mirror.example/weights"
