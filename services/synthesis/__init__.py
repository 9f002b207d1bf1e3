"""Samples a GAN version into a synthetic set."""
