"""What makes a classifier's answers reliable: calibrated probabilities, prediction sets, refusals, drift references."""
