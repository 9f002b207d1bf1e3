"""Every term of a GAN's losses as a function of its own; one file for each kind of game."""
