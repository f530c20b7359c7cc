"""Random streams against NumPy's own Philox, known answers, and independence of batch and order."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from euthymia.patients.streams import normals, philox, uniforms


def test_known_answers() -> None:
    """Vectors published with the generator (Random123)."""
    ones = 0xFFFFFFFF
    assert [hex(int(v)) for v in philox((ones,) * 4, (ones,) * 2)] == [
        "0x408f276d",
        "0x41c83b0e",
        "0xa20bc7c6",
        "0x6d5451fd",
    ]
    pi = (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344)
    assert [hex(int(v)) for v in philox(pi, (0xA4093822, 0x299F31D0))] == [
        "0xd16cfe09",
        "0x94fdcceb",
        "0x5001e420",
        "0x24126ea1",
    ]


@given(st.lists(st.integers(0, 2**40), min_size=1, max_size=20, unique=True), st.integers(1, 9))
def test_a_patient_gets_the_same_numbers_in_any_batch(patients: list[int], count: int) -> None:
    together = uniforms(3, "t", patients, "p", count)
    for i, patient in enumerate(patients):
        assert np.array_equal(uniforms(3, "t", [patient], "p", count)[0], together[i])


def test_more_draws_do_not_change_the_first() -> None:
    assert np.array_equal(uniforms(1, "t", [5], "p", 4)[:, :3], uniforms(1, "t", [5], "p", 3))


def test_uniform_and_independent() -> None:
    from scipy.stats import kstest

    u = uniforms(1, "t", np.arange(20_000), "p", 4)
    assert all(kstest(u[:, j], "uniform").pvalue > 1e-3 for j in range(4))
    r = np.corrcoef(
        np.column_stack(
            [u, uniforms(2, "t", np.arange(20_000), "p"), uniforms(1, "t", np.arange(20_000), "q")]
        ).T
    )
    assert np.abs(r - np.eye(len(r))).max() < 0.03  # four standard errors of a correlation of 20,000 pairs


def test_normals_have_the_right_tails() -> None:
    z = normals(1, "t", np.arange(200_000), "p")[:, 0]
    assert abs(z.mean()) < 0.01 and abs(z.std() - 1) < 0.01
    assert abs((z > 2.326348).mean() - 0.01) < 0.001
