"""The seed papers' protocols as recipes, what runs them, and the page that puts claims beside results."""
