"""The classification networks: those of the seed papers, and known backbones below a new head."""

from synthoscope.classifier.networks.building import build_network
from synthoscope.classifier.networks.network import Network, to_input
from synthoscope.classifier.networks.seed1 import SeedCnn

__all__ = ["Network", "SeedCnn", "build_network", "to_input"]
