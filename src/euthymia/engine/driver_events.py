"""State-triggered events on lanes, in the subset of Python that `lanes` compiles; only systems with triggers get it.

After each accepted step the conditions are looked at in four places of the step; where one changed, all lanes
bisect together on the dense output and the step ends just behind the change.  There the lane fires and executes
its events as SBML defines them: values taken at the firing or at the execution, the highest priority first, the
conditions looked at again after each execution, events that do not persist dropped when their condition turns
false while they wait.  Truth always comes from one piece of machine code, `watch`, so that the search and the
firing never disagree.
"""

# mypy: ignore-errors
from __future__ import annotations

PROBES = (0.25, 0.5, 0.75, 1.0)  # where in a step the conditions are looked at
CASCADE = 10_000  # executions at one moment
QUEUE = 128  # events of one patient that wait for their execution
PERSISTENT, AT_TRIGGER, BEFORE = range(3)  # flags of a trigger
CONSTANTS = {"PROBES": PROBES, "CASCADE": CASCADE, "PERSISTENT": PERSISTENT, "AT_TRIGGER": AT_TRIGGER}
CONSTANTS |= {"BEFORE": BEFORE}


def begin_triggers(ctx: "p", lane: "i"):
    """A new patient: conditions as they were before the start, nothing waits."""
    for e in range(ldi(ctx, NTRIG)):
        st(ldp(ctx, TRIG), e * WIDTH + lane, d(ldi(ldp(ctx, P_FLAGS), 3 * e + BEFORE)))
    for e in range(ldi(ctx, NTRIG), ldi(ctx, NWATCH)):
        st(ldp(ctx, TRIG), e * WIDTH + lane, 0.0)
    for q in range(ldi(ctx, QUEUE)):
        st(ldp(ctx, QTIME), q * WIDTH + lane, INF)
    st(ldp(ctx, QNEXT), lane, INF)
    st(ldp(ctx, SERIAL), lane, 0.0)
    st(ldp(ctx, FLIP), lane, 0.0)


def react(ctx: "p", lane: "i", time: "d"):
    """Delays, priorities, new values and factors of all triggers at the lane's present state."""
    for i in range(ldi(ctx, NS)):
        st(ldp(ctx, YI), i, ld(ldp(ctx, Y), i * WIDTH + lane))
    st(ldp(ctx, TQ), 0, time)
    invoke(
        ldp(ctx, F_REACT),
        ldp(ctx, TQ),
        ldp(ctx, YI),
        ldp(ctx, U),
        ldp(ctx, PQ),
        ldp(ctx, REACT),
        ldp(ctx, W),
        lane,
    )


def fire(ctx: "p", lane: "i", time: "d"):
    """Put events whose condition became true in the queue; drop those that do not persist."""
    invoke(
        ldp(ctx, F_WATCH), ldp(ctx, TP), ldp(ctx, Y), ldp(ctx, U), ldp(ctx, PQ), ldp(ctx, SEEN), ldp(ctx, W)
    )
    changed = 0
    for e in range(ldi(ctx, NTRIG)):
        if ld(ldp(ctx, SEEN), e * WIDTH + lane) != ld(ldp(ctx, TRIG), e * WIDTH + lane):
            changed = 1
    for e in range(ldi(ctx, NTRIG), ldi(ctx, NWATCH)):
        st(ldp(ctx, TRIG), e * WIDTH + lane, ld(ldp(ctx, SEEN), e * WIDTH + lane))
    if changed == 0:
        return
    react(ctx, lane, time)
    ne = ldi(ctx, NTRIG)
    nc = ldi(ctx, NCHANGE)
    for e in range(ne):
        now = ld(ldp(ctx, SEEN), e * WIDTH + lane)
        before = ld(ldp(ctx, TRIG), e * WIDTH + lane)
        st(ldp(ctx, TRIG), e * WIDTH + lane, now)
        if now < before:
            if ldi(ldp(ctx, P_FLAGS), 3 * e + PERSISTENT) == 0:
                for q in range(ldi(ctx, QUEUE)):
                    if ldi(ldp(ctx, QEVENT), q * WIDTH + lane) == e:
                        st(ldp(ctx, QTIME), q * WIDTH + lane, INF)
        first = ldi(ldp(ctx, P_FIRST), e)
        last = ldi(ldp(ctx, P_FIRST), e + 1)
        if (now > before) & (last > first):
            delay = ld(ldp(ctx, REACT), e)
            if not delay >= 0.0:
                st(ldp(ctx, FAIL), lane, 1.0 * BAD_DELAY)
                return
            place = -1
            for q in range(ldi(ctx, QUEUE)):
                if (place < 0) & (ld(ldp(ctx, QTIME), q * WIDTH + lane) == INF):
                    place = q
            if place < 0:
                st(ldp(ctx, FAIL), lane, 1.0 * TOO_MANY_WAITING)
                return
            serial = ld(ldp(ctx, SERIAL), lane) + 1.0
            st(ldp(ctx, SERIAL), lane, serial)
            st(ldp(ctx, QTIME), place * WIDTH + lane, time + delay)
            st(ldp(ctx, QSERIAL), place * WIDTH + lane, serial)
            sti(ldp(ctx, QEVENT), place * WIDTH + lane, e)
            for c in range(first, last):
                st(ldp(ctx, QVALUE), (place * nc + c) * WIDTH + lane, ld(ldp(ctx, REACT), 2 * ne + c))


def execute(ctx: "p", lane: "i", time: "d", place: "i"):
    """Carry out one waiting event; its priorities and values at this moment are in REACT."""
    ne = ldi(ctx, NTRIG)
    nc = ldi(ctx, NCHANGE)
    ns = ldi(ctx, NS)
    e = ldi(ldp(ctx, QEVENT), place * WIDTH + lane)
    st(ldp(ctx, QTIME), place * WIDTH + lane, INF)
    for c in range(ldi(ldp(ctx, P_FIRST), e), ldi(ldp(ctx, P_FIRST), e + 1)):
        value = ld(ldp(ctx, REACT), 2 * ne + c)
        if ldi(ldp(ctx, P_FLAGS), 3 * e + AT_TRIGGER) > 0:
            value = ld(ldp(ctx, QVALUE), (place * nc + c) * WIDTH + lane)
        value = value * ld(ldp(ctx, REACT), 2 * ne + nc + c)
        target = ldi(ldp(ctx, P_TARGET), c)
        if target < ns:
            st(ldp(ctx, Y), target * WIDTH + lane, value)
        else:
            st(ldp(ctx, U), (target - ns) * WIDTH + lane, value)


def settle(ctx: "p", lane: "i", time: "d") -> "i":
    """Fire and execute everything that is due; how many were executed or conditions changed."""
    vs(ldp(ctx, TP), 0, vl(ldp(ctx, T), 0))
    ran = 0
    if ld(ldp(ctx, FLIP), lane) > 0.0:
        ran = 1
    st(ldp(ctx, FLIP), lane, 0.0)
    due = time + 1e-12 * select(absd(time) > 1.0, absd(time), 1.0)
    while True:
        fire(ctx, lane, time)
        if ld(ldp(ctx, FAIL), lane) > 0.0:
            return ran
        waiting = 0
        following = INF
        for q in range(ldi(ctx, QUEUE)):
            at = ld(ldp(ctx, QTIME), q * WIDTH + lane)
            following = select(at < following, at, following)
            if at <= due:
                waiting = waiting + 1
        st(ldp(ctx, QNEXT), lane, following)
        if waiting == 0:
            return ran
        ran = ran + 1
        if ran > CASCADE:
            st(ldp(ctx, FAIL), lane, 1.0 * EVENTS_WITHOUT_END)
            return ran
        react(ctx, lane, time)
        chosen = -1
        for q in range(ldi(ctx, QUEUE)):
            at = ld(ldp(ctx, QTIME), q * WIDTH + lane)
            if at <= due:
                if chosen < 0:
                    chosen = q
                else:
                    mine = ld(ldp(ctx, REACT), ldi(ctx, NTRIG) + ldi(ldp(ctx, QEVENT), q * WIDTH + lane))
                    best = ld(ldp(ctx, REACT), ldi(ctx, NTRIG) + ldi(ldp(ctx, QEVENT), chosen * WIDTH + lane))
                    other = ld(ldp(ctx, QTIME), chosen * WIDTH + lane)
                    younger = ld(ldp(ctx, QSERIAL), q * WIDTH + lane) > ld(
                        ldp(ctx, QSERIAL), chosen * WIDTH + lane
                    )
                    worse = (mine < best) | ((mine == best) & ((at > other) | ((at == other) & younger)))
                    if not worse:
                        chosen = q
        execute(ctx, lane, time, chosen)


def differs(ctx: "p", states: "p"):
    """Which lanes see a condition differ from what it was, at the times in TP; 1 or 0 in CHANGED."""
    invoke(ldp(ctx, F_WATCH), ldp(ctx, TP), states, ldp(ctx, U), ldp(ctx, PQ), ldp(ctx, SEEN), ldp(ctx, W))
    total = bc(0.0)
    for e in range(ldi(ctx, NWATCH)):
        total = total + vabs(vl(ldp(ctx, SEEN), e) - vl(ldp(ctx, TRIG), e))
    vs(ldp(ctx, CHANGED), 0, total)


def locate(ctx: "p"):
    """End the accepted steps in which a condition changes just behind the change."""
    ns = ldi(ctx, NS)
    t = vl(ldp(ctx, T), 0)
    done = vl(ldp(ctx, DONE), 0) > 0.0
    tn = vl(ldp(ctx, TN), 0)
    low = t
    high = tn
    found = done & (t > t)
    for probe in static(4):
        if PROBES[probe] < 1.0:
            at = t + PROBES[probe] * (tn - t)
            vs(ldp(ctx, TP), 0, at)
            state_at(ctx, ldp(ctx, TP))
            differs(ctx, ldp(ctx, YP))
        else:
            at = tn
            vs(ldp(ctx, TP), 0, at)
            differs(ctx, ldp(ctx, YN))
        here = done & ~found & (vl(ldp(ctx, CHANGED), 0) > 0.0)
        high = select(here, at, high)
        found = found | here
        low = select(found, low, at)
    if not any(found):
        return
    while True:
        middle = 0.5 * (low + high)
        open = found & (middle > low) & (middle < high) & (high - low > 2e-15 * vmax(vabs(high), bc(1e-3)))
        if not any(open):
            break
        vs(ldp(ctx, TP), 0, middle)
        state_at(ctx, ldp(ctx, TP))
        differs(ctx, ldp(ctx, YP))
        seen = vl(ldp(ctx, CHANGED), 0) > 0.0
        high = select(open & seen, middle, high)
        low = select(open & ~seen, middle, low)
    vs(ldp(ctx, TP), 0, high)
    state_at(ctx, ldp(ctx, TP))
    inside = found & (high < tn)
    for i in range(ns):
        vs(ldp(ctx, YN), i, select(inside, vl(ldp(ctx, YP), i), vl(ldp(ctx, YN), i)))
    vs(ldp(ctx, TN), 0, select(found, high, tn))
    vs(ldp(ctx, HIT), 0, select(found, bc(1.0), vl(ldp(ctx, HIT), 0)))
    vs(ldp(ctx, FLIP), 0, select(found, bc(1.0), vl(ldp(ctx, FLIP), 0)))


FUNCTIONS = (begin_triggers, react, fire, execute, settle, differs, locate)
