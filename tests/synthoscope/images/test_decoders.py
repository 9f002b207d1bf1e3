import os
import signal
import threading
import time

import dicoms
import numpy as np
import psutil
import pytest

from synthoscope.images.decoders import Decoders, DecodingSettings
from synthoscope.images.decoding import ImageFacts, decode
from synthoscope.images.preprocessing import Pipeline
from synthoscope.images.steps.margin_removal import MarginRemoval
from synthoscope.images.storage import encode_png
from synthoscope.pseudonyms import Pseudonyms
from synthoscope.rpc.errors import (
    FailedPrecondition,
    InvalidInput,
    ResourceExhausted,
    SynthoscopeError,
    Unavailable,
    Unimplemented,
)

TENANT = Pseudonyms(b"a secret of the tests, 32 bytes or more").tenant("default")
PIXELS = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
PNG = encode_png(PIXELS)
SQUARE = Pipeline((MarginRemoval(),)).sized(16)


@pytest.fixture(scope="module")
def one():
    """A single decoder, which a test may kill."""
    with Decoders(DecodingSettings(processes=1, seconds=30, wait_seconds=0.05)) as decoders:
        yield decoders


def processes() -> list[psutil.Process]:
    children = psutil.Process().children()
    return [child for child in children if "synthoscope.images.decoder_process" in child.cmdline()]


def process_of(decoders: Decoders) -> psutil.Process:
    """The process of its only decoder, ready."""
    decoders.decode(PNG)
    (decoder,) = decoders._places.queue
    return psutil.Process(decoder._process.pid)


def test_pixels_are_those_of_decoding_here(decoders: Decoders) -> None:
    data = dicoms.dicom(PIXELS[:, :, 0], WindowCenter="100", WindowWidth="99")
    for file in (PNG, data):
        there, here = decoders.decode(file), decode(file)
        assert there.facts == here.facts
        assert np.array_equal(there.pixels, here.pixels)
        prepared = decoders.decode(file, pipeline=SQUARE).pixels
        assert np.array_equal(prepared, SQUARE.apply(here.pixels).pixels)


def test_accepting_gives_what_to_store_and_pixels_only_if_asked(decoders: Decoders) -> None:
    accepted = decoders.accept(PNG, "image", TENANT)
    assert (accepted.data, accepted.identity, accepted.pixels.size) == (PNG, None, 0)
    assert accepted.facts == ImageFacts("image/png", 30, 20, "RGB")
    data = dicoms.dicom(PIXELS[:, :, 0])
    accepted = decoders.accept(data, "image", TENANT, pipeline=SQUARE)
    assert accepted.identity.patient == TENANT.patient("PAT-1")
    assert np.array_equal(accepted.pixels, SQUARE.apply(decode(accepted.data).pixels).pixels)
    assert b"Doe" not in accepted.data


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (b"", InvalidInput, "upload: is empty"),
        (b"hello", InvalidInput, "upload: is not a PNG"),
        (b"\x89PNG\r\n\x1a\n" + bytes(65 * 2**20), ResourceExhausted, "upload: has"),
        (dicoms.dicom(PIXELS[:, :, 0], "1.2.3"), Unimplemented, "upload: the transfer syntax that the file names"),
        (dicoms.dicom(PIXELS[:, :, 0], BurnedInAnnotation="YES"), FailedPrecondition, "upload: says"),
    ],
    ids=["empty", "text", "large", "syntax", "burned in"],
)
def test_errors_come_through(decoders: Decoders, data: bytes, error: type[SynthoscopeError], message: str) -> None:
    with pytest.raises(error, match=message):
        decoders.accept(data, "upload", TENANT)


def test_a_wrong_frame_names_its_own_field(decoders: Decoders) -> None:
    with pytest.raises(InvalidInput, match="must be 0") as caught:
        decoders.decode(PNG, "upload", frame=3)
    assert caught.value.violations[0].field == "frame"


def in_background(decoders: Decoders, data: bytes) -> tuple[threading.Thread, list[BaseException]]:
    errors: list[BaseException] = []

    def work() -> None:
        try:
            decoders.decode(data, "upload")
        except SynthoscopeError as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    return thread, errors


@pytest.mark.parametrize(
    ("death", "error"),
    [(signal.SIGSEGV, InvalidInput), (signal.SIGALRM, ResourceExhausted), (signal.SIGKILL, Unavailable)],
)
def test_a_decoder_that_dies_gives_a_status_and_is_replaced(
    one: Decoders, death: signal.Signals, error: type[SynthoscopeError]
) -> None:
    process = process_of(one)
    os.kill(process.pid, signal.SIGSTOP)
    thread, errors = in_background(one, PNG)
    time.sleep(0.1)
    os.kill(process.pid, death)
    os.kill(process.pid, signal.SIGCONT)
    thread.join(30)
    assert [type(one) for one in errors] == [error]
    assert np.array_equal(one.decode(PNG).pixels, PIXELS)


def test_a_decoder_that_hangs_is_ended_in_time() -> None:
    with Decoders(DecodingSettings(processes=1, seconds=1.5)) as decoders:
        process = process_of(decoders)
        os.kill(process.pid, signal.SIGSTOP)
        with pytest.raises(ResourceExhausted, match=r"takes more than 1\.5 seconds"):
            decoders.decode(PNG, "upload")
        assert process not in processes()


def test_too_much_memory_is_refused_and_the_next_image_is_fine() -> None:
    with Decoders(DecodingSettings(processes=1, memory_mib=280, seconds=60)) as decoders:
        large = encode_png(np.zeros((3500, 3500, 4), np.uint8))
        with pytest.raises(ResourceExhausted, match="memory"):
            decoders.decode(large, "upload")
        assert np.array_equal(decoders.decode(PNG).pixels, PIXELS)


def test_when_all_are_busy_the_caller_is_told_so(one: Decoders) -> None:
    process = process_of(one)
    os.kill(process.pid, signal.SIGSTOP)
    thread, errors = in_background(one, PNG)
    time.sleep(0.1)
    with pytest.raises(ResourceExhausted, match="busy"):
        one.decode(PNG, "upload")
    os.kill(process.pid, signal.SIGCONT)
    thread.join(30)
    assert errors == []


def test_a_decoder_has_no_secrets_in_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNTHOSCOPE_OBJECTS__SECRET_KEY", "a-secret")
    with Decoders(DecodingSettings(processes=1)) as decoders:
        environment = process_of(decoders).environ()
    assert "a-secret" not in environment.values()
    assert "PATH" in environment


def test_decoders_that_do_not_start_are_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/bin/false")
    with Decoders(DecodingSettings(processes=1)) as decoders, pytest.raises(Unavailable, match="does not start"):
        decoders.decode(PNG)


def test_they_end_with_the_block() -> None:
    before = set(processes())  # of other tests, which may end meanwhile
    with Decoders(DecodingSettings(processes=1)).start():
        (own,) = set(processes()) - before
    assert own not in processes()


def test_a_decoder_that_was_started_long_ago_is_ready(monkeypatch):
    with Decoders(DecodingSettings(processes=1, start_seconds=60)).start() as decoders:
        clock = time.monotonic
        monkeypatch.setattr(time, "monotonic", lambda: clock() + 3600)
        assert np.array_equal(decoders.decode(PNG).pixels, PIXELS)
