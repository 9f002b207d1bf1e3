"""From a dataset version to an experiment's fractions and synthetic sets, by way of the client. Knows no torch.

Every step is found again by what it was made of, so a second run goes on where the first one stopped.
"""
