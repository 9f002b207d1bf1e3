"""Generators and discriminators, one pair a file. A generator makes images in [-1, 1] whatever its last layer is."""
