"""Axes written after the rules were first made; since then their errors have been looked at."""

from tests.patterns.tuned import Template
from tests.patterns.values import URLS

CREWS = "alpha bravo ember falcon granite harbor indigo juniper kestrel lumen maple nimbus".split()
WORKERS = "parser indexer crawler mailbot archiver notary curator tutor broker usher warden courier".split()
DEVICES = "lamp-3 door_lock thermostat camera-north pump valve-12 sensor fan boiler router9".split()
DATASETS = "orders_2024 customers clicks sessions eu_sales weather-raw invoices churn".split()
CLAUSES = ["refund within days", "no warranty", "we may share data", "by clicking you agree", "liability is capped"]
FONTS = ["Inter", "Noto Sans", "Fira Code", "Comic Sans MS", "Roboto", "IBM Plex Mono"]
COLOURS = ["#ff0000", "#0a0b0c", "#fff", "#12ab34", "rebeccapurple", "teal"]
CURRENCIES = ["USD", "EUR", "JPY", "GBP", "CHF", "SEK"]
MODELS = ["gpt-4o", "claude-3.5-sonnet", "llama3:70b", "mistral-large", "gemini-pro", "phi3"]
STATES = "draft queued active paused retired archived".split()
CITIES_JA = "東京 大阪 札幌 福岡 那覇 仙台".split()
NAMES_ZH = "张伟 王芳 李娜 刘洋 陈静".split()
NAMES_RU = "Иван Мария Ольга Пётр Анна Дмитрий".split()
NAMES_KO = "김철수 이영희 박민수 최지우".split()
FRUITS_DE = "Bestellung Rechnung Lieferung Mahnung Gutschrift Angebot".split()
SERVICES_FR = "facturation livraison paie accueil support juridique".split()
AREAS_ES = "ventas compras nómina soporte almacén legal".split()

AXES: dict[str, list[Template]] = {
    "quota": [
        lambda v: f"crew {v.one(CREWS)} used {v.n(900)} of {v.n(800)} credits",
        lambda v: f"crew {v.one(CREWS)} has no credits left",
        lambda v: f"crew {v.one(CREWS)} has no quota assigned",
        lambda v: f"quota for {v.one(CREWS)} expired {v.n(30)} days ago",
        lambda v: f"quota for {v.one(CREWS)} starts in {v.n(30)} days",
    ],
    "handoff": [
        lambda v: f"{v.one(WORKERS)} hands over to {v.one(WORKERS)} without a summary",
        lambda v: f"{v.one(WORKERS)} hands over to {v.one(WORKERS)} without a deadline",
        lambda v: f"{v.one(WORKERS)} waits for {v.one(WORKERS)} forever",
        lambda v: f"handoff loop: {v.some(WORKERS, 5, ' -> ')}",
        lambda v: f"orphaned workers: {v.some(WORKERS, 5)}",
    ],
    "devices": [
        lambda v: f"device {v.one(DEVICES)} reports {v.x(90)} °C, allowed is up to {v.n(60)} °C",
        lambda v: f"device {v.one(DEVICES)} reports nothing since {v.time()}",
        lambda v: f"device {v.one(DEVICES)} is offline",
        lambda v: f"device {v.one(DEVICES)} is unpaired",
        lambda v: f"firmware {v.version()} of {v.one(DEVICES)} is older than {v.version()}",
    ],
    "datasets": [
        lambda v: f"dataset {v.one(DATASETS)} has {v.comma()} rows but {v.comma()} were expected",
        lambda v: f"dataset {v.one(DATASETS)} has duplicate rows ({v.n(300)})",
        lambda v: f"dataset {v.one(DATASETS)} contains null values in {v.some(['id', 'email', 'price', 'ts'], 3)}",
        lambda v: f"dataset {v.one(DATASETS)} was refreshed {v.duration()} ago",
        lambda v: f"cannot open dataset {v.one(DATASETS)}: permission denied",
        lambda v: f"cannot open dataset {v.one(DATASETS)}: no such file",
    ],
    "contracts": [
        lambda v: f"clause \"{v.one(CLAUSES)}\" contradicts clause \"{v.one(CLAUSES)}\"",
        lambda v: f"clause \"{v.one(CLAUSES)}\" is not allowed in {v.one(['Germany', 'France', 'Japan', 'Texas'])}",
        lambda v: f"clause {v.n(30)}.{v.n(9)} refers to missing clause {v.n(30)}.{v.n(9)}",
        lambda v: f"clause {v.n(30)}.{v.n(9)} refers to repealed clause {v.n(30)}.{v.n(9)}",
    ],
    "design": [
        lambda v: f"font {v.one(FONTS)} is not part of the brand",
        lambda v: f"colour {v.one(COLOURS)} is not part of the brand",
        lambda v: f"contrast {v.x(9, 2)}:1 between {v.one(COLOURS)} and {v.one(COLOURS)} is below {v.x(9, 1)}:1",
        lambda v: f"margin of {v.n(40)}px exceeds {v.n(24)}px",
        lambda v: f"padding of {v.n(40)}px exceeds {v.n(24)}px",
    ],
    "fx": [
        lambda v: f"{v.one(CURRENCIES)} to {v.one(CURRENCIES)} rate is {v.n(90)} minutes old",
        lambda v: f"no rate for {v.one(CURRENCIES)} on {v.date()}",
        lambda v: f"payment of {v.comma()}.{v.n(99, 10)} {v.one(CURRENCIES)} exceeds the daily limit",
        lambda v: f"payment of {v.comma()}.{v.n(99, 10)} {v.one(CURRENCIES)} exceeds the monthly limit",
    ],
    "models": [
        lambda v: f"model {v.one(MODELS)} is not approved for production",
        lambda v: f"model {v.one(MODELS)} is not approved for customer data",
        lambda v: f"agent {v.one(WORKERS)} pins {v.one(MODELS)}, policy wants {v.one(MODELS)}",
        lambda v: f"temperature of {v.one(WORKERS)} must be {v.x(1)} or lower, is {v.x(2)}",
        lambda v: f"top_p of {v.one(WORKERS)} must be {v.x(1)} or higher, is {v.x(2)}",
    ],
    "lifecycle": [
        lambda v: f"cannot move from {v.one(STATES)} to {v.one(STATES)}",
        lambda v: f"{v.one(WORKERS)} stayed in state {v.one(STATES)} for {v.duration()}",
        lambda v: f"state {v.one(STATES)} has no exit",
        lambda v: f"state {v.one(STATES)} has no entry",
    ],
    "http": [
        lambda v: f"{v.one(['GET', 'POST', 'PUT'])} {v.one(URLS)} returned {v.n(599, 400)} instead of 200",
        lambda v: f"{v.one(['GET', 'POST', 'PUT'])} {v.one(URLS)} took {v.n(9000)} ms (limit {v.n(3000)} ms)",
        lambda v: f"header '{v.one(['X-Frame-Options', 'Content-Security-Policy', 'HSTS'])}' is missing",
        lambda v: f"header '{v.one(['X-Powered-By', 'Server'])}' leaks a version",
        lambda v: f"certificate of {v.one(['example.com', 'api.example.org', 'x.test'])} expires in {v.n(30)} days",
    ],
    "markdown": [
        lambda v: f"{v.n(300)}: MD{v.n(50):03} heading levels should only increment by one",
        lambda v: f"{v.n(300)}: MD{v.n(50):03} line length [Expected: 80; Actual: {v.n(300)}]",
        lambda v: f"{v.n(300)}: MD{v.n(50):03} no bare URL",
        lambda v: f"{v.n(300)}: MD{v.n(50):03} no trailing spaces",
    ],
    "compile": [
        lambda v: f"error[E{v.n(999, 100):04}]: cannot find value `{v.one(WORKERS)}` in this scope",
        lambda v: f"error[E{v.n(999, 100):04}]: cannot find type `{v.one(WORKERS)}` in this scope",
        lambda v: f"warning: unused variable: `{v.one(WORKERS)}`",
        lambda v: f"warning: unused import: `{v.one(WORKERS)}::{v.one(WORKERS)}`",
        lambda v: f"aborting due to {v.few()} previous error{v.s()}",
    ],
    "rubric": [
        lambda v: f"criterion {v.one(['tone', 'accuracy', 'brevity', 'citations', 'safety'])} scored {v.n(5)}, needs {v.n(5)}",
        lambda v: f"criterion {v.one(['tone', 'accuracy', 'brevity', 'citations', 'safety'])} was not scored",
        lambda v: f"overall score {v.x(5)} is lower than last week ({v.x(5)})",
        lambda v: f"overall score {v.x(5)} is lower than required ({v.x(5)})",
    ],
    "spelling": [
        lambda v: f"possible typo: {v.one(['recieve', 'teh', 'adress', 'seperate', 'occured'])} (did you mean {v.one(['receive', 'the', 'address', 'separate', 'occurred'])}?)",
        lambda v: f"British spelling: {v.one(['colour', 'centre', 'behaviour', 'licence'])}",
        lambda v: f"American spelling: {v.one(['color', 'center', 'behavior', 'license'])}",
        lambda v: f"{v.few()} word{v.s()} not in dictionary",
    ],
    "tickets": [
        lambda v: f"change {v.one(['CHG', 'INC', 'RFC'])}{v.n(99999, 10000)} is not approved",
        lambda v: f"change {v.one(['CHG', 'INC', 'RFC'])}{v.n(99999, 10000)} is already closed",
        lambda v: f"no change ticket given for {v.one(WORKERS)}",
        lambda v: f"freeze window {v.date()} – {v.date()} is active",
    ],
    "regex": [
        lambda v: f"pattern /{v.one(['a+b', '^x$', '[0-9]{3}', 'foo|bar'])}/ matches the empty string",
        lambda v: f"pattern /{v.one(['a+b', '^x$', '[0-9]{3}', 'foo|bar'])}/ never matches",
        lambda v: f"group {v.n(9)} is never referenced",
    ],
    "inventory": [
        lambda v: f"only {v.n(40)} of {v.one(CREWS)} left in stock, {v.n(90)} ordered",
        lambda v: f"warehouse {v.one(CREWS)} is full",
        lambda v: f"warehouse {v.one(CREWS)} is closed on {v.one(['Sundays', 'Mondays', 'holidays'])}",
        lambda v: f"shipment {v.hex(10)} to {v.one(['Oslo', 'Lima', 'Kyoto', 'Cairo', 'Quito'])} is late by {v.duration()}",
    ],
    "questions": [
        lambda v: f"does {v.one(WORKERS)} really need {v.n(40)} tools?",
        lambda v: f"why does {v.one(WORKERS)} call {v.one(WORKERS)}?",
        lambda v: "is this change intended?",
    ],
    "html": [
        lambda v: f"<{v.one(['div', 'span', 'img', 'table'])}> is missing an alt attribute",
        lambda v: f"<{v.one(['div', 'span', 'img', 'table'])}> is not closed",
        lambda v: f"attribute {v.one(['onclick', 'style', 'data-x', 'href'])} is not allowed on <{v.one(['div', 'a', 'img'])}>",
        lambda v: f"duplicate id \"{v.one(CREWS)}\"",
    ],
    "budget-words": [
        lambda v: f"Output token budget exceeded: {v.comma()} > {v.comma()}",
        lambda v: f"Input token budget exceeded: {v.comma()} > {v.comma()}",
        lambda v: f"Token budget for '{v.one(WORKERS)}' is missing",
        lambda v: f"Latency budget exceeded by {v.n(900)}ms ({v.n(90)}%)",
        lambda v: f"Cost budget exceeded by ${v.x(90, 2)} ({v.n(90)}%)",
    ],
    "camel": [
        lambda v: f"MissingFieldError: {v.one(['userId', 'orderTotal', 'isActive', 'createdAt'])} not found in payload",
        lambda v: f"TypeMismatchError: {v.one(['userId', 'orderTotal', 'isActive', 'createdAt'])} should be {v.one(['string', 'number', 'boolean'])}",
        lambda v: f"UnknownFieldError: {v.one(['userId', 'orderTotal', 'isActive', 'createdAt'])} not allowed in payload",
    ],
    "kv": [
        lambda v: f"check=size status=fail limit={v.n(900)} actual={v.n(2000)}",
        lambda v: f"check=owner status=fail owner={v.one(CREWS)}",
        lambda v: f"check=label status=fail label={v.one(CREWS)}",
        lambda v: f"check=size status=skip reason={v.one(['empty', 'binary', 'symlink'])}",
    ],
    "bullets": [
        lambda v: f"- {v.one(WORKERS)}: prompt mentions {v.one(CREWS)} twice",
        lambda v: f"- {v.one(WORKERS)}: prompt omits {v.one(CREWS)}",
        lambda v: f"* found {v.few()} issue{v.s()} in section {v.n(9)}",
    ],
    "buchhaltung": [
        lambda v: f"{v.one(FRUITS_DE)} {v.n(99999, 10000)} wurde doppelt gebucht",
        lambda v: f"{v.one(FRUITS_DE)} {v.n(99999, 10000)} wurde nicht gebucht",
        lambda v: f"Konto {v.n(9999, 1000)} ist gesperrt",
        lambda v: f"Betrag {v.dot()},{v.n(99, 10)} € überschreitet die Freigabe von {v.dot()} €",
        lambda v: f"{v.few()} Beleg{v.s('', 'e')} fehl{v.s('t', 'en')}",
        lambda v: f"Frist endet am {v.n(28)}. {v.one(['Januar', 'März', 'Juli'])} {v.n(2030, 2020)}",
    ],
    "facturation": [
        lambda v: f"le service {v.one(SERVICES_FR)} dépasse son budget de {v.x(90, 1, ',')} %",
        lambda v: f"le service {v.one(SERVICES_FR)} respecte mal son budget",
        lambda v: f"{v.few()} facture{v.s()} sans numéro",
        lambda v: f"{v.few()} facture{v.s()} sans date",
        lambda v: f"montant de {v.space()} € supérieur au plafond de {v.space()} €",
        lambda v: f"fichiers ignorés : {v.some(['a.csv', 'b.csv', 'c.xml', 'd.txt'], 4, ', ', ' et ')}",
    ],
    "almacen": [
        lambda v: f"el área de {v.one(AREAS_ES)} no tiene responsable",
        lambda v: f"el área de {v.one(AREAS_ES)} no tiene presupuesto",
        lambda v: f"quedan {v.n(90)} unidades, se necesitan {v.n(900)}",
        lambda v: f"sobran {v.n(90)} unidades, se necesitan {v.n(900)}",
        lambda v: f"pedido {v.n(99999, 10000)} retrasado {v.n(30)} días",
    ],
    "配送": [
        lambda v: f"{v.one(CITIES_JA)}への配送は{v.n(30)}日かかります",
        lambda v: f"{v.one(CITIES_JA)}への配送はできません",
        lambda v: f"在庫が{v.n(90)}個不足しています",
        lambda v: f"在庫が{v.n(90)}個余っています",
        lambda v: f"ワーカー {v.one(WORKERS)} の応答がありません（{v.n(90)}秒）",
        lambda v: f"ワーカー {v.one(WORKERS)} の権限がありません",
    ],
    "审批": [
        lambda v: f"申请人“{v.one(NAMES_ZH)}”没有审批权限",
        lambda v: f"申请人“{v.one(NAMES_ZH)}”已离职",
        lambda v: f"金额 {v.comma()} 元超过上限 {v.comma()} 元",
        lambda v: f"金额 {v.comma()} 元低于下限 {v.comma()} 元",
        lambda v: f"模型 {v.one(MODELS)} 未经批准",
        lambda v: f"模型 {v.one(MODELS)} 已被停用",
    ],
    "결재": [
        lambda v: f"신청자 {v.one(NAMES_KO)} 님의 권한이 부족합니다",
        lambda v: f"금액 {v.comma()}원이 한도 {v.comma()}원을 초과했습니다",
        lambda v: f"작업 '{v.one(WORKERS)}'이(가) 실패했습니다",
        lambda v: f"작업 '{v.one(WORKERS)}'이(가) 중단되었습니다",
    ],
    "заявки": [
        lambda v: f"сотрудник {v.one(NAMES_RU)} не имеет доступа к проекту {v.one(CREWS)}",
        lambda v: f"сотрудник {v.one(NAMES_RU)} уволен",
        lambda v: f"сумма {v.space()} ₽ превышает лимит {v.space()} ₽",
        lambda v: f"найдено {v.few()} дубликат{v.s('', 'а' if v.last < 5 else 'ов')}",
        lambda v: f"заявка №{v.n(9999)} просрочена на {v.n(30)} дн.",
        lambda v: f"заявка №{v.n(9999)} отклонена",
    ],
    "unquoted-phrases": [
        lambda v: f"feature {v.one(['dark mode', 'bulk export', 'audit trail', 'two factor login', 'search'])} has no tests",
        lambda v: f"feature {v.one(['dark mode', 'bulk export', 'audit trail', 'two factor login', 'search'])} has no docs",
        lambda v: f"the phrase {v.one(['as an AI', 'in conclusion', 'delve into', 'rich tapestry'])} appears {v.n(9)} times",
    ],
    "rare": [
        lambda v: f"worker {v.one(WORKERS)} crashed",
        lambda v: f"worker {v.one(WORKERS)} restarted",
        lambda v: f"{v.one(WORKERS)} exceeded its memory limit",
        lambda v: f"{v.one(WORKERS)} ignored its memory limit",
        lambda v: f"unknown worker {v.one(WORKERS)}",
    ],
    "mixed-case": [
        lambda v: f"ERROR {v.one(CREWS).upper()}: budget exhausted",
        lambda v: f"WARN {v.one(CREWS).upper()}: budget almost exhausted",
        lambda v: f"Policy {v.one(['P-12', 'P-7', 'P-101'])} violated by {v.one(WORKERS).title()}",
        lambda v: f"Policy {v.one(['P-12', 'P-7', 'P-101'])} waived for {v.one(WORKERS).title()}",
    ],
    "counts": [
        lambda v: f"found {v.few()} TODO{v.s()} in {v.few()} file{v.s()}",
        lambda v: f"found {v.few()} FIXME{v.s()} in {v.few()} file{v.s()}",
        lambda v: f"at least {v.few()} reviewer{v.s()} required, got {v.n(3, 0)}",
        lambda v: f"at most {v.few()} reviewer{v.s()} allowed, got {v.n(9, 3)}",
    ],
    "versions2": [
        lambda v: f"schema v{v.n(9)} is not compatible with engine {v.version()}",
        lambda v: f"schema v{v.n(9)} requires engine >= {v.version()}",
        lambda v: f"schema v{v.n(9)} requires engine < {v.version()}",
        lambda v: f"bump from {v.version()} to {v.version()} skips a release",
    ],
}  # fmt: skip
