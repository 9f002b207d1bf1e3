"""An audit as one self-contained HTML page with pictures: for the disk of who may see them."""
