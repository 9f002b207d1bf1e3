import contextlib
import io
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from synthoscope.images.decoding import DecodedImage, ImageFacts, decode, inspect
from synthoscope.rpc.errors import InvalidInput, ResourceExhausted

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def encoded(image: Image.Image, form: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, pixels: bytes = b"", *extra: bytes) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return SIGNATURE + header + b"".join(extra) + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")


def test_grey_and_rgb_pngs_keep_their_pixels() -> None:
    grey, rgb = noise(5, 7), noise(5, 7, 3)
    image = decode(encoded(Image.fromarray(grey)))
    assert image.facts == ImageFacts("image/png", 7, 5, "L")
    assert np.array_equal(image.pixels, np.repeat(grey[:, :, None], 3, axis=2))
    image = decode(encoded(Image.fromarray(rgb)))
    assert image.facts == ImageFacts("image/png", 7, 5, "RGB")
    assert np.array_equal(image.pixels, rgb)
    assert image.pixels.dtype == np.uint8


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_jpegs_are_decoded(mode: str) -> None:
    data = encoded(Image.fromarray(noise(20, 30, 3)).convert(mode), "JPEG", quality=90)
    image = decode(data)
    assert image.facts == ImageFacts("image/jpeg", 30, 20, mode)
    assert np.array_equal(image.pixels, np.array(Image.open(io.BytesIO(data)).convert("RGB")))
    assert inspect(data) == image.facts


def test_progressive_jpegs_are_decoded() -> None:
    assert decode(encoded(Image.fromarray(noise(64, 64, 3)), "JPEG", progressive=True)).pixels.shape == (64, 64, 3)


def test_16_bit_grey_is_stretched_over_the_range_it_uses() -> None:
    values = np.array([[1000, 1500], [2000, 3000]], np.uint16)
    image = decode(encoded(Image.fromarray(values)))
    assert image.facts.mode == "I;16"
    assert image.pixels[:, :, 0].tolist() == [[0, 64], [128, 255]]
    assert decode(encoded(Image.fromarray(np.full((2, 2), 700, np.uint16)))).pixels.max() == 0


def test_transparency_is_laid_on_black() -> None:
    rgba = np.zeros((1, 3, 4), np.uint8)
    rgba[0] = [[200, 100, 50, 255], [200, 100, 50, 0], [200, 100, 50, 128]]
    image = decode(encoded(Image.fromarray(rgba)))
    assert image.facts.mode == "RGBA"
    assert image.pixels[0, 0].tolist() == [200, 100, 50]
    assert image.pixels[0, 1].tolist() == [0, 0, 0]
    assert np.abs(image.pixels[0, 2].astype(int) - [100, 50, 25]).max() <= 1
    grey = Image.fromarray(np.array([[[250, 255], [250, 0]]], np.uint8), "LA")
    assert decode(encoded(grey)).pixels[0, :, 0].tolist() == [250, 0]


def test_palettes_are_looked_up_and_their_transparency_is_laid_on_black() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putpixel((1, 0), 1)
    decoded = decode(encoded(image))
    assert decoded.facts.mode == "P"
    assert decoded.pixels[0].tolist() == [[10, 20, 30], [200, 100, 50]]
    assert decode(encoded(image, transparency=1)).pixels[0].tolist() == [[10, 20, 30], [0, 0, 0]]
    assert decode(encoded(image, transparency=b"\xff\x00")).pixels[0].tolist() == [[10, 20, 30], [0, 0, 0]]


def test_a_single_transparent_colour_is_laid_on_black() -> None:
    image = Image.fromarray(np.array([[10, 200]], np.uint8))
    assert decode(encoded(image, transparency=200)).pixels[0, :, 0].tolist() == [10, 0]


def test_black_and_white_becomes_0_and_255() -> None:
    assert decode(encoded(Image.fromarray(np.array([[0, 255]], np.uint8)).convert("1"))).pixels[0, :, 0].tolist() == [
        0,
        255,
    ]


def test_cmyk_is_refused() -> None:
    with pytest.raises(InvalidInput, match="CMYK"):
        decode(encoded(Image.new("CMYK", (8, 8)), "JPEG"))


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"\x89PNG", b"\xff\xd8", b"%!PS-Adobe-3.0 EPSF-3.0\n", b"8BPS\x00\x01"]
)
def test_what_is_not_an_image_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidInput, match="PNG, JPEG or DICOM") as caught:
        decode(data, "request.image")
    assert caught.value.violations[0].field == "request.image"


@pytest.mark.parametrize("form", ["GIF", "BMP", "TIFF", "WEBP", "PPM", "ICO"])
def test_other_formats_are_refused(form: str) -> None:
    with pytest.raises(InvalidInput, match="not a PNG, JPEG or DICOM"):
        decode(encoded(Image.new("RGB", (32, 32)), form))


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_truncated_files_are_refused_wherever_they_are_cut(form: str) -> None:
    data = encoded(Image.fromarray(noise(40, 40, 3)), form)
    for end in {*range(12, len(data) - 2, 37), len(data) - 16, len(data) - 5}:
        with pytest.raises(InvalidInput, match=r"truncated|damaged"):
            decode(data[:end])


def test_20000_x_20000_pixels_are_refused_before_decoding() -> None:
    data = png(20_000, 20_000, bytes(1000))
    tracemalloc.start()
    with pytest.raises(ResourceExhausted, match="20000×20000"):
        decode(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10**6


@pytest.mark.parametrize("size", [(12_000, 12_000), (2**31 - 1, 2**31 - 1), (64_000_001, 1)])
def test_sizes_that_pillow_only_warns_of_are_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ResourceExhausted, match="megapixels"):
        inspect(png(*size))


def test_a_jpeg_that_claims_too_many_pixels_is_refused() -> None:
    data = bytearray(encoded(Image.new("L", (8, 8)), "JPEG"))
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = struct.pack(">HH", 60_000, 60_000)
    with pytest.raises(ResourceExhausted, match="60000×60000"):
        decode(bytes(data))


def test_files_over_64_mib_are_refused() -> None:
    with pytest.raises(ResourceExhausted, match="bytes"):
        decode(SIGNATURE + bytes(64 * 1024 * 1024))


@pytest.mark.parametrize("size", [(0, 10), (10, 0)])
def test_zero_sizes_are_refused(size: tuple[int, int]) -> None:
    with pytest.raises(InvalidInput, match="no pixels"):
        decode(png(*size))


def test_a_compressed_text_or_profile_is_never_unpacked() -> None:
    bomb = zlib.compress(bytes(64 * 1024 * 1024), 9)
    text = chunk(b"zTXt", b"Comment\x00\x00" + bomb)
    profile = chunk(b"iCCP", b"icc\x00\x00" + bomb)
    tracemalloc.start()
    image = decode(png(2, 1, b"\x00\x07\x09", text, profile, text))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert image.pixels[0, :, 0].tolist() == [7, 9]
    assert peak < 4 * 10**6


def test_giant_metadata_is_refused() -> None:
    with pytest.raises(ResourceExhausted, match="texts"):
        decode(png(2, 1, b"\x00\x07\x09", chunk(b"tEXt", b"a\x00" + bytes(5 * 1024 * 1024))))
    small = encoded(Image.new("L", (8, 8)), "JPEG")
    segment = b"\xff\xe2\xff\xff" + bytes(65533)
    with pytest.raises(ResourceExhausted, match="texts"):
        decode(small[:2] + segment * 80 + small[2:])


def test_ordinary_metadata_is_accepted() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    text = PngInfo()
    text.add_text("Software", "camera", zip=True)
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.fromarray(noise(4, 6, 3))
    assert decode(encoded(image, pnginfo=text, icc_profile=profile, exif=exif)).pixels.shape == (4, 6, 3)
    assert decode(encoded(image, "JPEG", icc_profile=profile, exif=exif)).pixels.shape == (4, 6, 3)


def test_a_png_with_something_behind_it_is_refused() -> None:
    with pytest.raises(InvalidInput, match="after the end"):
        decode(png(2, 1, b"\x00\x07\x09") + b"PK\x03\x04")


@pytest.mark.parametrize("kind", [b"IHDR", b"IDAT", b"IEND"])
def test_a_wrong_checksum_is_refused(kind: bytes) -> None:
    data = bytearray(png(2, 1, b"\x00\x07\x09"))
    start = data.index(kind)
    data[start + 4 + struct.unpack_from(">I", data, start - 4)[0]] ^= 1
    with pytest.raises(InvalidInput, match="checksum"):
        decode(bytes(data))


def test_animations_are_refused() -> None:
    frames = [Image.fromarray(noise(4, 4)) for _ in range(2)]
    with pytest.raises(InvalidInput, match="animated"):
        decode(encoded(frames[0], save_all=True, append_images=[Image.new("L", (4, 4))]))


def test_several_pictures_in_a_jpeg_are_refused() -> None:
    image = Image.fromarray(noise(8, 8, 3))
    data = encoded(image, "MPO", save_all=True, append_images=[image.rotate(90)])
    with pytest.raises(InvalidInput, match="several pictures"):
        decode(data)


def test_too_many_scans_are_refused() -> None:
    data = encoded(Image.fromarray(noise(8, 8)), "JPEG", progressive=True)
    start = data.index(b"\xff\xda")
    with pytest.raises(ResourceExhausted, match="scans"):
        decode(data[:start] + data[start:-2] * 60 + data[-2:])


def test_many_scans_of_a_large_picture_are_refused() -> None:
    """Each scan is a few bytes long and still goes over all of its pixels."""
    data = bytearray(encoded(Image.new("L", (16, 16)), "JPEG", progressive=True))
    frame, start = data.index(b"\xff\xc2"), data.index(b"\xff\xda")
    data[frame + 5 : frame + 9] = struct.pack(">HH", 7900, 8100)
    scans = bytes(data[start:-2])
    with pytest.raises(ResourceExhausted, match="scans of 8100×7900 pixels"):
        decode(bytes(data[:start]) + scans * 3 + bytes(data[-2:]))


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_without_its_end_is_refused_before_it_is_decoded(progressive: bool, monkeypatch) -> None:
    data = encoded(Image.fromarray(noise(64, 64, 3)), "JPEG", progressive=progressive)
    assert decode(data + bytes(20)).facts.width == 64  # what follows the end is padding
    monkeypatch.setattr(Image, "open", None)
    for length in (len(data) - 2, len(data) * 3 // 4, data.index(b"\xff\xda") + 5):
        with pytest.raises(InvalidInput, match="truncated JPEG"):
            decode(data[:length])


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "LA", "RGBA"])
def test_an_image_of_many_bands_is_converted_like_a_whole(mode: str) -> None:
    picture = Image.fromarray(noise(600, 7, 3)).convert("RGBA").convert(mode)
    whole = picture.convert("RGBA")
    expected = np.asarray(Image.alpha_composite(Image.new("RGBA", whole.size, (0, 0, 0, 255)), whole).convert("RGB"))
    assert np.array_equal(decode(encoded(picture)).pixels, expected)


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_random_damage_gives_an_image_or_one_of_our_errors(form: str) -> None:
    rng = np.random.default_rng(1)
    original = encoded(Image.fromarray(noise(24, 24, 3)), form)
    for _ in range(600):
        data = bytearray(original)
        for position in rng.integers(0, len(data), rng.integers(1, 6)):
            data[position] = rng.integers(256)
        with contextlib.suppress(InvalidInput, ResourceExhausted):
            assert isinstance(decode(bytes(data)), DecodedImage)
