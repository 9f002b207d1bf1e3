"""The whole pipeline on one folder of images, with small budgets: what `make demo` runs."""
