"""What the body does to a drug, and what the drug binds: library compounds as fragments of equations."""
