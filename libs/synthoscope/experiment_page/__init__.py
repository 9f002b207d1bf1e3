"""An experiment as one self-contained HTML page, the verdict first."""
