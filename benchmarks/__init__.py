"""What is measured about speed: each module one run that prints its ratios. No test depends on a time."""
