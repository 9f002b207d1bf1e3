"""Synthoscope: turns a small labelled set of medical images into a diagnosis service that can be checked."""

from importlib.metadata import version

__version__ = version("synthoscope")
