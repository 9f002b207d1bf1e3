"""Model versions: publishing and reading them. `synthoscope.models.weights` gives their tensors, and needs torch."""

from synthoscope.models.aliases import resolve
from synthoscope.models.versions import file_parts, get, publish, read_file

__all__ = ["file_parts", "get", "publish", "read_file", "resolve"]
