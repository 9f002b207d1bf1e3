"""The public Python client: `from synthoscope.client import Client`."""

from synthoscope.client.client import Client
from synthoscope.client.connection import ClientSettings, Endpoints, default_home
from synthoscope.client.jobs import JobFailed

__all__ = ["Client", "ClientSettings", "Endpoints", "JobFailed", "default_home"]
