"""The experiment that says whether synthetic images help: arms, comparisons, verdict. Knows no Ray."""
