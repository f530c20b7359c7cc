"""Euthymia: the science of antidepressant treatment as an executable, cited model."""

__version__ = "0.1.0"
