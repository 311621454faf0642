"""Axes measured once the rules were done: no rule was changed for them."""

from tests.patterns.tuned import Template

KITCHENS = "saffron basil pepper cumin fennel mustard clove sesame thyme ginger".split()
BOTS = "greeter booker refunder escalator quoter scheduler notifier payer shipper tracker".split()
SHELVES = "A-12 B-07 cold_1 dock north-bay mezzanine C-33 yard".split()
COURSES = ["Algebra", "Modern Art", "Data Structures", "Ethics", "Organic Chemistry", "Latin"]
STARS = "vega rigel altair deneb spica mira castor sirius polaris antares".split()
TITLES = ["The Long Night", "Dune", "Blue Planet", "Home Alone", "Metropolis"]
ORDERS = ["buy now!", "click here", "you have to hurry", "act fast, or else", "don't miss it", "only 3 left"]
BERUFE = "Kellner Köchin Fahrer Lagerist Buchhalterin Gärtner Pförtner".split()
METIERS = "serveur cuisinière chauffeur comptable jardinier veilleur".split()
OFICIOS = "camarero cocinera chófer contable jardinero vigilante".split()
ПРОФЕССИИ = "повар водитель бухгалтер садовник сторож официант".split()
職 = "ウェイター シェフ ドライバー ガードマン デザイナー".split()
직업 = "요리사 운전사 회계사 정원사 경비원".split()

AXES: dict[str, list[Template]] = {
    "menu": [
        lambda v: f"recipe {v.one(KITCHENS)} lists no allergens",
        lambda v: f"recipe {v.one(KITCHENS)} lists no portions",
        lambda v: f"recipe {v.one(KITCHENS)} needs {v.n(90)} g of {v.one(KITCHENS)}, stock has {v.n(90)} g",
        lambda v: f"allergens missing for: {v.some(KITCHENS, 6)}",
        lambda v: f"allergens wrong for: {v.some(KITCHENS, 6)}",
    ],
    "dialogue": [
        lambda v: f"bot '{v.one(BOTS)}' answered after {v.duration()}, at most {v.n(9)}s are allowed",
        lambda v: f"bot '{v.one(BOTS)}' answered before it was asked",
        lambda v: f"{v.few()} turn{v.s()} without a question",
        lambda v: f"{v.few()} turn{v.s()} without an answer",
        lambda v: f"pushy sentence: “{v.one(ORDERS)}”",
        lambda v: f"vague sentence: “{v.one(ORDERS)}”",
    ],
    "shelves": [
        lambda v: f"shelf {v.one(SHELVES)} holds {v.n(900)} kg, rated for {v.n(900)} kg",
        lambda v: f"shelf {v.one(SHELVES)} was inspected {v.n(900)} days ago",
        lambda v: f"shelf {v.one(SHELVES)} was never inspected",
        lambda v: f"move from {v.one(SHELVES)} to {v.one(SHELVES)} crosses a fire lane",
    ],
    "courses": [
        lambda v: f"course \"{v.one(COURSES)}\" overlaps with \"{v.one(COURSES)}\" on {v.date()}",
        lambda v: f"course \"{v.one(COURSES)}\" has {v.few()} seat{v.s()} but {v.n(90)} students",
        lambda v: f"course \"{v.one(COURSES)}\" has no room",
        lambda v: f"course \"{v.one(COURSES)}\" has no teacher",
        lambda v: f"grade {v.x(6)} is outside 1.0 to 6.0",
    ],
    "telescope": [
        lambda v: f"target {v.one(STARS)} is below the horizon until {v.n(23):02}:{v.n(59):02}",
        lambda v: f"target {v.one(STARS)} is too close to the moon ({v.x(30)}°)",
        lambda v: f"target {v.one(STARS)} is too far from the zenith ({v.x(90)}°)",
        lambda v: f"exposure of {v.n(900)} s saturates {v.one(STARS)}",
        lambda v: f"no guide star near {v.one(STARS)}",
    ],
    "streaming": [
        lambda v: f"film {v.one(TITLES)!r} is not licensed in {v.one(['DE', 'FR', 'US', 'JP'])}",
        lambda v: f"film {v.one(TITLES)!r} is rated {v.one(['PG-13', 'R', 'G'])}",
        lambda v: f"subtitles are missing for {v.some(['en', 'de', 'fr', 'ja', 'ko'], 4, ', ', ' and ')}",
        lambda v: f"subtitles are out of sync by {v.n(900)} ms",
        lambda v: f"audio is out of sync by {v.n(900)} ms",
    ],
    "routes": [
        lambda v: f"route {v.one(STARS)} → {v.one(STARS)} → {v.one(STARS)} takes {v.duration()}",
        lambda v: f"driver {v.one(BOTS)} exceeds {v.n(12)} hours",
        lambda v: f"driver {v.one(BOTS)} rests less than {v.n(12)} hours",
        lambda v: f"stop #{v.n(30)} is outside of the zone",
        lambda v: f"stop #{v.n(30)} is inside a closed zone",
    ],
    "payments": [
        lambda v: f"card ending in {v.n(9999, 1000)} was declined: {v.one(['insufficient_funds', 'expired_card', 'do_not_honor'])}",
        lambda v: f"refund of {v.one('$€£')}{v.comma()}.00 exceeds payment of {v.one('$€£')}{v.comma()}.00",
        lambda v: f"invoice INV-{v.n(99999)} was paid twice",
        lambda v: f"invoice INV-{v.n(99999)} was never paid",
        lambda v: f"{v.x(30)}% of refunds are manual",
        lambda v: f"{v.x(30)}% of refunds are automatic",
    ],
    "tables": [
        lambda v: f"{v.one(['a.csv', 'in/b.tsv', 'x/y/z.parquet.csv'])}, row {v.comma()}: {v.n(9)} cells, header has {v.n(9)}",
        lambda v: f"{v.one(['a.csv', 'in/b.tsv', 'x/y/z.parquet.csv'])}, row {v.comma()}: not a date: '{v.one(['31/02', 'soon', '0000'])}'",
        lambda v: f"{v.one(['a.csv', 'in/b.tsv', 'x/y/z.parquet.csv'])}, row {v.comma()}: not a number: '{v.one(['n/a', '1..2', 'ten'])}'",
        lambda v: f"columns {v.some(['sku', 'qty', 'unit price', 'vat'], 4, ', ', '', chr(34))} are empty",
    ],
    "cluster": [
        lambda v: f"pod {v.one(STARS)}-{v.hex(10)}-{v.hex(5)} restarted {v.few()} time{v.s()}",
        lambda v: f"pod {v.one(STARS)}-{v.hex(10)}-{v.hex(5)} was evicted",
        lambda v: f"namespace {v.one(STARS)} requests {v.n(64)} CPUs, quota is {v.n(32)}",
        lambda v: f"namespace {v.one(STARS)} requests {v.n(64)}Gi memory, quota is {v.n(32)}Gi",
        lambda v: f"ingress {v.one(STARS)}.example.com has no certificate",
    ],
    "assertions": [
        lambda v: f"AssertionError: {v.n(90)} != {v.n(90)}",
        lambda v: f"AssertionError: {v.one(ORDERS)!r} not in {v.one(ORDERS)!r}",
        lambda v: f"TimeoutError: {v.one(BOTS)} did not answer in {v.n(30)} s",
        lambda v: f"KeyError: '{v.one(BOTS)}'",
    ],
    "review": [
        lambda v: f"{v.one(BOTS)} reviewed its own change",
        lambda v: f"{v.one(BOTS)} and {v.one(BOTS)} reviewed each other",
        lambda v: f"change needs {v.few()} review{v.s()}, has {v.n(3, 0)}",
        lambda v: f"review by {v.one(BOTS)} is older than the change",
        lambda v: f"review by {v.one(BOTS)} is empty",
    ],
    "dienstplan": [
        lambda v: f"{v.one(BERUFE)} arbeitet {v.x(60, 1, ',')} Stunden, erlaubt sind {v.n(48)}",
        lambda v: f"Schicht am {v.n(28)}.{v.n(12)}.{v.n(2030, 2020)} ist doppelt besetzt",
        lambda v: f"Schicht am {v.n(28)}.{v.n(12)}.{v.n(2030, 2020)} ist nicht besetzt",
        lambda v: f"keine Vertretung für {v.one(BERUFE)} gefunden",
        lambda v: f"{v.few()} Antr{v.s('ag', 'äge')} noch offen",
        lambda v: f"Qualifikation fehlt bei: {v.some(BERUFE, 4, ', ', ' und ')}",
    ],
    "planning": [
        lambda v: f"le poste de {v.one(METIERS)} n'est pas pourvu",
        lambda v: f"le poste de {v.one(METIERS)} est pourvu deux fois",
        lambda v: f"{v.few()} heure{v.s()} supplémentaire{v.s()} non déclarée{v.s()}",
        lambda v: f"congé refusé du {v.n(28)} {v.one(['mai', 'juin', 'août'])} au {v.n(28)} {v.one(['mai', 'juin', 'août'])}",
        lambda v: f"règle « {v.one(['repos', 'pause', 'nuit'])} » non respectée",
    ],
    "turnos": [
        lambda v: f"el turno de «{v.one(OFICIOS)}» dura {v.n(20)} horas",
        lambda v: f"el turno de «{v.one(OFICIOS)}» empieza tarde",
        lambda v: f"faltan {v.few()} firma{v.s()}",
        lambda v: f"sin contrato: {v.some(OFICIOS, 4, ', ', ' y ')}",
        lambda v: f"con contrato vencido: {v.some(OFICIOS, 4, ', ', ' y ')}",
    ],
    "смены": [
        lambda v: f"сотрудник «{v.one(ПРОФЕССИИ)}» работает {v.n(20)} часов подряд",
        lambda v: f"сотрудник «{v.one(ПРОФЕССИИ)}» не вышел на смену",
        lambda v: f"не назначены: {v.some(ПРОФЕССИИ, 4, ', ', ' и ')}",
        lambda v: f"смена {v.date()} не закрыта",
        lambda v: f"смена {v.date()} не открыта",
    ],
    "勤務": [
        lambda v: f"「{v.one(職)}」の勤務時間が{v.n(90)}時間を超えています",
        lambda v: f"「{v.one(職)}」の休憩時間が{v.n(90)}分未満です",
        lambda v: f"{v.n(12)}月{v.n(28)}日のシフトが空いています",
        lambda v: f"{v.n(12)}月{v.n(28)}日のシフトが重複しています",
        lambda v: f"未提出: {v.some(職, 4, '、')}",
    ],
    "排班": [
        lambda v: f"员工“{v.one(['甲班', '乙班', '丙班', '夜班'])}”超时 {v.n(90)} 分钟",
        lambda v: f"员工“{v.one(['甲班', '乙班', '丙班', '夜班'])}”缺勤 {v.n(9)} 天",
        lambda v: f"{v.n(12)} 月 {v.n(28)} 日无人值班",
        lambda v: f"机器人 {v.one(BOTS)} 未响应",
        lambda v: f"机器人 {v.one(BOTS)} 已过期",
    ],
    "근무": [
        lambda v: f"'{v.one(직업)}' 근무 시간이 {v.n(90)}시간을 초과합니다",
        lambda v: f"'{v.one(직업)}' 휴식 시간이 {v.n(90)}분보다 짧습니다",
        lambda v: f"미배정: {v.some(직업)}",
        lambda v: f"봇 {v.one(BOTS)} 응답 없음",
        lambda v: f"봇 {v.one(BOTS)} 권한 없음",
    ],
}  # fmt: skip
