"""Datasets in, GAN and classifier training as jobs on Ray Train, model versions out."""
