"""Published datasets, downloaded by name."""

from synthoscope.datasets.published.catalogue import PUBLISHED, PublishedSet, published_set
from synthoscope.datasets.published.downloading import download

__all__ = ["PUBLISHED", "PublishedSet", "download", "published_set"]
