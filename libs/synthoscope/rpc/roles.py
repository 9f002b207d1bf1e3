"""Which roles a caller needs for a method: the contract says it (synthoscope/api/access/v1/access.proto)."""

from typing import Any

from google.protobuf import descriptor_pool

from synthoscope.api.access.v1 import access_pb2

ADMIN = "admin"
"""The role that suffices everywhere."""

ROLES = frozenset(name.removeprefix("ROLE_").lower() for name in access_pb2.Role.keys()) - {"unspecified"}  # noqa: SIM118


def roles_of(method: str) -> frozenset[str]:
    """The roles of which one is needed for a method, "/package.Service/Method", ADMIN included.

    All roles for a method whose contract names none, as that of gRPC's reflection: every caller may call it.
    """
    service, _, name = method.removeprefix("/").rpartition("/")
    try:
        options = descriptor_pool.Default().FindMethodByName(f"{service}.{name}").GetOptions()
    except KeyError:
        return ROLES
    extension: Any = access_pb2.roles
    named = {access_pb2.Role.Name(role).removeprefix("ROLE_").lower() for role in options.Extensions[extension]}
    return frozenset(named | {ADMIN}) if named else ROLES
