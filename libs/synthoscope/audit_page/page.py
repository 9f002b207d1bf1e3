"""From an audit to its page; pictures are fetched through the client, shrunk and embedded."""

import base64
import io
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image

from synthoscope.api.datasets.v1.audits_pb2 import DatasetAudit, DuplicatePair
from synthoscope.api.datasets.v1.datasets_pb2 import DatasetImage
from synthoscope.client import Client
from synthoscope.images.decoding import decode
from synthoscope.rpc.errors import SynthoscopeError

PAIRS_PER_KIND = 6
OUTLIERS = 12
LISTED = 50
"""Lines of a list on the page; the rest is counted."""

SIDE = 192
"""Longer side of an embedded picture, pixels."""

_THREADS = 8
_NO_PICTURE = "data:,"


def render(client: Client, audit: DatasetAudit) -> str:
    """The page, no script, nothing fetched from elsewhere. Raises what the client raises when the version is gone."""
    pairs = worst_pairs(audit.pairs)
    outliers = audit.outliers[:OUTLIERS]
    shown = {path for group in pairs.values() for pair in group for path in (pair.a, pair.b)}
    shown |= {outlier.path for outlier in outliers}
    environment = Environment(
        loader=PackageLoader("synthoscope.audit_page"), autoescape=True, undefined=StrictUndefined
    )
    return environment.get_template("audit.html").render(
        audit=audit,
        version=audit.name.removesuffix("/audit"),
        dataset=audit.name.split("/")[3],
        pairs=pairs,
        outliers=outliers,
        crossing=[cluster for cluster in audit.clusters if cluster.across_splits],
        pictures=_pictures(client, audit.name.removesuffix("/audit"), shown),
        listed=LISTED,
    )


def worst_pairs(pairs: Iterable[DuplicatePair]) -> Mapping[str, Sequence[DuplicatePair]]:
    """A few pairs of each kind: those of contradicting labels first, then those across the splits, then the others."""
    by_kind: dict[str, list[DuplicatePair]] = defaultdict(list)
    for pair in sorted(pairs, key=lambda pair: (pair.label_a == pair.label_b, pair.split_a == pair.split_b)):
        if len(by_kind[pair.kind]) < PAIRS_PER_KIND:
            by_kind[pair.kind].append(pair)
    return dict(sorted(by_kind.items()))


def thumbnail(data: bytes, frame: int = 0) -> str:
    """A frame of an image file's bytes, shrunk, as a data URI; empty for one that cannot be shown."""
    try:
        image = Image.fromarray(decode(data, frame=frame).pixels).convert("RGB")
    except SynthoscopeError:
        return _NO_PICTURE
    image.thumbnail((SIDE, SIDE))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _pictures(client: Client, version: str, paths: set[str]) -> dict[str, str]:
    """Pictures by path, as data URIs."""

    def picture(image: DatasetImage) -> str:
        return thumbnail(client.images.download(image.image.name), image.frame)

    images = [image for image in client.datasets.images(version) if image.path in paths] if paths else []
    with ThreadPoolExecutor(_THREADS) as threads:
        found = zip((image.path for image in images), threads.map(picture, images), strict=True)
        return dict.fromkeys(paths, _NO_PICTURE) | dict(found)
