"""The 66-state study model: a stiff, invented network of three drugs, transmitters, signalling and mood.

For timing only: its numbers describe no patient.  Time unit: hour.  Two oral drugs, one weekly infusion; rates span six
orders of magnitude; Hill exponents differ between patients.
"""

from __future__ import annotations

import numpy as np

from euthymia.engine import Assignment, Dose, Events, Fragment, OdeSystem, Parameter, State

#: name: (median, standard deviation of the logarithm between patients)
PARAMETERS: dict[str, tuple[float, float]] = {
    "ka1": (0.8, 0.3), "F1": (0.8, 0.1), "V1": (15.0, 0.25), "Vm1": (0.02, 0.5), "Km1": (0.05, 0.3),
    "CLr1": (0.5, 0.3), "k12": (0.3, 0.2), "k21": (0.15, 0.2), "fm": (0.5, 0.1), "kem": (0.02, 0.3),
    "kbb1": (2.0, 0.2), "fu1": (0.3, 0.2), "Ki12": (0.02, 0.3), "ka2": (1.2, 0.3), "F2": (0.6, 0.1),
    "V2": (50.0, 0.25), "CL2": (3.0, 0.4), "q12": (0.2, 0.2), "q21": (0.1, 0.2), "kbb2": (3.0, 0.2),
    "fu2": (0.2, 0.2), "V3": (60.0, 0.25), "CL3": (70.0, 0.3), "r12": (1.5, 0.2), "r21": (0.6, 0.2),
    "fN": (0.6, 0.1), "kN": (0.5, 0.2), "kH": (0.12, 0.2), "kbb3": (20.0, 0.2), "konS": (4000.0, 0.2),
    "koffS": (20.0, 0.2), "kon1A": (20000.0, 0.2), "koff1A": (60.0, 0.2), "kon2A": (50000.0, 0.2),
    "koff2A": (60.0, 0.2), "konN": (800.0, 0.2), "koffN": (200.0, 0.2), "kT": (0.5, 0.2),
    "vtph": (60.0, 0.2), "Kt": (1.0, 0.2), "kpack": (400.0, 0.2), "kmao": (100.0, 0.2), "krel": (0.6, 0.2),
    "sc5": (300.0, 0.1), "VmS": (2400.0, 0.2), "KmS": (2.0, 0.2), "kdif": (60.0, 0.2), "kF": (600.0, 0.1),
    "K1A": (1.2, 0.2), "n1A": (2.2, 0.1), "kdes": (0.004, 0.3), "khi": (0.5, 0.2), "knsyn": (0.8, 0.2),
    "knrel": (0.5, 0.2), "scN": (250.0, 0.1), "VmN": (1800.0, 0.2), "KmN": (2.0, 0.2), "kFN": (500.0, 0.1),
    "KA2": (1.3, 0.2), "nA2": (2.0, 0.1), "kdesN": (0.005, 0.3), "kdsyn": (0.7, 0.2), "kdrel": (0.5, 0.2),
    "scD": (200.0, 0.1), "VmD": (1500.0, 0.2), "KmD": (2.0, 0.2), "K2A": (1.0, 0.2), "n2A": (1.8, 0.1),
    "kG": (5000.0, 0.1), "kI": (3000.0, 0.1), "KIa": (1.4, 0.2), "nIa": (2.5, 0.1), "kNM": (500.0, 0.1),
    "KG": (1.0, 0.2), "nG": (2.3, 0.1), "kAM": (500.0, 0.1), "kCa": (1000.0, 0.1), "burst": (3.5, 0.2),
    "kcA": (60.0, 0.1), "kPK": (30.0, 0.1), "KcA": (1.0, 0.2), "ncA": (2.0, 0.1), "kER": (12.0, 0.1),
    "KCa": (1.1, 0.2), "nCa": (3.0, 0.1), "kCR": (2.0, 0.1), "KPK": (1.0, 0.2), "KER": (1.0, 0.2),
    "nER": (1.9, 0.1), "kmB": (0.5, 0.2), "KCR": (1.0, 0.2), "nCR": (2.4, 0.1), "kBD": (0.15, 0.2),
    "kTr": (6.0, 0.1), "KBD": (1.0, 0.2), "nBD": (1.6, 0.1), "kAK": (8.0, 0.1), "kmT": (4.0, 0.1),
    "KAK": (1.0, 0.2), "nAK": (2.1, 0.1), "keE": (4.0, 0.1), "kS6": (3.0, 0.1), "kGR1": (0.2, 0.2),
    "kSY": (0.006, 0.3), "Ksy": (1.2, 0.2), "nsy": (2.5, 0.1), "kNF": (4.0, 0.1), "KTN": (1.0, 0.2),
    "nTN": (2.0, 0.1), "kIk": (1.5, 0.1), "kNL": (1.0, 0.1), "KRO": (1.2, 0.2), "nRO": (2.4, 0.1),
    "kI1": (0.7, 0.2), "kI6": (0.5, 0.2), "kTN": (0.9, 0.2), "KNF": (1.0, 0.2), "nNF": (2.2, 0.1),
    "kID": (0.2, 0.2), "kKY": (0.3, 0.2), "kQU": (0.1, 0.2), "infl": (1.0, 0.4), "kCRH": (3.0, 0.1),
    "kAC": (2.0, 0.1), "kCO": (0.7, 0.1), "kGRr": (0.02, 0.2), "KCO": (1.2, 0.2), "nCO": (3.0, 0.1),
    "ampc": (0.35, 0.2), "stress": (1.2, 0.3), "kRO": (2.0, 0.2), "kGS": (0.1, 0.2), "KGS": (1.0, 0.2),
    "kM": (0.003, 0.4), "kPl": (0.004, 0.3), "plmax": (0.25, 0.5), "Kmo": (1.0, 0.2), "nmo": (2.0, 0.1),
    "wI": (0.3, 0.3), "wC": (0.2, 0.3),
}  # fmt: skip
ASSIGNMENTS: dict[str, str] = {
    "vmet1": "Vm1*C1/(Km1*(1+C2/Ki12)+C1)",
    "circ": "1+ampc*cos(0.2617993877991494*(t-8))",
    "rel5": "krel*F5*Hv",
    "up5": "VmS*(1-OS)*He/(KmS+He)",
    "relN": "knrel*FN*Nv",
    "upN": "VmN*Ne/(KmN+Ne)",
    "relD": "kdrel*Dv*(0.6+0.8*hill(Ge,KG,nG))*(1+0.5*O2A)",
    "upD": "VmD*De/(KmD+De)",
    "hNF": "hill(NFk,KNF,nNF)",
    "hER": "hill(ERK,KER,nER)",
    "hCR": "hill(CREB,KCR,nCR)",
    "hBD": "hill(BD,KBD,nBD)",
    "hCO": "hill(CORT*GR,KCO,nCO)",
    "hSY": "hill(SYN,Ksy,nsy)",
    "hIa": "hill(Ia,KIa,nIa)",
}
#: state: (initial value, rate)
STATES: dict[str, tuple[float, str]] = {
    "A1": (0.0, "-ka1*A1"),
    "C1": (0.0, "ka1*A1*F1/V1-vmet1-CLr1/V1*C1-k12*C1+k21*P1"),
    "P1": (0.0, "k12*C1-k21*P1"),
    "M1": (0.0, "fm*vmet1-kem*M1"),
    "B1": (0.0, "kbb1*(fu1*C1-B1)"),
    "A2": (0.0, "-ka2*A2"),
    "C2": (0.0, "ka2*A2*F2/V2-CL2/V2*C2-q12*C2+q21*P2"),
    "P2": (0.0, "q12*C2-q21*P2"),
    "B2": (0.0, "kbb2*(fu2*C2-B2)"),
    "C3": (0.0, "-CL3/V3*C3-r12*C3+r21*P3"),
    "P3": (0.0, "r12*C3-r21*P3"),
    "N3": (0.0, "fN*CL3/V3*C3-kN*N3"),
    "H3": (0.0, "0.5*kN*N3-kH*H3"),
    "B3": (0.0, "kbb3*(C3-B3)"),
    "OS": (0.0, "konS*(B1+0.2*M1)*(1-OS)-koffS*OS"),
    "O1A": (0.0, "kon1A*B2*(1-O1A)-koff1A*O1A"),
    "O2A": (0.0, "kon2A*B2*(1-O2A)-koff2A*O2A"),
    "ON": (0.0, "konN*(B3+0.1*N3)*(1-ON)-koffN*ON"),
    "Tc": (1.0, "kT*(1-Tc)-0.15*IDO*Tc"),
    "Hc": (0.2, "vtph*Tc/(Kt+Tc)+0.5*up5/sc5-kpack*Hc-kmao*Hc"),
    "Hv": (1.0, "kpack*Hc-rel5-0.05*Hv"),
    "He": (0.5, "sc5*rel5-up5-kdif*He"),
    "F5": (1.0, "kF*((1.5+0.2*Ge)/(1+R1A*(1-0.5*O1A)*(He/K1A)^n1A+0.6*O1A)-F5)"),
    "R1A": (1.0, "kdes*(1/(0.4+0.6*He)-R1A)"),
    "HIAA": (1.0, "kmao*0.01*Hc-khi*HIAA+0.2"),
    "Nv": (1.0, "knsyn*(1-0.3*Ne/(1+Ne))-relN-0.05*Nv+0.4*upN/scN"),
    "Ne": (0.5, "scN*relN-upN-60*Ne"),
    "FN": (1.0, "kFN*((1.6+0.4*CRH)/(1+A2s*(Ne/KA2)^nA2)-FN)"),
    "A2s": (1.0, "kdesN*(1/(0.4+0.6*Ne)-A2s)"),
    "Dv": (1.0, "kdsyn-relD-0.05*Dv+0.4*upD/scD"),
    "De": (0.5, "scD*relD-upD-50*De"),
    "Ge": (1.0, "kG*((0.6+0.8/(1+hIa)+burst*ON*0.4+0.1*QUIN)-Ge)"),
    "Ia": (1.0, "kI*((0.5+0.6*Ge)*(1-0.6*ON)-Ia)"),
    "NMr": (0.5, "kNM*(hill(Ge,KG,nG)*(1-ON)-NMr)"),
    "AMr": (0.5, "kAM*(GLUR*Ge/(1+Ge)-AMr)"),
    "Ca": (1.0, "kCa*(0.8*NMr+0.9*AMr-Ca)"),
    "cAMP": (1.0, "kcA*((0.5+0.5*He/(1+He)*2*(1-0.5*O2A)+0.3*Ne/(1+Ne))-cAMP)"),
    "PKA": (1.0, "kPK*(2*hill(cAMP,KcA,ncA)-PKA)"),
    "ERK": (1.0, "kER*(0.2+hill(Ca,KCa,nCa)+0.5*TrkB-ERK)"),
    "CREB": (1.0, "kCR*((PKA/(KPK+PKA)+hER)*(1-0.3*hCO)-CREB)"),
    "mBD": (1.0, "kmB*(0.3+1.4*hCR*(1-0.3*hNF)-mBD)"),
    "BD": (1.0, "kBD*(mBD*(1+0.6*(1-eEF))-BD)"),
    "TrkB": (1.0, "kTr*(2*hBD-TrkB)"),
    "AKT": (1.0, "kAK*(0.4+0.6*TrkB+0.5*H3-AKT)"),
    "mTOR": (1.0, "kmT*(2*hill(AKT,KAK,nAK)-mTOR)"),
    "eEF": (0.5, "keE*(NMr/(0.4+NMr)/(1+0.3*mTOR)-eEF)"),
    "S6K": (1.0, "kS6*(mTOR-S6K)"),
    "GLUR": (1.0, "kGR1*(0.5+0.5*S6K*hER*2-GLUR)"),
    "SYN": (1.0, "kSY*((0.4+0.8*S6K*hBD)/(1+0.3*hCO)-SYN)"),
    "NFk": (1.0, "kNF*((0.3+1.2*hill(TNF,KTN,nTN)+0.4*IL1/(1+IL1))*infl/(1+IkB)-NFk)"),
    "IkB": (1.0, "kIk*(2*hNF-IkB)"),
    "NLR": (1.0, "kNL*(0.3+hill(ROS,KRO,nRO)*1.4-NLR)"),
    "IL1": (1.0, "kI1*(NLR*(0.4+1.2*hNF)/(1+0.4*CORT*GR)-IL1)"),
    "IL6": (1.0, "kI6*(0.3+1.4*hNF-IL6)"),
    "TNF": (1.0, "kTN*((0.3+1.4*hNF)/(1+0.3*CORT*GR)-TNF)"),
    "IDO": (1.0, "kID*(0.3+0.4*IL6+0.4*TNF-IDO)"),
    "KYN": (1.0, "kKY*(IDO*Tc-KYN)"),
    "QUIN": (1.0, "kQU*(KYN*(0.7+0.3*IL1)-QUIN)"),
    "CRH": (1.0, "kCRH*(stress*circ*(1+0.2*IL1)/(1+1.5*hCO)-CRH)"),
    "ACTH": (1.0, "kAC*(1.3*CRH/(1+0.6*hCO)-ACTH)"),
    "CORT": (1.0, "kCO*(ACTH-CORT)"),
    "GR": (1.0, "kGRr*(1.4/(1+0.3*CORT+0.2*IL6)-GR)"),
    "ROS": (1.0, "kRO*((0.7+0.4*TNF+0.2*CORT)/(0.3+0.7*GSH/(KGS+GSH)*2)-ROS)"),
    "GSH": (1.0, "kGS*(1.3-0.3*ROS*GSH-GSH)"),
    "MOOD": (1.0, "kM*(2*hill(SYN*(0.5+0.3*He/(1+He)+0.2*De/(1+De)),Kmo,nmo)+PLAC-wI*IL6-wC*hCO-0.2*MOOD)"),
    "PLAC": (0.0, "kPl*(plmax-PLAC)"),
}
TIMES = np.arange(0, 57) * 24.0
INFUSED = 35.0
SPAN = 0.6666666


def system() -> OdeSystem:
    """The model as an engine system; the infusion into C3 is scaled by 1/V3 through its bioavailability."""
    states = {name: State(rate, initial) for name, (initial, rate) in STATES.items()}
    parameters = {name: Parameter(median) for name, (median, _) in PARAMETERS.items()}
    parameters["per_V3"] = Parameter(1 / PARAMETERS["V3"][0])
    assignments = {name: Assignment(text) for name, text in ASSIGNMENTS.items()}
    return OdeSystem.join("study", Fragment(states, parameters, assignments), units=False)


def population(n: int, seed: int) -> dict[str, np.ndarray]:
    """Parameters of `n` patients, lognormal."""
    z = np.random.default_rng(seed).standard_normal((n, len(PARAMETERS)))
    drawn = {name: median * np.exp(sd * z[:, i]) for i, (name, (median, sd)) in enumerate(PARAMETERS.items())}
    return drawn | {"per_V3": 1 / drawn["V3"]}


def events(n: int, seed: int = 2, weeks: int = 8) -> Events:
    """Daily and evening doses, four infusions; 10 % of the oral doses are missed."""
    doses = [Dose(24.0 * day + 8, "A1", 20.0) for day in range(weeks * 7)]
    doses += [Dose(24.0 * day + 20, "A2", 5.0) for day in range(14, weeks * 7)]
    oral = len(doses)
    for week in range(4):
        doses.append(
            Dose(24.0 * (7 * week + 10) + 10, "C3", INFUSED, "infusion", SPAN, bioavailability="per_V3")
        )
    taken = np.ones((n, len(doses)))
    taken[:, :oral] = np.random.default_rng(seed).uniform(size=(n, oral)) < 0.9
    return Events([doses], np.zeros(n, dtype=int), taken)
