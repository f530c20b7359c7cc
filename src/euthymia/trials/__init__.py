"""Virtual and published trials: simulate, rate, tabulate, compare, score."""
