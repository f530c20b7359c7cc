"""The integrator's loop over lanes, in the subset of Python that `lanes` compiles.

Every lane holds one patient with its own time, step, events and outputs; a lane whose patient is done takes the
next one.  Nothing that a lane computes depends on its neighbours, so results are the same bits in any company.

One block of memory, `ctx`, holds pointers, sizes and options; the names below are its places.
"""

# mypy: ignore-errors
from __future__ import annotations

from euthymia.engine import driver_events, driver_jumps

PLACES = (
    # kernels
    "F_PREP", "F_RATES", "F_FACTOR", "F_STAGE", "F_OUT",
    # sizes
    "N", "NS", "NP", "NU", "NT", "NO", "NE", "NTIMED", "NNEED", "MAXSTEPS", "NEXT", "NINPUTS",
    # options (doubles)
    "RTOL", "START", "HMAX", "FLOOR", "LEAST", "EVENT_STEP",
    # input: pointers
    "P_Y0", "P_PAR", "P_U0", "P_EVT", "P_EVC", "P_EVI", "P_EVV", "P_TIMES", "P_AFTER", "P_ATOL", "P_TIMED", "P_NEED",
    "P_COEFFICIENTS",
    # results: pointers
    "P_OUT", "P_STATUS", "P_FAILED", "P_STEPS", "P_REJECTED",
    # state of the lanes: arrays [slot][lane]
    "Y", "YN", "YMAX", "U", "PQ", "LU", "K", "DT", "W", "YI", "TQ", "FRESH_K", "FIRST_H",
    "YP", "REST", "AGAIN",
    # state-triggered events; these stay empty without them
    "F_WATCH", "F_REACT", "NTRIG", "NWATCH", "NCHANGE", "QUEUE", "CHANGED", "P_FIRST", "P_TARGET", "P_FLAGS", "TRIG", "SEEN",
    "REACT", "QTIME", "QEVENT", "QSERIAL", "QVALUE",
    # jumps of sensitivities; these stay empty without them
    "F_SLOPE", "BEFORE_JUMP", "AFTER_JUMP", "P_JUMPS", "P_MOVED", "P_BASE",
    # one value for each lane
    "T", "H", "HS", "HK", "STOP", "G", "GH", "TS", "ERR", "BIG", "REJ", "HIT", "ACT", "BAD", "NEXTOUT", "SERVE",
    "FRESH", "DONE", "BEST", "CHANGE", "WAITS", "STEPS", "NREJ", "FAIL", "TN", "ID", "IE", "IO",
    "FLIP", "SERIAL", "QNEXT", "TP", "DUE",
)  # fmt: skip
CONSTANTS = {name: place for place, name in enumerate(PLACES)}
CONSTANTS |= {"ADD": 0, "SET_INPUT": 1, "SET_RATE": 2, "SET_STATE": 3, "RESET": 4}
CONSTANTS |= {"CAUTION": 0.5}  # of the step that suited the last such change: errors made there last longest
CONSTANTS |= {"OK": 0, "TOO_MANY_STEPS": 1, "STEP_TOO_SMALL": 2, "NOT_FINITE": 3, "INF": float("inf")}
CONSTANTS |= driver_jumps.CONSTANTS | driver_events.CONSTANTS
CONSTANTS |= {"EVENTS_WITHOUT_END": 6, "TOO_MANY_WAITING": 7, "BAD_DELAY": 8}


def write_output(ctx: "p", lane: "i", time: "d"):
    """Outputs at `time` from the states in YI."""
    p = ldi(ldp(ctx, ID), lane)
    io = ldi(ldp(ctx, IO), lane)
    st(ldp(ctx, TQ), 0, time)
    out = off(ldp(ctx, P_OUT), (p * ldi(ctx, NT) + io) * ldi(ctx, NO))
    invoke(ldp(ctx, F_OUT), ldp(ctx, TQ), ldp(ctx, YI), ldp(ctx, U), ldp(ctx, PQ), out, ldp(ctx, W), lane)
    io = io + 1
    sti(ldp(ctx, IO), lane, io)
    if io < ldi(ctx, NT):
        st(ldp(ctx, NEXTOUT), lane, ld(ldp(ctx, P_TIMES), io))
    else:
        st(ldp(ctx, NEXTOUT), lane, INF)


def write_due(ctx: "p", lane: "i", time: "d", both: "i"):
    """Outputs due at `time` from the present state; those wanted after events only where `both` is 1."""
    y = ldp(ctx, Y)
    need = ldp(ctx, P_NEED)
    times = ldp(ctx, P_TIMES)
    after = ldp(ctx, P_AFTER)
    nt = ldi(ctx, NT)
    while ldi(ldp(ctx, IO), lane) < nt:
        io = ldi(ldp(ctx, IO), lane)
        if ld(times, io) > time:
            break
        if ldi(after, io) > both:
            break
        for q in range(ldi(ctx, NNEED)):
            i = ldi(need, q)
            st(ldp(ctx, YI), i, ld(y, i * WIDTH + lane))
        write_output(ctx, lane, time)


def finish(ctx: "p", lane: "i", status: "i"):
    """Record how the lane's patient ended and free the lane."""
    p = ldi(ldp(ctx, ID), lane)
    sti(ldp(ctx, P_STATUS), p, status)
    if status > 0:
        st(ldp(ctx, P_FAILED), p, ld(ldp(ctx, T), lane))
    st(ldp(ctx, P_STEPS), p, ld(ldp(ctx, STEPS), lane))
    st(ldp(ctx, P_REJECTED), p, ld(ldp(ctx, NREJ), lane))
    sti(ldp(ctx, ID), lane, -1)


def begin(ctx: "p", lane: "i", p: "i"):
    """Load patient `p` into the lane."""
    sti(ldp(ctx, ID), lane, p)
    ns = ldi(ctx, NS)
    np = ldi(ctx, NP)
    nu = ldi(ctx, NU)
    y = ldp(ctx, Y)
    for i in range(ns):
        st(y, i * WIDTH + lane, ld(ldp(ctx, P_Y0), p * ns + i))
        st(ldp(ctx, YMAX), i * WIDTH + lane, 0.0)
    for i in range(nu):
        st(ldp(ctx, U), i * WIDTH + lane, ld(ldp(ctx, P_U0), p * nu + i))
    for i in range(ns + 2 * nu + 1):
        st(ldp(ctx, FIRST_H), i * WIDTH + lane, 0.0)
    for i in range(np):
        st(ldp(ctx, PQ), i * WIDTH + lane, ld(ldp(ctx, P_PAR), p * np + i))
    invoke(ldp(ctx, F_PREP), ldp(ctx, PQ), ldp(ctx, W))
    st(ldp(ctx, T), lane, ld(ctx, START))
    st(ldp(ctx, H), lane, INF)
    st(ldp(ctx, ACT), lane, 1.0)
    st(ldp(ctx, FAIL), lane, 0.0)
    st(ldp(ctx, STEPS), lane, 0.0)
    st(ldp(ctx, NREJ), lane, 0.0)
    sti(ldp(ctx, IE), lane, 0)
    sti(ldp(ctx, IO), lane, 0)
    st(ldp(ctx, NEXTOUT), lane, ld(ldp(ctx, P_TIMES), 0))
    if TRIGGERS:
        begin_triggers(ctx, lane)


def apply_events(ctx: "p", lane: "i", time: "d") -> "i":
    """Carry out what is due at `time`; the number of changes."""
    p = ldi(ldp(ctx, ID), lane)
    ne = ldi(ctx, NE)
    ns = ldi(ctx, NS)
    y = ldp(ctx, Y)
    u = ldp(ctx, U)
    nu = ldi(ctx, NU)
    first = p * ne
    sti(ldp(ctx, CHANGE), lane, ns + 2 * nu)
    ie = ldi(ldp(ctx, IE), lane)
    done = 0
    while ie < ne:
        if ld(ldp(ctx, P_EVT), first + ie) > time:
            break
        code = ldi(ldp(ctx, P_EVC), first + ie)
        index = ldi(ldp(ctx, P_EVI), first + ie)
        value = ld(ldp(ctx, P_EVV), first + ie)
        place = index * WIDTH + lane
        if code == ADD:
            st(y, place, ld(y, place) + value)
            sti(ldp(ctx, CHANGE), lane, index)
        if code == SET_STATE:
            st(y, place, value)
            sti(ldp(ctx, CHANGE), lane, index)
        if (code == SET_INPUT) | (code == SET_RATE):
            if code == SET_RATE:
                index = index + ldi(ctx, NINPUTS)
            st(u, index * WIDTH + lane, value)
            sti(ldp(ctx, CHANGE), lane, ns + index + select(value == 0.0, nu, 0))
        if code == RESET:
            for i in range(ns):
                st(y, i * WIDTH + lane, ld(ldp(ctx, P_Y0), p * ns + i))
        if JUMPS:
            if code >= MARK:
                jump(ctx, lane, time, code, index, value)
        ie = ie + 1
        done = done + 1
    sti(ldp(ctx, IE), lane, ie)
    return done


def service(ctx: "p", lane: "i"):
    """At a stop: outputs, events, the next stop; at an end: the next patient."""
    fresh = 0
    while True:
        if ldi(ldp(ctx, ID), lane) >= 0:
            fail = ld(ldp(ctx, FAIL), lane)
            for code in static(1, 9):
                if fail == 1.0 * code:
                    finish(ctx, lane, code)
        if ldi(ldp(ctx, ID), lane) < 0:
            p = ldi(ctx, NEXT)
            if p >= ldi(ctx, N):
                st(ldp(ctx, ACT), lane, 0.0)
                st(ldp(ctx, SERVE), lane, 0.0)
                return
            sti(ctx, NEXT, p + 1)
            if ldi(ldp(ctx, P_STATUS), p) > 0:
                continue
            begin(ctx, lane, p)
            fresh = 1
        time = ld(ldp(ctx, T), lane)
        write_due(ctx, lane, time, 0)
        changed = apply_events(ctx, lane, time)
        if TRIGGERS:
            changed = changed + settle(ctx, lane, time)
            if ld(ldp(ctx, FAIL), lane) > 0.0:
                continue
        write_due(ctx, lane, time, 1)
        if ldi(ldp(ctx, IO), lane) >= ldi(ctx, NT):
            finish(ctx, lane, OK)
            continue
        p = ldi(ldp(ctx, ID), lane)
        stop = ld(ldp(ctx, P_TIMES), ldi(ctx, NT) - 1)
        ie = ldi(ldp(ctx, IE), lane)
        if ie < ldi(ctx, NE):
            due = ld(ldp(ctx, P_EVT), p * ldi(ctx, NE) + ie)
            stop = select(due < stop, due, stop)
        if TRIGGERS:
            due = ld(ldp(ctx, QNEXT), lane)
            stop = select(due < stop, due, stop)
        st(ldp(ctx, STOP), lane, stop)
        if fresh + changed > 0:
            short = (stop - time) * ld(ctx, EVENT_STEP)
            h = ld(ldp(ctx, H), lane)
            h = select(h < short, h, short)
            best = ld(ldp(ctx, FIRST_H), ldi(ldp(ctx, CHANGE), lane) * WIDTH + lane)
            st(ldp(ctx, H), lane, select(best > 0.0, CAUTION * best, h))
            st(ldp(ctx, WAITS), lane, 1.0)
            st(ldp(ctx, REJ), lane, 0.0)
            st(ldp(ctx, FRESH), lane, 1.0)
        big = 0.0
        for i in range(ldi(ctx, NS)):
            size = absd(ld(ldp(ctx, Y), i * WIDTH + lane))
            most = ld(ldp(ctx, YMAX), i * WIDTH + lane)
            most = select(most < size, size, most)
            big = select(big < most, most, big)
            st(ldp(ctx, YMAX), i * WIDTH + lane, most)
        if big > 1.0:
            big = 1.0
        if big == 0.0:
            big = 1.0
        st(ldp(ctx, BIG), lane, big * ld(ctx, LEAST))
        st(ldp(ctx, SERVE), lane, 0.0)
        return


def keep_inside(ctx: "p"):
    """Keep the times in TS inside the open step, so that a change at a stop is not seen too early or late."""
    t = vl(ldp(ctx, T), 0)
    end = t + vl(ldp(ctx, HS), 0)
    low = t + (2e-15 * vabs(t) + 1e-300)
    high = end - (2e-15 * vabs(end) + 1e-300)
    vs(ldp(ctx, TS), 0, vmin(vmax(vl(ldp(ctx, TS), 0), low), high))


def stage_times(ctx: "p", share: "d"):
    """Times of a stage in TS."""
    vs(ldp(ctx, TS), 0, vl(ldp(ctx, T), 0) + bc(share) * vl(ldp(ctx, HS), 0))
    keep_inside(ctx)


def state_at(ctx: "p", times: "p"):
    """States of all lanes at `times` inside the step, in YP."""
    ns = ldi(ctx, NS)
    x = (vl(times, 0) - vl(ldp(ctx, T), 0)) / vl(ldp(ctx, HS), 0)
    k = ldp(ctx, K)
    for i in range(ns):
        value = vl(ldp(ctx, Y), i)
        for s in static(STAGES):
            weight = x * (DENSE[s][0] + x * (DENSE[s][1] + x * (DENSE[s][2] + x * DENSE[s][3])))
            value = value + weight * vl(k, s * ns + i)
        vs(ldp(ctx, YP), i, value)


def refine(ctx: "p"):
    """Correct the states in YP, those of the dense output at TP, by a damped Newton step with the factors of the step.

    The dense output of a stiff state errs far more than the ends of the step (up to a hundred times, measured).  What
    it leaves of the equation, f(y) - y', divided by the matrix I/(h gamma) - J is that error where the state follows
    the others fast; where it does not, the rest of the second division takes the correction back:
    added in all is -J (I/(h gamma) - J)^-2 (f(y) - y').
    """
    ns = ldi(ctx, NS)
    t = vl(ldp(ctx, T), 0)
    hs = vl(ldp(ctx, HS), 0)
    at = vl(ldp(ctx, TP), 0)
    x = (at - t) / hs
    ih = -1.0 / hs
    k = ldp(ctx, K)
    yp = ldp(ctx, YP)
    rest = ldp(ctx, REST)
    again = ldp(ctx, AGAIN)
    for i in range(ns):
        slope = bc(0.0)
        for s in static(STAGES):
            weight = DENSE[s][0] + x * (2.0 * DENSE[s][1] + x * (3.0 * DENSE[s][2] + x * (4.0 * DENSE[s][3])))
            slope = slope + weight * vl(k, s * ns + i)
        vs(rest, i, ih * slope)
        vs(again, i, ih * slope)
    vs(ldp(ctx, TS), 0, at)
    keep_inside(ctx)
    invoke(ldp(ctx, F_STAGE), ldp(ctx, TS), yp, ldp(ctx, U), ldp(ctx, PQ), ldp(ctx, LU), rest, ldp(ctx, W))
    for i in range(ns):
        vs(yp, i, vl(yp, i) + vl(rest, i))
    invoke(ldp(ctx, F_STAGE), ldp(ctx, TS), yp, ldp(ctx, U), ldp(ctx, PQ), ldp(ctx, LU), again, ldp(ctx, W))
    for i in range(ns):
        vs(yp, i, vl(yp, i) - vl(again, i))


def interpolate(ctx: "p"):
    """Outputs inside the accepted steps."""
    tn = vl(ldp(ctx, TN), 0)
    open = (vl(ldp(ctx, DONE), 0) > 0.0) & ~(
        vl(ldp(ctx, HIT), 0) > 0.0
    )  # the end is not a stop: it is due as well
    need = ldp(ctx, P_NEED)
    while True:
        time = vl(ldp(ctx, NEXTOUT), 0)
        due = (vl(ldp(ctx, DONE), 0) > 0.0) & ((time < tn) | (open & (time <= tn)))
        if not any(due):
            break
        vs(ldp(ctx, DUE), 0, select(due, bc(1.0), bc(0.0)))
        vs(ldp(ctx, TP), 0, select(due, time, tn))
        state_at(ctx, ldp(ctx, TP))
        if IMPLICIT:
            refine(ctx)
        for lane in range(WIDTH):
            if ld(ldp(ctx, DUE), lane) > 0.0:
                for q in range(ldi(ctx, NNEED)):
                    i = ldi(need, q)
                    st(ldp(ctx, YI), i, ld(ldp(ctx, YP), i * WIDTH + lane))
                write_output(ctx, lane, ld(ldp(ctx, TP), lane))


def implicit_stages(ctx: "p"):
    """One Rosenbrock step: increments in K, the new state in YN."""
    ns = ldi(ctx, NS)
    y = ldp(ctx, Y)
    yn = ldp(ctx, YN)
    u = ldp(ctx, U)
    pq = ldp(ctx, PQ)
    k0 = ldp(ctx, K)
    table = ldp(
        ctx, P_COEFFICIENTS
    )  # A, then C: constants in the code would each take an address of their own
    hs = vl(ldp(ctx, HS), 0)
    ih = 1.0 / hs
    vs(ldp(ctx, G), 0, ih / GAMMA)
    vs(ldp(ctx, GH), 0, D[0] * hs)
    stage_times(ctx, 0.0)
    invoke(ldp(ctx, F_FACTOR), ldp(ctx, TS), y, u, pq, ldp(ctx, G), ldp(ctx, GH), ldp(ctx, LU), k0, ldp(ctx, DT),
           ldp(ctx, BAD), ldp(ctx, W))  # fmt: skip
    for s in static(1, STAGES):
        ks = off(k0, ns * (s * WIDTH))
        for i in range(ns):
            if NEXT_ONLY[s]:
                x = vl(yn, i) + vl(k0, ns * (s - 1) + i)
            else:
                x = vl(y, i) + bc(ld(table, s * STAGES)) * vl(k0, i)
            rest = bc(ld(table, (STAGES + s) * STAGES)) * vl(k0, i)
            for j in static(1, s):
                kj = vl(k0, ns * j + i)
                if not NEXT_ONLY[s]:
                    x = x + bc(ld(table, s * STAGES + j)) * kj
                rest = rest + bc(ld(table, (STAGES + s) * STAGES + j)) * kj
            vs(yn, i, x)
            vs(ks, i, ih * rest)
        if D[s] != 0.0:
            for q in range(ldi(ctx, NTIMED)):
                i = ldi(ldp(ctx, P_TIMED), q)
                vs(ks, i, vl(ks, i) + D[s] * hs * vl(ldp(ctx, DT), i))
        stage_times(ctx, AT[s])
        invoke(ldp(ctx, F_STAGE), ldp(ctx, TS), yn, u, pq, ldp(ctx, LU), ks, ldp(ctx, W))


def explicit_stages(ctx: "p"):
    """One explicit step: increments h*f in K, the new state in YN."""
    ns = ldi(ctx, NS)
    y = ldp(ctx, Y)
    yn = ldp(ctx, YN)
    k0 = ldp(ctx, K)
    hs = vl(ldp(ctx, HS), 0)
    slope = ldp(ctx, FRESH_K)
    fresh = vl(ldp(ctx, FRESH), 0) > 0.0
    if any(fresh):
        stage_times(ctx, 0.0)
        invoke(ldp(ctx, F_RATES), ldp(ctx, TS), y, ldp(ctx, U), ldp(ctx, PQ), k0, ldp(ctx, W))
        for i in range(ns):
            vs(slope, i, select(fresh, vl(k0, i), vl(slope, i)))
        vs(ldp(ctx, FRESH), 0, bc(0.0))
    vs(ldp(ctx, BAD), 0, bc(0.0))
    for i in range(ns):
        vs(k0, i, hs * vl(slope, i))
    for s in static(1, STAGES):
        ks = off(k0, ns * (s * WIDTH))
        for i in range(ns):
            x = vl(y, i)
            for j in static(s):
                if A[s][j] != 0.0:
                    x = x + A[s][j] * vl(k0, ns * j + i)
            vs(yn, i, x)
        stage_times(ctx, AT[s])
        invoke(ldp(ctx, F_RATES), ldp(ctx, TS), yn, ldp(ctx, U), ldp(ctx, PQ), ks, ldp(ctx, W))
        for i in range(ns):
            vs(ks, i, hs * vl(ks, i))


def error_norm(ctx: "p"):
    """Root mean square of the error over the tolerance, a lane each; completes YN."""
    ns = ldi(ctx, NS)
    y = ldp(ctx, Y)
    yn = ldp(ctx, YN)
    k0 = ldp(ctx, K)
    total = bc(0.0)
    rtol = bc(ld(ctx, RTOL))
    floor = bc(ld(ctx, FLOOR))
    least = 1e-10 * rtol * vl(ldp(ctx, BIG), 0)
    for i in range(ns):
        x = vl(yn, i)
        if IMPLICIT:
            error = vl(k0, ns * (STAGES - 1) + i)
            x = x + error
            vs(yn, i, x)
        else:
            error = ERROR[0] * vl(k0, i)
            for s in static(1, STAGES):
                if ERROR[s] != 0.0:
                    error = error + ERROR[s] * vl(k0, ns * s + i)
        size = vmax(vmax(vabs(vl(y, i)), vabs(x)), floor * vl(ldp(ctx, YMAX), i))
        share = error / (bc(ld(ldp(ctx, P_ATOL), i)) + least + rtol * size)
        total = total + share * share
    vs(ldp(ctx, ERR), 0, vsqrt(total / d(ns)))


def control(ctx: "p"):
    """Accept or reject a lane's step and choose the next."""
    act = vl(ldp(ctx, ACT), 0) > 0.0
    raw = vl(ldp(ctx, ERR), 0)
    bad = vl(ldp(ctx, BAD), 0) > 0.0
    ok = act & (raw <= 1.0) & ~bad
    error = select(raw < 1e10, raw, 1e10)
    error = vmax(error, 1e-10)
    log = vlog(error)
    t = vl(ldp(ctx, T), 0)
    hs = vl(ldp(ctx, HS), 0)
    hk = vl(ldp(ctx, HK), 0)
    hit = vl(ldp(ctx, HIT), 0) > 0.0
    rejected = vl(ldp(ctx, REJ), 0) > 0.0
    plain = SAFETY * vexp(-1.0 / ORDER * log)
    grow = vmin(vmax(plain, 0.2), 6.0)
    grow = select(rejected & (grow > 1.0), 1.0, grow)
    shrink = vmin(vmax(plain, 0.1), 0.9)
    shrink = select(bad, 0.5, shrink)
    best = hs * grow
    larger = best
    larger = select((hs < 0.9 * hk) & (larger < hk), hk, larger)
    smaller = hs * shrink
    tn = select(hit, vl(ldp(ctx, STOP), 0), t + hs)
    vs(ldp(ctx, TN), 0, tn)
    vs(ldp(ctx, DONE), 0, select(ok, bc(1.0), bc(0.0)))
    if TRIGGERS:
        locate(ctx)
        tn = vl(ldp(ctx, TN), 0)
        hit = vl(ldp(ctx, HIT), 0) > 0.0
    h = select(ok, larger, smaller)
    vs(ldp(ctx, H), 0, h)
    vs(ldp(ctx, REJ), 0, select(ok, bc(0.0), bc(1.0)))
    steps = vl(ldp(ctx, STEPS), 0) + 1.0
    vs(ldp(ctx, STEPS), 0, steps)
    vs(ldp(ctx, NREJ), 0, vl(ldp(ctx, NREJ), 0) + select(ok, bc(0.0), bc(1.0)))
    fail = select(act & (steps > d(ldi(ctx, MAXSTEPS))), bc(1.0), bc(0.0))
    lost = act & ~ok & (h <= 1e-15 * vabs(t) + 1e-290)
    fail = select(lost, select(raw < INF, bc(2.0), bc(3.0)), fail)
    vs(ldp(ctx, FAIL), 0, fail)
    first = ok & (vl(ldp(ctx, WAITS), 0) > 0.0)
    if any(first):  # the step that would have suited the start after such a change, for the next one
        vs(ldp(ctx, BEST), 0, best)
        for lane in range(WIDTH):
            if (ld(ldp(ctx, DONE), lane) > 0.0) & (ld(ldp(ctx, WAITS), lane) > 0.0):
                place = ldi(ldp(ctx, CHANGE), lane) * WIDTH + lane
                st(ldp(ctx, FIRST_H), place, ld(ldp(ctx, BEST), lane))
        vs(ldp(ctx, WAITS), 0, select(first, bc(0.0), vl(ldp(ctx, WAITS), 0)))
    vs(ldp(ctx, SERVE), 0, select((ok & hit) | (fail > 0.0), bc(1.0), bc(0.0)))
    if any(ok & (vl(ldp(ctx, NEXTOUT), 0) <= tn)):
        interpolate(ctx)
    ns = ldi(ctx, NS)
    y = ldp(ctx, Y)
    yn = ldp(ctx, YN)
    most = ldp(ctx, YMAX)
    for i in range(ns):
        x = select(ok, vl(yn, i), vl(y, i))
        vs(y, i, x)
        vs(most, i, vmax(vl(most, i), vabs(x)))
    if not IMPLICIT:
        slope = ldp(ctx, FRESH_K)
        last = off(ldp(ctx, K), ns * ((STAGES - 1) * WIDTH))
        for i in range(ns):
            vs(slope, i, select(ok, vl(last, i) / hs, vl(slope, i)))
    vs(ldp(ctx, T), 0, select(ok, tn, t))


def run(ctx: "p"):
    """Simulate patients NEXT..N-1."""
    for lane in range(WIDTH):
        sti(ldp(ctx, ID), lane, -1)
        st(ldp(ctx, ACT), lane, 0.0)
        st(ldp(ctx, SERVE), lane, 1.0)
        st(ldp(ctx, FAIL), lane, 0.0)
        st(ldp(ctx, H), lane, 1.0)
        st(ldp(ctx, STOP), lane, 1.0)
    while True:
        if any(vl(ldp(ctx, SERVE), 0) > 0.0):
            for lane in range(WIDTH):
                if ld(ldp(ctx, SERVE), lane) > 0.0:
                    service(ctx, lane)
            if not any(vl(ldp(ctx, ACT), 0) > 0.0):
                break
        left = vl(ldp(ctx, STOP), 0) - vl(ldp(ctx, T), 0)
        h = vmin(vl(ldp(ctx, H), 0), bc(ld(ctx, HMAX)))
        vs(ldp(ctx, HK), 0, h)
        hit = h >= 0.999 * left
        h = select(hit, left, select(h > 0.5 * left, 0.5 * left, h))
        h = select(vl(ldp(ctx, ACT), 0) > 0.0, h, 1.0)
        vs(ldp(ctx, HIT), 0, select(hit, bc(1.0), bc(0.0)))
        vs(ldp(ctx, HS), 0, h)
        if IMPLICIT:
            implicit_stages(ctx)
        else:
            explicit_stages(ctx)
        error_norm(ctx)
        control(ctx)


FUNCTIONS = (
    write_output,
    write_due,
    finish,
    state_at,
    *driver_events.FUNCTIONS,
    *driver_jumps.FUNCTIONS,
    begin,
    apply_events,
    service,
    keep_inside,
    refine,
    interpolate,
)
FUNCTIONS += (stage_times, implicit_stages, explicit_stages, error_norm, control, run)
