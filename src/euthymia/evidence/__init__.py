"""Who says so: library files, parameters with sources, grades, references."""
