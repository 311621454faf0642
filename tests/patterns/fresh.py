"""Axes written when the rules of version 4 were done; since then their errors have been looked at."""

from tests.patterns.tuned import Template

GARDENS = "orchard meadow terrace greenhouse hedgerow rockery pergola nursery".split()
VALVES = "V-101 V-102 inlet_valve bypass drain-3 purge".split()
STATIONS = ["Central", "Harbour East", "Old Mill", "Airport", "University", "Northgate"]
LINES = "S1 S2 U6 T14 N9".split()
CASES = ["A-2024/17", "B-2023/4", "C-2025/188", "A-2022/9"]
EXHIBITS = "ledger contract photograph recording invoice diary".split()
SCORES = "allegro sonata nocturne fugue rondo prelude".split()
METHODS = "loadUser saveOrder parse_row run HTTPGet toJSON _flush".split()
HOSTS = "db-1.internal.example.net cache.example.org edge-eu.example.com localhost 10.2.0.7".split()
TOPICS = "com.acme.billing.Invoices com.acme.mail.Outbox org.acme.core.Jobs".split()
SKILLS = "haggling carpentry navigation bookkeeping first_aid".split()
FLAGS = "--dry-run --force --all --no-cache -v".split()
LABELS_DE = "Rechnung Lieferschein Mahnung Angebot Gutschrift Quittung".split()
PIECES_FR = "facture devis contrat relevé attestation avenant".split()
CLAIMS = [
    "the moon is made of cheese",
    "prices fell by half",
    "he was never there",
    "all swans are white",
    "it was free",
]

AXES: dict[str, list[Template]] = {
    "irrigation": [
        lambda v: f"zone {v.one(GARDENS)} would get {v.n(90)} litres, its limit is {v.n(60)} litres",
        lambda v: f"zone {v.one(GARDENS)} has no rain sensor",
        lambda v: f"valve {v.one(VALVES)} stays open for {v.duration()}",
        lambda v: f"valve {v.one(VALVES)} is opened by nobody",
        lambda v: "the schedule waters at noon",
    ],
    "transit": [
        lambda v: f"line {v.one(LINES)} skips {v.one(STATIONS)!r} on {v.date()}",
        lambda v: f"line {v.one(LINES)} has {v.few()} train{v.s()} too few",
        lambda v: f"transfer at {v.one(STATIONS)!r} takes {v.n(30)} min, at least {v.n(9)} min are needed",
        lambda v: f"transfer at {v.one(STATIONS)!r} has no lift",
    ],
    "court": [
        lambda v: f"case {v.one(CASES)}: exhibit '{v.one(EXHIBITS)}' was not disclosed",
        lambda v: f"case {v.one(CASES)}: exhibit '{v.one(EXHIBITS)}' was disclosed late (on {v.date()})",
        lambda v: f"case {v.one(CASES)}: hearing overlaps with {v.one(CASES)}",
        lambda v: f'claim without evidence: "{v.one(CLAIMS)}"',
        lambda v: f'claim against the evidence: "{v.one(CLAIMS)}"',
    ],
    "methods": [
        lambda v: f"{v.one(METHODS)}() takes {v.n(9)} arguments, {v.n(5)} are allowed",
        lambda v: f"{v.one(METHODS)}() returns nothing on {v.few()} path{v.s()}",
        lambda v: f"call of {v.one(METHODS)} in {v.one(METHODS)} is recursive",
        lambda v: f"unused result of `{v.one(METHODS)}`",
        lambda v: f"unused parameter of `{v.one(METHODS)}`",
    ],
    "network": [
        lambda v: f"{v.one(HOSTS)}:{v.n(9999)} refused the connection",
        lambda v: f"{v.one(HOSTS)}:{v.n(9999)} closed the connection after {v.n(900)} bytes",
        lambda v: f"route to {v.one(HOSTS)} via {v.one(HOSTS)} is not allowed",
    ],
    "topics": [
        lambda v: f"consumer of {v.one(TOPICS)} is {v.comma()} messages behind",
        lambda v: f"producer of {v.one(TOPICS)} is not registered",
        lambda v: f"{v.one(TOPICS)} has partitions={v.n(64)}, replicas={v.n(5)}, retention={v.n(30)}d",
        lambda v: f"{v.one(TOPICS)} has no schema",
    ],
    "parameters": [
        lambda v: f"option {v.one(FLAGS)} needs a reason",
        lambda v: f"option {v.one(FLAGS)} is given twice",
        lambda v: f"mode={v.one(['fast', 'safe', 'auto'])} needs level={v.n(5)} or higher",
        lambda v: f"owner={v.one(['ann', 'bo', 'cy', 'di'])} may not set cap={v.n(99)}",
    ],
    "training": [
        lambda v: f"{v.one(SKILLS)} is taught in {v.few()} lesson{v.s()}, the plan has {v.n(9)}",
        lambda v: f"{v.one(SKILLS)} is not taught",
        lambda v: f"lessons without a teacher: {v.some(SKILLS)}",
        lambda v: f"lessons without a room: {v.some(SKILLS)}",
    ],
    "sheet-music": [
        lambda v: f"bar {v.n(300)} of the {v.one(SCORES)} has {v.n(9)} beats instead of {v.n(4)}",
        lambda v: f"bar {v.n(300)} of the {v.one(SCORES)} is empty",
        lambda v: f"no key is given for the {v.one(SCORES)}",
        lambda v: f"no tempo is given for the {v.one(SCORES)}",
    ],
    "progress": [
        lambda v: f"{v.n(9)}/{v.n(9)} reviewers have answered",
        lambda v: f"{v.n(9)}/{v.n(9)} reviewers agree",
        lambda v: f"step {v.n(9)}/{v.n(9)} took {v.duration()}",
        lambda v: f"quorum of {v.x(90)} % was not reached ({v.x(80)} %)",
    ],
    "belege": [
        lambda v: f"{v.one(LABELS_DE)} Nr. {v.n(9999)} wurde doppelt gebucht",
        lambda v: f"{v.one(LABELS_DE)} Nr. {v.n(9999)} wurde nie gebucht",
        lambda v: f"Betrag {v.n(900)},{v.n(99, 10)} € weicht um {v.n(90)} € ab",
        lambda v: f"{v.few()} Beleg{v.s('', 'e')} ohne Datum",
    ],
    "pièces": [
        lambda v: f"la pièce « {v.one(PIECES_FR)} » n'est pas signée",
        lambda v: f"la pièce « {v.one(PIECES_FR)} » n'est pas datée",
        lambda v: f"montant de {v.n(900)} € supérieur au plafond de {v.n(500)} €",
        lambda v: f"pièces manquantes : {v.some(PIECES_FR)}",
    ],
}
