"""A server's certificate, which may be renewed while it runs."""

from pathlib import Path

import grpc
import structlog

from synthoscope.rpc.errors import StartupError
from synthoscope.rpc.settings import ServerSettings
from synthoscope.rpc.watched_files import WatchedFiles

_log = structlog.get_logger()


def server_credentials(settings: ServerSettings) -> grpc.ServerCredentials:
    """Credentials of the settings' files; every connection looks whether they have changed, and takes the new ones.

    Raises StartupError when a file cannot be read. Files that cannot be read later leave the old ones in place.
    """
    paths = [path for path in (settings.tls_certificate, settings.tls_key, settings.tls_client_ca) if path]
    files = WatchedFiles(paths)

    def renewed() -> grpc.ServerCertificateConfiguration | None:
        if not files.changed():
            return None
        try:
            found = _configuration(settings)
        except StartupError as error:
            _log.warning("the renewed certificate cannot be read; the old one stays", reason=str(error))
            return None
        _log.info("the certificate was renewed")
        return found

    return grpc.dynamic_ssl_server_credentials(
        _configuration(settings),
        renewed,  # type: ignore[arg-type]  # None stands for "as before", which the stubs do not know
        require_client_authentication=settings.tls_client_ca is not None,
    )


def _configuration(settings: ServerSettings) -> grpc.ServerCertificateConfiguration:
    pairs = [(_read(settings.tls_key), _read(settings.tls_certificate))]
    client_ca = _read(settings.tls_client_ca) if settings.tls_client_ca else None
    return grpc.ssl_server_certificate_configuration(pairs, client_ca)


def _read(path: Path | None) -> bytes:
    try:
        return path.read_bytes() if path else b""
    except OSError as error:
        raise StartupError(f"cannot read {path}: {error.strerror}") from None
