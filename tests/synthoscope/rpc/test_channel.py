import datetime
import ipaddress
import shutil
import time

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from synthoscope.api.jobs.v1 import jobs_pb2, jobs_service_pb2, jobs_service_pb2_grpc
from synthoscope.rpc.channel import open_channel
from synthoscope.rpc.errors import Unavailable
from synthoscope.rpc.server import Registration
from synthoscope.rpc.testing import running_server

JOB = jobs_service_pb2.GetJobRequest(name="tenants/default/jobs/1")


class Flaky(jobs_service_pb2_grpc.JobServiceServicer):
    """Is away for the first calls of each method."""

    def __init__(self, times):
        self.times = times
        self.calls = {"GetJob": 0, "CancelJob": 0}
        self.remaining = 0.0

    def GetJob(self, request, context):
        self.remaining = context.time_remaining()
        return self._answer("GetJob")

    def CancelJob(self, request, context):
        return self._answer("CancelJob")

    def _answer(self, method):
        self.calls[method] += 1
        if self.calls[method] <= self.times:
            raise Unavailable("the store is away")
        return jobs_pb2.Job()

    def registration(self):
        add = jobs_service_pb2_grpc.add_JobServiceServicer_to_server
        return Registration("synthoscope.api.jobs.v1.JobService", add, self)


def test_reads_are_repeated_and_writes_are_not():
    flaky = Flaky(times=2)
    with running_server([flaky.registration()]) as server, open_channel(server.address, server.token) as channel:
        stub = jobs_service_pb2_grpc.JobServiceStub(channel)
        assert stub.GetJob(JOB) == jobs_pb2.Job()
        assert flaky.calls["GetJob"] == 3
        with pytest.raises(grpc.RpcError) as caught:
            stub.CancelJob(jobs_service_pb2.CancelJobRequest(name=JOB.name))
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        assert flaky.calls["CancelJob"] == 1


def test_repeating_ends():
    flaky = Flaky(times=100)
    with running_server([flaky.registration()]) as server, open_channel(server.address, server.token) as channel:
        with pytest.raises(grpc.RpcError):
            jobs_service_pb2_grpc.JobServiceStub(channel).GetJob(JOB)
        assert flaky.calls["GetJob"] == 4


def test_every_call_has_a_deadline():
    flaky = Flaky(times=0)
    with running_server([flaky.registration()]) as server, open_channel(server.address, server.token) as channel:
        stub = jobs_service_pb2_grpc.JobServiceStub(channel)
        stub.GetJob(JOB)
        assert 25 < flaky.remaining <= 30.5
        stub.GetJob(JOB, timeout=5)
        assert 1 < flaky.remaining <= 5.5


def test_nobody_there_is_unavailable_soon():
    began = time.monotonic()
    with open_channel("127.0.0.1:1", "token") as channel, pytest.raises(grpc.RpcError) as caught:
        jobs_service_pb2_grpc.JobServiceStub(channel).GetJob(JOB)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert time.monotonic() - began < 10


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    """ca.pem, and a certificate with its key for 127.0.0.1 and one for a client."""
    directory = tmp_path_factory.mktemp("pki")
    ca_key = ec.generate_private_key(ec.SECP256R1())
    ca = _certificate("ca", ca_key, "ca", ca_key)
    (directory / "ca.pem").write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    for name in ("server", "client"):
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _certificate(name, key, "ca", ca_key)
        (directory / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        _write_key(directory / f"{name}.key", key)
    return directory


def _write_key(path, key):
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


def _certificate(name, key, issuer, issuer_key):
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=name == issuer, path_length=None), critical=True)
        .sign(issuer_key, hashes.SHA256())
    )


def code_of(server, **credentials):
    with open_channel(server.address, server.token, **credentials) as channel:
        try:
            jobs_service_pb2_grpc.JobServiceStub(channel).CancelJob(JOB, timeout=5)
        except grpc.RpcError as error:
            return error.code()
    return grpc.StatusCode.OK


def test_tls(pki):
    flaky = Flaky(times=0)
    settings = {"tls_certificate": pki / "server.pem", "tls_key": pki / "server.key"}
    with running_server([flaky.registration()], **settings) as server:
        assert code_of(server, ca=(pki / "ca.pem").read_bytes()) is grpc.StatusCode.OK
        assert code_of(server) is grpc.StatusCode.UNAVAILABLE
        assert code_of(server, ca=(pki / "client.pem").read_bytes()) is grpc.StatusCode.UNAVAILABLE


def test_a_renewed_certificate_is_taken_without_a_restart(pki, tmp_path):
    for name in ("server.pem", "server.key"):
        shutil.copy(pki / name, tmp_path / name)
    settings = {"tls_certificate": tmp_path / "server.pem", "tls_key": tmp_path / "server.key"}
    other_key = ec.generate_private_key(ec.SECP256R1())
    other = _certificate("other", other_key, "other", other_key)
    pem = other.public_bytes(serialization.Encoding.PEM)
    with running_server([Flaky(times=0).registration()], **settings) as server:
        assert code_of(server, ca=(pki / "ca.pem").read_bytes()) is grpc.StatusCode.OK
        (tmp_path / "server.key").unlink()  # half a renewal changes nothing
        assert code_of(server, ca=(pki / "ca.pem").read_bytes()) is grpc.StatusCode.OK
        (tmp_path / "server.pem").write_bytes(pem)
        _write_key(tmp_path / "server.key", other_key)
        assert code_of(server, ca=pem) is grpc.StatusCode.OK
        assert code_of(server, ca=(pki / "ca.pem").read_bytes()) is grpc.StatusCode.UNAVAILABLE


def test_mutual_tls(pki):
    flaky = Flaky(times=0)
    settings = {
        "tls_certificate": pki / "server.pem",
        "tls_key": pki / "server.key",
        "tls_client_ca": pki / "ca.pem",
    }
    with running_server([flaky.registration()], **settings) as server:
        mine = {"certificate": (pki / "client.pem").read_bytes(), "key": (pki / "client.key").read_bytes()}
        assert code_of(server, ca=(pki / "ca.pem").read_bytes(), **mine) is grpc.StatusCode.OK
        assert code_of(server, ca=(pki / "ca.pem").read_bytes()) is grpc.StatusCode.UNAVAILABLE
