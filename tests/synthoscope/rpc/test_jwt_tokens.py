import asyncio
import base64
import hmac
import json
import socket
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from pydantic import ValidationError

from synthoscope.rpc.auth import Authenticator, Caller
from synthoscope.rpc.errors import StartupError, Unauthenticated
from synthoscope.rpc.jwt_tokens import JwtTokens
from synthoscope.rpc.settings import JwtSettings

ISSUER, AUDIENCE = "https://idp.example", "synthoscope"
KEYS = {"rsa": rsa.generate_private_key(65537, 2048), "ec": ec.generate_private_key(ec.SECP256R1())}
ALGORITHMS = {"rsa": "RS256", "ec": "ES256"}


def jwks(*names):
    kinds = {"rsa": jwt.algorithms.RSAAlgorithm, "ec": jwt.algorithms.ECAlgorithm}
    keys = [json.loads(kinds[name].to_jwk(KEYS[name].public_key())) for name in names]
    return json.dumps({"keys": [{**key, "kid": name} for key, name in zip(keys, names, strict=True)]})


def token(name="rsa", key=None, headers=None, algorithm=None, **claims):
    whole = {
        "iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "tenant": "north", "roles": ["diagnose"], "exp": time.time() + 60,
    } | claims  # fmt: skip
    kept = {claim: value for claim, value in whole.items() if value is not None}
    return jwt.encode(kept, key or KEYS[name], algorithm or ALGORITHMS[name], headers=headers or {"kid": name})


def settings(jwks, **fields):
    return JwtSettings(jwks=str(jwks), issuer=ISSUER, audience=AUDIENCE, **fields)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "jwks.json"
    path.write_text(jwks("rsa", "ec"))
    return path


@pytest.mark.parametrize("name", KEYS)
def test_a_signed_token_stands_for_its_claims(file, name):
    assert JwtTokens(settings(file)).claims(token(name)) == ("north", "ada", frozenset({"diagnose"}))


def test_claims_may_be_called_otherwise_and_unknown_roles_do_not_count(file):
    tokens = JwtTokens(settings(file, tenant_claim="org", roles_claim="scope"))
    assert tokens.claims(token(org="south", scope="openid read train")) == (
        "south",
        "ada",
        frozenset({"read", "train"}),
    )
    assert tokens.claims(token(org="south", scope=7))[2] == frozenset()


def test_beside_the_tokens_of_the_file(file):
    found = Authenticator((), JwtTokens(settings(file))).authenticate([("authorization", f"Bearer {token()}")])
    assert found == Caller("north", "ada", frozenset({"diagnose"}))
    with pytest.raises(Unauthenticated, match="not known here"):
        Authenticator((), JwtTokens(settings(file))).authenticate([("authorization", "Bearer plain")])
    with pytest.raises(Unauthenticated, match="not known here"):
        Authenticator(()).authenticate([("authorization", f"Bearer {token()}")])


def signed_with_the_public_key():
    format_ = serialization.PublicFormat.SubjectPublicKeyInfo
    public = KEYS["rsa"].public_key().public_bytes(serialization.Encoding.PEM, format_)
    payload = token().split(".")[1]
    head = base64.urlsafe_b64encode(json.dumps({"alg": "HS256", "kid": "rsa"}).encode()).rstrip(b"=").decode()
    signature = hmac.digest(public, f"{head}.{payload}".encode(), "sha256")
    return f"{head}.{payload}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (lambda: token(exp=time.time() - 60), "expired"),
        (lambda: token(nbf=time.time() + 60), "not valid yet"),
        (lambda: token(iss="https://other.example"), "another issuer"),
        (lambda: token(aud="other"), "another audience"),
        (lambda: token(exp=None), "lacks exp or sub"),
        (lambda: token(sub=None), "lacks exp or sub"),
        (lambda: token(tenant=None), "no claim tenant"),
        (lambda: token(tenant=["north"]), "no claim tenant"),
        (lambda: token(headers={"kid": "other"}), "not known here"),
        (lambda: token("ec", headers={"kid": "rsa"}), "no token of ours"),
        (lambda: token(key=rsa.generate_private_key(65537, 2048)), "no token of ours"),
        (lambda: jwt.encode({"sub": "ada"}, None, "none", headers={"kid": "rsa"}), "no token of ours"),
        # Signed with what everybody knows, in the hope that it is taken for a secret.
        (signed_with_the_public_key, "no token of ours"),
        (lambda: token()[:-6] + "AAAAAA", "no token of ours"),
        (lambda: "a.b.c", "no token of ours"),
    ],
)
def test_other_tokens_are_not_taken(file, made, reason):
    with pytest.raises(Unauthenticated, match=reason):
        JwtTokens(settings(file, leeway_seconds=0)).claims(made())


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"keys": []}', '{"keys": [{"kty": "oct"}]}', "x" * (1 << 20 | 1)])
def test_what_is_no_jwks_is_refused_at_the_start(tmp_path, text):
    path = tmp_path / "jwks.json"
    path.write_text(text)
    with pytest.raises(StartupError, match=r"jwks\.json"):
        JwtTokens(settings(path))
    with pytest.raises(StartupError, match="No such file"):
        JwtTokens(settings(tmp_path / "none.json"))


def test_keys_travel_safely():
    with pytest.raises(ValidationError, match="https"):
        settings("http://idp.example/keys")
    with pytest.raises(ValidationError, match="https"):
        settings("http://localhost.example.com/keys")


class Provider:
    """An identity provider's address on loopback; `keys` is what it answers, None for an error."""

    def __init__(self):
        self.keys, self.asked = None, 0
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                provider.asked += 1
                self.send_response(200 if provider.keys else 503)
                self.end_headers()
                self.wfile.write((provider.keys or "").encode())

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}/keys"
        Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def provider():
    provider = Provider()
    yield provider
    provider.server.shutdown()
    provider.server.server_close()


async def until(condition, seconds=5.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.02)


def taken(tokens, text):
    try:
        return bool(tokens.claims(text))
    except Unauthenticated:
        return False


async def test_keys_are_followed(provider, monkeypatch):
    monkeypatch.setattr("synthoscope.rpc.jwt_tokens._SOONEST", 0.1)
    tokens, stop = JwtTokens(settings(provider.address)), asyncio.Event()
    assert not taken(tokens, token())
    watch = asyncio.create_task(tokens.watch(stop))
    provider.keys = jwks("rsa")
    await until(lambda: taken(tokens, token()))
    # A new key is looked for as soon as a token names it.
    assert not taken(tokens, token("ec"))
    provider.keys = jwks("ec")
    await until(lambda: taken(tokens, token("ec")))
    assert not taken(tokens, token("rsa"))
    provider.keys, asked = None, provider.asked
    await until(lambda: not taken(tokens, token("rsa")) and provider.asked > asked)
    assert taken(tokens, token("ec"))
    stop.set()
    await watch


@pytest.mark.parametrize("answer", [b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{"])
def test_an_answer_that_is_no_http_is_as_none(answer):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def speak():
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(answer)

        speaker = Thread(target=speak)
        speaker.start()
        tokens = JwtTokens(settings(f"http://127.0.0.1:{server.getsockname()[1]}/keys"))
        speaker.join()
    assert not taken(tokens, token())


async def test_unknown_keys_are_no_way_to_make_it_ask_often(provider):
    provider.keys = jwks("rsa")
    tokens, stop = JwtTokens(settings(provider.address)), asyncio.Event()
    watch = asyncio.create_task(tokens.watch(stop))
    for _ in range(50):
        assert not taken(tokens, token("ec"))
        await asyncio.sleep(0.01)
    assert provider.asked <= 2
    stop.set()
    await watch
