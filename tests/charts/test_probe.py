"""The probe that asks for health over TLS: files/health.py, as the pods run it."""

import datetime
import importlib.util
import ipaddress

import pytest
from chart_rendering import CHART, named, rendered
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from synthoscope.rpc.errors import Unavailable
from synthoscope.rpc.readiness import Dependency
from synthoscope.rpc.testing import running_server

NAME = "synthoscope"


@pytest.fixture(scope="module")
def probe():
    spec = importlib.util.spec_from_file_location("health_probe", CHART / "files" / "health.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main


@pytest.fixture(scope="module")
def secret(tmp_path_factory):
    """tls.crt, tls.key and ca.crt, as cert-manager makes them for the chart's Certificate."""
    folder, keys = tmp_path_factory.mktemp("tls"), [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    authority = _certificate("ca", keys[0], "ca", keys[0])
    service = _certificate(NAME, keys[1], "ca", keys[0])
    (folder / "ca.crt").write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    (folder / "tls.crt").write_bytes(service.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "tls.key").write_bytes(keys[1].private_bytes(serialization.Encoding.PEM, *form))
    return folder


def _certificate(name, key, issuer, issuer_key):
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("192.0.2.1"))]
    usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=name == issuer, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        .sign(issuer_key, hashes.SHA256())
    )


@pytest.mark.parametrize("client_certificates", [False, True])
def test_a_service_that_serves_is_well(probe, secret, client_certificates):
    settings = {"tls_certificate": secret / "tls.crt", "tls_key": secret / "tls.key"}
    if client_certificates:
        settings["tls_client_ca"] = secret / "ca.crt"
    with running_server([], **settings) as server:
        assert probe(NAME, server.address, secret) == 0
        assert probe("another.example", server.address, secret) == 1  # a certificate of somebody else's
    assert probe(NAME, server.address, secret) == 1


def test_a_service_whose_store_is_away_is_not(probe, secret):
    def away():
        raise Unavailable("away")

    settings = {"tls_certificate": secret / "tls.crt", "tls_key": secret / "tls.key"}
    needed = [Dependency("store", away)]
    probes = {"readiness_probe_seconds": 0.1, "readiness_patience_seconds": 0.1}
    with running_server([], dependencies=needed, **settings, **probes) as server:
        answers = {probe(NAME, server.address, secret) for _ in range(30)}
    assert 1 in answers


def test_pods_probe_by_kubernetes_itself_where_there_is_no_tls():
    for case, kind in (("defaults", "grpc"), ("tls", "exec"), ("cert-manager", "exec")):
        container = named(rendered(case), "Deployment", "training")["spec"]["template"]["spec"]["containers"][0]
        assert kind in container["readinessProbe"]
        assert kind in container["startupProbe"]
    assert container["readinessProbe"]["exec"]["command"] == ["python", "/etc/synthoscope/probe/health.py", NAME]
    certificate = named(rendered("cert-manager"), "Certificate", "tls")["spec"]
    assert NAME in certificate["dnsNames"]
    assert set(certificate["usages"]) == {"server auth", "client auth"}
