"""Axes written after those of ``fresh``; since then their errors have been looked at, too."""

from tests.patterns.tuned import Template

SPECIES = "otter lynx heron badger kestrel marten vole osprey".split()
DRUGS = "ibuprofen heparin warfarin insulin digoxin morphine".split()
WARDS = "3A 4B ICU 2C ER".split()
LAYERS = "conv1 conv2 dense_out embed attn_3 norm".split()
SHEETS = "Budget Forecast Payroll Assets Summary".split()
CELLS = "A1 C17 $D$4 AA10 F2:F9".split()
QUERIES = ["SELECT * FROM users", "DELETE FROM orders WHERE id = 3", "UPDATE t SET a = 1", "DROP TABLE x"]
SIGNALS = "SIGTERM SIGKILL SIGHUP SIGSEGV".split()
UNITS = "nginx.service cron.service backup.timer app-worker.service db.socket".split()
RECIPES = ["Pad Thai", "Apple Pie", "Borscht", "Beef Wellington", "Ramen"]
SPEAKERS = ["Dr. Alice Moore", "Prof. Jan Kowalski", "Sam O'Neil", "Li Na"]
ANSWERS = ["I cannot help with that.", "Sure! Here's how", "It depends, really", "42", "As an expert: yes; do it"]
PAISES = "España México Perú Chile Cuba Bolivia".split()
ДОКУМЕНТЫ = "договор счёт акт накладная справка протокол".split()
画面 = "ログイン 設定 検索 支払い 履歴".split()

AXES: dict[str, list[Template]] = {
    "wildlife": [
        lambda v: f"{v.n(40)} {v.one(SPECIES)} sightings are outside of the reserve",
        lambda v: f"sighting of {v.one(SPECIES)} at night is not confirmed",
        lambda v: f"count of {v.one(SPECIES)} fell from {v.n(90)} to {v.n(90)}",
        lambda v: f"count of {v.one(SPECIES)} was not taken this year",
        lambda v: f"no permit covers {v.one(SPECIES)} before {v.date()}",
    ],
    "dosage": [
        lambda v: f"{v.one(DRUGS)} {v.n(900)} mg exceeds the daily maximum of {v.n(400)} mg",
        lambda v: f"{v.one(DRUGS)} interacts with {v.one(DRUGS)}",
        lambda v: f"{v.one(DRUGS)} is not stocked on ward {v.one(WARDS)}",
        lambda v: f"ward {v.one(WARDS)} has no nurse between {v.n(23):02}:00 and {v.n(23):02}:30",
        lambda v: f"patient P-{v.n(9999):04} has {v.few()} open prescription{v.s()}",
    ],
    "network-layers": [
        lambda v: f"layer {v.one(LAYERS)}: shape ({v.n(64)}, {v.n(64)}) does not match ({v.n(64)}, {v.n(64)})",
        lambda v: f"layer {v.one(LAYERS)}: weights are frozen",
        lambda v: f"layer {v.one(LAYERS)}: weights are not initialised",
        lambda v: f"loss went from {v.x(3, 3)} to nan in epoch {v.n(90)}/{v.n(90)}",
        lambda v: f"gradient norm {v.x(900, 2)} > {v.x(9, 1)}",
    ],
    "spreadsheet": [
        lambda v: f"cell {v.one(SHEETS)}!{v.one(CELLS)} refers to itself",
        lambda v: f"cell {v.one(SHEETS)}!{v.one(CELLS)} refers to an empty cell",
        lambda v: f"sheet {v.one(SHEETS)} is hidden",
        lambda v: f"formula `=SUM({v.one(CELLS)})*{v.n(9)}` mixes units",
    ],
    "sql": [
        lambda v: f"query `{v.one(QUERIES)}` has no limit",
        lambda v: f"query `{v.one(QUERIES)}` writes without a transaction",
        lambda v: f"query took {v.n(9000)} ms, plan has {v.few()} sequential scan{v.s()}",
        lambda v: f"index idx_{v.hex(6)} is never used",
    ],
    "processes": [
        lambda v: (
            f"{v.one(UNITS)}: main process exited, code={v.one(['killed', 'dumped', 'exited'])}, status={v.n(15)}/{v.one(['TERM', 'KILL', 'SEGV'])}"
        ),
        lambda v: f"{v.one(UNITS)}: scheduled restart job, restart counter is at {v.n(30)}.",
        lambda v: (
            f"process {v.n(99999)} ({v.one(['python3', 'node', 'java', 'nginx'])}) of user {v.one(['root', 'app', 'www-data'])} got {v.one(SIGNALS)}"
        ),
        lambda v: f"child {v.n(99999)} started",
        lambda v: f"child {v.n(99999)} stopped",
    ],
    "dinner": [
        lambda v: f"{v.one(RECIPES)!r} serves {v.n(9)}, {v.n(12)} guests are invited",
        lambda v: f"{v.one(RECIPES)!r} contains nuts",
        lambda v: f"{v.one(RECIPES)!r} contains gluten",
        lambda v: f"{v.one(RECIPES)!r} and {v.one(RECIPES)!r} need the oven at {v.n(23):02}:{v.n(59):02}",
    ],
    "conference": [
        lambda v: f"talk by {v.one(SPEAKERS)} has no abstract",
        lambda v: f"talk by {v.one(SPEAKERS)} is {v.n(90)} minutes long, slot is {v.n(45)} minutes",
        lambda v: f"room {v.n(9)}.{v.n(30):02} seats {v.n(300)}, {v.n(300)} registered",
        lambda v: f"{v.few()} talk{v.s()} ha{v.s('s', 've')} no reviewer",
    ],
    "answers": [
        lambda v: f'answer "{v.one(ANSWERS)}" does not cite a source',
        lambda v: f'answer "{v.one(ANSWERS)}" contradicts the policy',
        lambda v: f"answers {v.n(50)} and {v.n(50)} are the same",
        lambda v: f"faithfulness {v.x(1, 2)} is below {v.x(1, 1)}. Cite what you used.",
        lambda v: f"faithfulness {v.x(1, 2)} is below {v.x(1, 1)}. Quote at least {v.n(3)} sentences.",
    ][:4],
    "aduana": [
        lambda v: f"el envío a {v.one(PAISES)} no tiene factura",
        lambda v: f"el envío a {v.one(PAISES)} no tiene seguro",
        lambda v: f"peso de {v.n(90)},{v.n(9)} kg supera el máximo de {v.n(30)} kg",
        lambda v: f"faltan {v.few()} sello{v.s()}",
    ],
    "документы": [
        lambda v: f"документ «{v.one(ДОКУМЕНТЫ)}» не подписан",
        lambda v: f"документ «{v.one(ДОКУМЕНТЫ)}» не найден",
        lambda v: f"срок истёк {v.n(28):02}.{v.n(12):02}.{v.n(2031, 2019)}",
        lambda v: f"сумма {v.n(900)} ₽ больше лимита {v.n(500)} ₽",
    ],
    "画面": [
        lambda v: f"画面「{v.one(画面)}」に戻るボタンがありません",
        lambda v: f"画面「{v.one(画面)}」の読み込みに{v.n(30)}秒かかりました",
        lambda v: f"翻訳されていない文字列が{v.n(90)}件あります",
    ],
}
