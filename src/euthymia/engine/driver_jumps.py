"""How sensitivities jump where a stop moves with a parameter, in the subset of Python that `lanes` compiles.

At a stop at time tau(p) the rates change from f- to f+, and ds = (f- - f+) dtau/dp comes on top of what the change
itself does.  The operation MARK keeps f-; JUMP with index j and value dtau/dp_j adds the term for parameter j.
"""

# mypy: ignore-errors
from __future__ import annotations

CONSTANTS = {"MARK": 5, "JUMP": 6}


def slope_now(ctx: "p", lane: "i", time: "d", out: "p"):
    """Rates of the plain states of one lane at its present state."""
    for i in range(ldi(ctx, NS)):
        st(ldp(ctx, YI), i, ld(ldp(ctx, Y), i * WIDTH + lane))
    st(ldp(ctx, TQ), 0, time)
    invoke(ldp(ctx, F_SLOPE), ldp(ctx, TQ), ldp(ctx, YI), ldp(ctx, U), ldp(ctx, PQ), out, ldp(ctx, W), lane)


def jump(ctx: "p", lane: "i", time: "d", code: "i", index: "i", value: "d"):
    """Carry out MARK or JUMP."""
    if code == MARK:
        slope_now(ctx, lane, time - (2e-15 * absd(time) + 1e-300), ldp(ctx, BEFORE_JUMP))
        return
    slope_now(ctx, lane, time + (2e-15 * absd(time) + 1e-300), ldp(ctx, AFTER_JUMP))
    for q in range(ldi(ldp(ctx, P_JUMPS), index), ldi(ldp(ctx, P_JUMPS), index + 1)):
        place = ldi(ldp(ctx, P_MOVED), q) * WIDTH + lane
        base = ldi(ldp(ctx, P_BASE), q)
        change = ld(ldp(ctx, BEFORE_JUMP), base) - ld(ldp(ctx, AFTER_JUMP), base)
        st(ldp(ctx, Y), place, ld(ldp(ctx, Y), place) + value * change)


FUNCTIONS = (slope_now, jump)
