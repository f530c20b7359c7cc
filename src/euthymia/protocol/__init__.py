"""The protocol file: what a trial does, checked before anything is simulated."""
