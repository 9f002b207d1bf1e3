"""What datasets are imported from, one kind of source a module; all of them are read on the caller's side."""

from synthoscope.datasets.sources.buckets import S3Access
from synthoscope.datasets.sources.opening import SourceOptions, open_source
from synthoscope.datasets.sources.scan import Scan, SourceFile, SourceImage

__all__ = ["S3Access", "Scan", "SourceFile", "SourceImage", "SourceOptions", "open_source"]
