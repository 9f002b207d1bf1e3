"""How fast diagnoses are answered, beside the least that could answer them and what others offer."""
