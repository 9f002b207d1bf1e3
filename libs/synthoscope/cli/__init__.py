"""The `synthoscope` command."""

from synthoscope.cli.app import main

__all__ = ["main"]
