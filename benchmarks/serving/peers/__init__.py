"""Servers of models that others have made, each in a virtual environment of its own and at its best here."""
