import pytest
from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from synthoscope.rpc.settings import ServerSettings, from_environment


class StoreSettings(BaseModel):
    endpoint: str
    secret_key: SecretStr


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="SYNTHOSCOPE_", env_nested_delimiter="__", frozen=True, extra="ignore")

    server: ServerSettings
    store: StoreSettings


def test_listens_on_loopback_unless_told_otherwise(tmp_path):
    settings = ServerSettings(tokens_file=tmp_path)
    assert (settings.host, settings.metrics_host) == ("127.0.0.1", "127.0.0.1")


def test_tokens_are_not_optional():
    with pytest.raises(ValidationError, match="tokens_file"):
        ServerSettings()


@pytest.mark.parametrize(
    "settings",
    [
        {"port": -1},
        {"port": 65536},
        {"tls_key": "key.pem"},
        {"tls_certificate": "certificate.pem"},
        {"tls_client_ca": "ca.pem"},
        {"threads": 0},
        {"unary_seconds": 0},
    ],
)
def test_settings_that_make_no_sense(tmp_path, settings):
    with pytest.raises(ValidationError):
        ServerSettings(tokens_file=tmp_path, **settings)


def test_from_environment(monkeypatch):
    monkeypatch.setenv("SYNTHOSCOPE_SERVER__TOKENS_FILE", "tokens.json")
    monkeypatch.setenv("SYNTHOSCOPE_SERVER__PORT", "7000")
    monkeypatch.setenv("SYNTHOSCOPE_STORE__ENDPOINT", "127.0.0.1:9000")
    monkeypatch.setenv("SYNTHOSCOPE_STORE__SECRET_KEY", "hunter2")
    assert from_environment(Settings).server.port == 7000


def test_wrong_environment_is_named_and_no_secret_is_shown(monkeypatch, capsys):
    monkeypatch.setenv("SYNTHOSCOPE_SERVER__PORT", "many")
    monkeypatch.setenv("SYNTHOSCOPE_STORE__SECRET_KEY", "hunter2")
    with pytest.raises(SystemExit) as caught:
        from_environment(Settings)
    assert caught.value.code == 1
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        "SYNTHOSCOPE_SERVER__PORT",
        "SYNTHOSCOPE_SERVER__TOKENS_FILE",
        "SYNTHOSCOPE_STORE__ENDPOINT",
    ]
    assert "hunter2" not in "".join(lines)
