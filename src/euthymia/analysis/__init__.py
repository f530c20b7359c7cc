"""What is learned from trials: calibration, and what the data say about each fitted number.

In: calibration trials.  Out: fitted models with their provenance.
"""
