"""Speed against other simulators: `python -m benchmarks [--quick]`."""
