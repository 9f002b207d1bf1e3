"""Tokens that an identity provider signs (JWT, RFC 7519), checked by its published keys (JWKS, RFC 7517)."""

import asyncio
import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jwt
import structlog

from synthoscope.rpc.errors import StartupError, Unauthenticated
from synthoscope.rpc.roles import ROLES
from synthoscope.rpc.settings import JwtSettings

_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Of two keys each: with one of a single key, whoever can check a token can make one."""

_LARGEST_KEYS = 1 << 20
_FETCH_SECONDS = 5.0
_SOONEST = 10.0
"""Seconds between two looks for keys, however many tokens name unknown ones."""

_log = structlog.get_logger()


class JwtTokens:
    """The keys, and tokens checked by them. Keys are looked for again by `watch`, and never while a call waits."""

    def __init__(self, settings: JwtSettings) -> None:
        """Raises StartupError for a file that is missing or no JWKS; an address may be away for now."""
        self._settings = settings
        self._keys: Mapping[str, jwt.PyJWK] = {}
        self._wanted = asyncio.Event()
        try:
            self._keys = _read(settings.jwks)
        except (OSError, ValueError) as error:
            if not _is_address(settings.jwks):
                raise StartupError(f"cannot read the keys in {settings.jwks}: {_reason(error)}") from None
            _log.warning("the identity provider's keys cannot be fetched", reason=_reason(error))

    def claims(self, token: str) -> tuple[str, str, frozenset[str]]:
        """Tenant, subject and roles of a token. Raises Unauthenticated, saying what is wrong with it."""
        settings = self._settings
        try:
            key = self._key(jwt.get_unverified_header(token).get("kid"))
            claims = jwt.decode(
                token,
                key,
                algorithms=_ALGORITHMS,
                audience=settings.audience,
                issuer=settings.issuer,
                leeway=settings.leeway_seconds,
                options={"require": ["exp", "sub"]},
            )
        except jwt.InvalidTokenError as error:
            raise Unauthenticated(
                f"the token is not taken: {_WRONG.get(type(error), 'it is no token of ours')}"
            ) from None
        tenant, roles = claims.get(settings.tenant_claim), claims.get(settings.roles_claim, ())
        if not isinstance(tenant, str) or not tenant:
            raise Unauthenticated(f"the token has no claim {settings.tenant_claim}, which names a tenant")
        return tenant, str(claims["sub"]), _roles(roles)

    async def watch(self, stop: asyncio.Event) -> None:
        """Looks for keys again, now and then and when a token names an unknown one, until `stop` is set."""
        stopped = asyncio.ensure_future(stop.wait())
        try:
            while not stopped.done():
                wanted = asyncio.ensure_future(self._wanted.wait())
                await asyncio.wait({stopped, wanted}, timeout=self._pause(), return_when=asyncio.FIRST_COMPLETED)
                wanted.cancel()
                self._wanted.clear()
                if not stopped.done():
                    await self._refresh()
                    await asyncio.wait({stopped}, timeout=min(_SOONEST, self._settings.refresh_seconds))
        finally:
            stopped.cancel()

    def _pause(self) -> float:
        return self._settings.refresh_seconds if self._keys else _SOONEST

    async def _refresh(self) -> None:
        try:
            self._keys = await asyncio.to_thread(_read, self._settings.jwks)
        except (OSError, ValueError) as error:
            _log.warning("the identity provider's keys cannot be read; the known ones stay", reason=_reason(error))

    def _key(self, name: str | None) -> jwt.PyJWK:
        if name is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        if name is None or name not in self._keys:
            self._wanted.set()
            raise _UnknownKey
        return self._keys[name]


class _UnknownKey(jwt.InvalidTokenError):
    pass


_WRONG: Mapping[type[Exception], str] = {
    _UnknownKey: "its key is not known here",
    jwt.ExpiredSignatureError: "it has expired",
    jwt.ImmatureSignatureError: "it is not valid yet",
    jwt.InvalidIssuerError: "it is another issuer's",
    jwt.InvalidAudienceError: "it is for another audience",
    jwt.MissingRequiredClaimError: "it lacks exp or sub",
}


def _roles(claim: Any) -> frozenset[str]:
    named = claim.split() if isinstance(claim, str) else claim if isinstance(claim, list) else ()
    return frozenset(role for role in named if isinstance(role, str)) & ROLES


def _is_address(jwks: str) -> bool:
    return jwks.startswith(("https://", "http://"))


def _read(jwks: str) -> Mapping[str, jwt.PyJWK]:
    """The keys by name. Raises OSError, or ValueError when it is no JWKS or has no key that can be used."""
    data = _fetched(jwks) if _is_address(jwks) else Path(jwks).read_bytes()
    if len(data) > _LARGEST_KEYS:
        raise ValueError("it is larger than 1 MiB")
    try:
        keys = jwt.PyJWKSet.from_dict(json.loads(data)).keys
    except (jwt.PyJWTError, AttributeError, KeyError, TypeError) as error:
        raise ValueError("it is no JWKS with a key that can be used") from error
    return {key.key_id or "": key for key in keys}


def _fetched(address: str) -> bytes:
    try:
        with urllib.request.urlopen(address, timeout=_FETCH_SECONDS) as answer:  # noqa: S310 (the operator's address)
            data: bytes = answer.read(_LARGEST_KEYS + 1)
            return data
    except http.client.HTTPException as error:
        raise OSError(f"the answer is no HTTP: {type(error).__name__}") from error


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.URLError):
        return type(error.reason).__name__ if isinstance(error.reason, Exception) else "no answer"
    return error.strerror or type(error).__name__ if isinstance(error, OSError) else str(error)
