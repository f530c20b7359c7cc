"""The triggers of a system as tables and graph nodes, which the fast driver and the reference solver read alike.

In: a system.  Out: for each trigger its flags, the places of its changes, and the nodes of condition, delay,
priority, new values and factors.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from euthymia.engine.system import OdeSystem


@dataclass(frozen=True)
class TriggerTable:
    """Numbers of the triggers, in the system's order.

    Parameters
    ----------
    first : ndarray, shape (triggers + 1,), int
        Where the changes of each trigger begin.
    target : ndarray, shape (changes,), int
        A state, or the number of states plus an input.
    flags : ndarray, shape (triggers, 3), int
        Persistent, values taken at the trigger, condition before the start.
    watched : int
        Conditions and the comparisons in them.
    """

    first: np.ndarray
    target: np.ndarray
    flags: np.ndarray
    watched: int


def trigger_table(system: OdeSystem) -> tuple[TriggerTable, dict[str, list[int]]]:
    """The table, and graph nodes: `watch` and `react`.

    `watch` holds the conditions as 0 or 1, then the comparisons in them: two of them may hold together so briefly
    that only the change of one of them is seen.
    `react` holds a delay for each trigger, a priority for each, a new value for each change, a factor for each.
    """
    program, g = system.program, system.program.graph
    places = [*system.states, *system.inputs]
    first, target = [0], []
    delays, priorities, values, factors = [], [], [], []
    for trigger in system.triggers.values():
        for name, text in trigger.changes.items():
            target.append(places.index(name))
            values.append(program.node(text))
            factors.append(program.node(trigger.factors.get(name, "1")))
        first.append(len(target))
        delays.append(program.node(trigger.delay))
        priorities.append(program.node(trigger.priority) if trigger.priority else g.const(-1e308))
    flags = [[t.persistent, t.at_trigger, t.initial] for t in system.triggers.values()]
    watch = [g.number(node) for node in (*program.conditions, *program.relations)]
    table = TriggerTable(
        np.array(first, np.int64),
        np.array([*target, 0], np.int64),
        np.array(flags, np.int64).reshape(-1, 3),
        len(watch),
    )
    return table, {"watch": watch, "react": [*delays, *priorities, *values, *factors]}
