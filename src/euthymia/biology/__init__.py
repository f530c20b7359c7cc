"""What the brain and the body do: modules from library files, joined by named ports into one system."""

from euthymia.biology.module import Edge, Module, Port, load_module, module_names, read_module
from euthymia.biology.network import PROFILES, Network, build_network
from euthymia.biology.stress import StressHistory, sample_stress

__all__ = [
    "PROFILES",
    "Edge",
    "Module",
    "Network",
    "Port",
    "StressHistory",
    "build_network",
    "load_module",
    "module_names",
    "read_module",
    "sample_stress",
]
