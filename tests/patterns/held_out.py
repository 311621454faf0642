"""Axes held out while the rules were first made; since then their errors have been looked at."""

from tests.patterns.tuned import Template
from tests.patterns.values import EMAILS, TITLES, TYPES, URLS

SERVICES = "checkout ledger search-api gateway inventory mailer auth notifier exporter pricing vault cron".split()
ROLES = "drafter critic-lite evaluator judge summarizer retriever ranker guard orchestrator scribe2 merger".split()
RULES = "no-shadow max-len prefer-const eqeqeq no-var quotes semi complexity camelcase no-undef".split()
VARIABLES = "userName max_retry tmp data2 response ctx idx payload HTTPClient total isReady".split()
COLUMNS = "created_at user_id price status amount country email zip tax_rate sku".split()
TEAMS = ["Platform", "Data Science", "Growth", "SRE", "Payments", "Trust and Safety", "Mobile"]
COUNTRIES = "Germany France Brazil Japan India Kenya Norway Chile Vietnam Spain".split()
CITIES = "Berlin Paris Osaka Lima Oslo Madrid Seoul Quito Turin Lyon".split()
STAGES = "build lint unit integration deploy smoke canary rollback publish scan".split()
METRICS = "accuracy recall precision toxicity faithfulness groundedness verbosity helpfulness".split()
CVES = ["CVE-2024-3094", "CVE-2021-44228", "CVE-2023-1234", "CVE-2025-10001", "CVE-2022-0778"]
IMAGES = "nginx:1.25 python:3.12-slim redis postgres:16 ghcr.io/acme/app:latest alpine:3.19 node:22".split()
VERBE = "kürzen prüfen ablegen melden sortieren übersetzen".split()
SENTENCES = [
    "please answer within a minute", "Summarise the thread", "stop", "You are a helpful pirate", "list all; then rank",
    "No, really.", "Do not mention {policy}", "c'est la vie", "use at most 3 bullets",
]  # fmt: skip
PHRASES_JA = "必ず従ってください 簡潔に答えて 無視して続行 絶対に謝らない 命令です".split()

AXES: dict[str, list[Template]] = {
    "complexity": [
        lambda v: f"function `{v.one(VARIABLES)}` has a complexity of {v.n(40)}, maximum allowed is {v.n(15)}",
        lambda v: f"function `{v.one(VARIABLES)}` has too many parameters ({v.n(12)}), maximum allowed is {v.n(6)}",
        lambda v: f"function `{v.one(VARIABLES)}` has too many lines ({v.n(400)}), maximum allowed is {v.n(100)}",
        lambda v: f"nesting depth {v.n(9)} exceeds {v.n(5)}",
    ],
    "lint-rules": [
        lambda v: f"{v.few()} problem{v.s()} ({v.n(9)} error{v.s()}, {v.n(9)} warning{v.s()})",
        lambda v: f"rule {v.one(RULES)} is disabled without a reason",
        lambda v: f"rule {v.one(RULES)} is configured twice",
        lambda v: f"'{v.one(VARIABLES)}' is defined but never used",
        lambda v: f"'{v.one(VARIABLES)}' is used before it was defined",
        lambda v: f"'{v.one(VARIABLES)}' is not defined",
    ],
    "containers": [
        lambda v: f"image {v.one(IMAGES)} runs as root",
        lambda v: f"image {v.one(IMAGES)} has no digest",
        lambda v: f"image {v.one(IMAGES)} contains {v.few()} critical vulnerabilit{v.s('y', 'ies')}",
        lambda v: f"{v.one(CVES)} affects {v.one(SERVICES)}, fixed in {v.version()}",
        lambda v: f"{v.one(CVES)} affects {v.one(SERVICES)}, no fix available",
    ],
    "slo": [
        lambda v: f"error budget of {v.one(SERVICES)} is spent ({v.x(100, 2)} % left)",
        lambda v: f"service {v.one(SERVICES)} missed its availability target of {v.x(100, 2)}%",
        lambda v: f"service {v.one(SERVICES)} missed its latency target of {v.n(900)} ms",
        lambda v: f"{v.one(SERVICES)} was down for {v.duration()}",
    ],
    "teams": [
        lambda v: f"team {v.one(TEAMS)} has not approved this change",
        lambda v: f"team {v.one(TEAMS)} has rejected this change",
        lambda v: f"waiting for approval from: {v.some(TEAMS)}",
        lambda v: f"{v.one(EMAILS)} is not a member of {v.one(TEAMS)}",
    ],
    "residency": [
        lambda v: f"data would leave {v.one(COUNTRIES)} for {v.one(COUNTRIES)} without a contract",
        lambda v: f"data of customers in {v.one(COUNTRIES)} must stay in {v.one(COUNTRIES)}",
        lambda v: f"region {v.one(['eu-central-1', 'us-east-2', 'ap-south-1', 'local'])} is not on the allow list",
        lambda v: f"region {v.one(['eu-central-1', 'us-east-2', 'ap-south-1', 'local'])} is on the deny list",
        lambda v: f"no processor agreement for {v.one(CITIES)}",
    ],
    "quality": [
        lambda v: f"{v.one(METRICS)} fell from {v.x(1, 3)} to {v.x(1, 3)}",
        lambda v: f"{v.one(METRICS)} rose from {v.x(1, 3)} to {v.x(1, 3)}",
        lambda v: f"{v.one(METRICS)} is {v.x(1, 3)}, at least {v.x(1, 2)} is needed",
        lambda v: f"{v.one(METRICS)} is {v.x(1, 3)}, at most {v.x(1, 2)} is allowed",
        lambda v: f"only {v.few()} of {v.n(50)} samples passed",
    ],
    "pipeline": [
        lambda v: f"stage {v.one(STAGES)} failed after {v.duration()} with exit code {v.n(255)}",
        lambda v: f"stage {v.one(STAGES)} was skipped because {v.one(STAGES)} failed",
        lambda v: f"stage {v.one(STAGES)} was cancelled by {v.one(EMAILS)}",
        lambda v: f"stages ran in the wrong order: {v.some(STAGES, 5, ' → ')}",
    ],
    "sql": [
        lambda v: f"column {v.one(COLUMNS)} would be dropped while {v.few()} view{v.s()} still read{v.s('s', '')} it",
        lambda v: f"column {v.one(COLUMNS)} changes type from {v.one(['int', 'text', 'bigint', 'jsonb'])} to {v.one(['int', 'text', 'bigint', 'uuid'])}",
        lambda v: f"table {v.one(COLUMNS)} has no primary key",
        lambda v: f"index on ({v.some(COLUMNS, 3)}) is never used",
        lambda v: f"index on ({v.some(COLUMNS, 3)}) is a duplicate",
    ],
    "api-compat": [
        lambda v: f"{v.one(['GET', 'POST', 'DELETE', 'PATCH'])} /v{v.n(3)}/{v.one(COLUMNS)} was removed",
        lambda v: f"{v.one(['GET', 'POST', 'DELETE', 'PATCH'])} /v{v.n(3)}/{v.one(COLUMNS)} was renamed",
        lambda v: f"response field \"{v.one(COLUMNS)}\" changed from {v.one(TYPES)} to {v.one(TYPES)}",
        lambda v: f"request field \"{v.one(COLUMNS)}\" became required",
        lambda v: f"response field \"{v.one(COLUMNS)}\" became nullable",
    ],
    "prompt-style": [
        lambda v: f"sentence '{v.one(SENTENCES)}' gives an order",
        lambda v: f"sentence '{v.one(SENTENCES)}' gives no reason",
        lambda v: f"{v.few()} sentence{v.s()} longer than {v.n(40)} words",
        lambda v: f"readability {v.x(100)} is below {v.n(60)}",
        lambda v: f"the word “{v.one(ROLES)}” occurs {v.n(40)} times, more than {v.n(9)}",
    ],
    "roles": [
        lambda v: f"{v.one(ROLES)} reads from {v.one(ROLES)}, which never writes",
        lambda v: f"{v.one(ROLES)} writes to {v.one(ROLES)}, which never reads",
        lambda v: f"nobody calls {v.one(ROLES)}",
        lambda v: f"roles {v.some(ROLES, 4, ', ', ' and ')} have the same goal",
        lambda v: f"role {v.one(ROLES)} has an empty goal",
    ],
    "memory": [
        lambda v: f"context window of {v.one(ROLES)} needs {v.n(200)}k tokens, model offers {v.n(128)}k",
        lambda v: f"memory of {v.one(ROLES)} is kept {v.n(90)} days, policy says {v.n(30)} days",
        lambda v: f"heap peaked at {v.size()}",
        lambda v: f"{v.one(ROLES)} used {v.size()} of memory, allowed are {v.size()}",
    ],
    "diff": [
        lambda v: f"patch touches {v.few()} file{v.s()}, limit is {v.n(20)}",
        lambda v: f"patch adds {v.few()} line{v.s()}, limit is {v.n(900)}",
        lambda v: f"patch removes {v.few()} line{v.s()}, limit is {v.n(900)}",
        lambda v: f"op {v.n(30)} replaces {v.one(['/flow/steps/3', '/agents/0/prompt', '/meta'])} with the same value",
        lambda v: f"op {v.n(30)} tests {v.one(['/flow/steps/3', '/agents/0/prompt', '/meta'])} against another value",
        lambda v: f"ops {v.some([str(i) for i in range(20)], 5)} overlap",
    ],
    "money": [
        lambda v: f"estimated cost USD {v.comma()}.50 exceeds approved USD {v.comma()}.00",
        lambda v: f"estimated saving USD {v.comma()}.50 is below promised USD {v.comma()}.00",
        lambda v: f"price per call went up by {v.n(90)}%",
        lambda v: f"price per call went down by {v.n(90)}%",
        lambda v: f"¥{v.comma()} per month is more than the ¥{v.comma()} planned",
    ],
    "calendar": [
        lambda v: f"deploys are closed between {v.date()} and {v.date()}",
        lambda v: f"deadline {v.n(12)}/{v.n(28)}/{v.n(2030, 2020)} has passed",
        lambda v: f"last backup is {v.n(90)} days old",
        lambda v: f"last restore test is {v.n(90)} days old",
        lambda v: f"token expires {v.n(28)} {v.one(['January', 'March', 'May', 'October'])} {v.n(2030, 2020)} at {v.n(12)}:{v.n(59):02} {v.one(['AM', 'PM'])}",
    ],
    "encoding": [
        lambda v: f"U+{v.n(0xFFFF):04X} at offset {v.n(9000)} is not allowed",
        lambda v: f"byte 0x{v.hex(2)} at offset {v.n(9000)} is not UTF-8",
        lambda v: f"line {v.n(900)} ends with CRLF",
        lambda v: f"line {v.n(900)} ends with a tab",
        lambda v: f"mixed indentation in lines {v.some([str(i) for i in range(3, 90)], 5, ', ', ' and ')}",
    ],
    "i18n": [
        lambda v: f"key {v.one(['home.title', 'cart.total', 'nav.back', 'err.404', 'login'])} has no {v.one(['de', 'fr', 'ja', 'pt-BR'])} translation",
        lambda v: f"placeholder {{{v.one(VARIABLES)}}} is lost in {v.one(['de', 'fr', 'ja', 'pt-BR'])}",
        lambda v: f"placeholder {{{v.one(VARIABLES)}}} is added in {v.one(['de', 'fr', 'ja', 'pt-BR'])}",
        lambda v: f"{v.few()} string{v.s()} {v.s('is', 'are')} untranslated",
    ],
    "graph": [
        lambda v: f"node {v.one(ROLES)} has {v.few()} outgoing edge{v.s()} but only one is labelled",
        lambda v: f"node {v.one(ROLES)} has no incoming edge",
        lambda v: f"node {v.one(ROLES)} has no outgoing edge",
        lambda v: f"nodes {v.some(ROLES, 4)} form an island",
        lambda v: f"path {v.some(ROLES, 5, ' -> ')} is longer than {v.n(9)}",
    ],
    "naming": [
        lambda v: f"\"{v.one(VARIABLES)}\" should be snake_case",
        lambda v: f"\"{v.one(VARIABLES)}\" should be kebab-case",
        lambda v: f"\"{v.one(VARIABLES)}\" is a reserved word",
        lambda v: f"name {v.one(VARIABLES)} is shorter than {v.n(4)} characters",
        lambda v: f"name {v.one(VARIABLES)} is longer than {v.n(40)} characters",
    ],
    "docs": [
        lambda v: f"link {v.one(URLS)} is dead ({v.one(['404', '410', 'timeout'])})",
        lambda v: f"heading \"{v.one(TITLES)}\" is not in title case",
        lambda v: f"heading \"{v.one(TITLES)}\" is duplicated",
        lambda v: f"image {v.one(['a.png', 'docs/b.svg', 'img/flow-2.jpg'])} has no alt text",
        lambda v: f"code block at line {v.n(300)} has no language",
    ],
    "permissions": [
        lambda v: f"{v.one(ROLES)} requests scope {v.one(['repo:write', 'mail:send', 'files:read', 'admin'])} which it does not use",
        lambda v: f"{v.one(ROLES)} uses scope {v.one(['repo:write', 'mail:send', 'files:read', 'admin'])} which it did not request",
        lambda v: f"secret {v.one(['DB_URL', 'API_KEY', 'SMTP_PASS', 'JWT_SECRET'])} is readable by everyone",
        lambda v: f"secret {v.one(['DB_URL', 'API_KEY', 'SMTP_PASS', 'JWT_SECRET'])} is rotated by nobody",
    ],
    "evals": [
        lambda v: f"case {v.n(300)}: expected \"{v.one(SENTENCES)}\" but got \"{v.one(SENTENCES)}\"",
        lambda v: f"case {v.n(300)}: no answer after {v.n(9)} tries",
        lambda v: f"case {v.n(300)}: answer is not JSON",
        lambda v: f"{v.n(300)} cases regressed: {v.some([f'c-{i}' for i in range(30)], 5)}",
        lambda v: f"{v.n(300)} cases improved, but {v.n(30)} regressed",
    ],
    "opaque": [
        lambda v: f"policy {v.hex(8)} says no",
        lambda v: f"ticket {v.one(['OPS', 'SEC', 'ML'])}-{v.n(9999)} is still open",
        lambda v: f"ticket {v.one(['OPS', 'SEC', 'ML'])}-{v.n(9999)} was closed as invalid",
        lambda v: f"signature {v.hex(32)} does not match key {v.hex(16)}",
        lambda v: "verifier crashed",
    ],
    "judge": [
        lambda v: f"score {v.n(10)}/10 from {v.one(ROLES)} is under the bar of {v.n(10)}/10",
        lambda v: f"judges disagree ({v.n(5)} yes, {v.n(5)} no)",
        lambda v: f"reason given by the judge: {v.one(SENTENCES)}",
        lambda v: f"{v.one(ROLES)} abstained",
    ],
    "bare-names": [
        lambda v: f"cannot find service {v.one(SERVICES)}",
        lambda v: f"cannot start service {v.one(SERVICES)}",
        lambda v: f"cannot stop service {v.one(SERVICES)}",
        lambda v: f"service {v.one(SERVICES)} depends on itself",
        lambda v: f"port {v.n(65535)} of {v.one(SERVICES)} is taken by {v.one(SERVICES)}",
    ],
    "gates": [
        lambda v: f"gate {v.one(STAGES)} needs {v.few()} more approval{v.s()}",
        lambda v: f"gate {v.one(STAGES)} is closed until {v.one(['Monday', 'Friday', 'tomorrow', '2027-01-02'])}",
        lambda v: f"gate {v.one(STAGES)} is open but unattended",
        lambda v: f"approvals missing: {v.some(['Ana', 'Boris', 'Chloé', 'Dmitri', 'Eun-ji'], 4)}",
        lambda v: f"approvals expired: {v.some(['Ana', 'Boris', 'Chloé', 'Dmitri', 'Eun-ji'], 4)}",
    ],
    "numbers": [
        lambda v: f"temperature {v.x(3, 2)} outside [{v.x(1, 1)}, {v.x(2, 1)}]",
        lambda v: f"top_p {v.x(3, 2)} outside [{v.x(1, 1)}, {v.x(2, 1)}]",
        lambda v: f"{v.n(9)} of {v.n(90)} checks failed ({v.x(100)}%)",
        lambda v: f"drift of {v.one(['-', '+', ''])}{v.x(9, 3)} sigma",
        lambda v: f"{v.n(9)}e-{v.n(9)} is below machine precision",
    ],
    "yaml": [
        lambda v: f"{v.one(['ci.yml', 'flow/base.yaml', 'a.yaml'])}:{v.n(90)}: duplicate key \"{v.one(COLUMNS)}\"",
        lambda v: f"{v.one(['ci.yml', 'flow/base.yaml', 'a.yaml'])}:{v.n(90)}: unknown anchor \"{v.one(COLUMNS)}\"",
        lambda v: f"{v.one(['ci.yml', 'flow/base.yaml', 'a.yaml'])}:{v.n(90)}: tabs are not allowed",
        lambda v: f"root must be a {v.one(['mapping', 'sequence'])}, not a {v.one(['scalar', 'sequence', 'null'])}",
    ],
    "richtlinien": [
        lambda v: f"Anweisung „{v.one(VERBE)}“ ist ein Befehl",
        lambda v: f"Anweisung „{v.one(VERBE)}“ ist keine Bitte",
        lambda v: f"{v.few()} Wort{v.s('', 'e')} in Großbuchstaben",
        lambda v: f"Rolle {v.one(ROLES)} darf {v.one(COLUMNS)} nicht lesen",
        lambda v: f"Rolle {v.one(ROLES)} darf {v.one(COLUMNS)} lesen, obwohl sie es nicht braucht",
        lambda v: f"Laufzeit {v.x(9, 1, ',')} s liegt über {v.n(9)} s",
        lambda v: f"Laufzeit {v.x(9, 1, ',')} s liegt unter {v.n(9)} s",
    ],
    "politique": [
        lambda v: f"le champ « {v.one(COLUMNS)} » est obligatoire",
        lambda v: f"le champ « {v.one(COLUMNS)} » est inconnu",
        lambda v: f"le service {v.one(SERVICES)} n'a pas de responsable",
        lambda v: f"{v.few()} fichier{v.s()} modifié{v.s()} sans test",
        lambda v: f"{v.few()} fichier{v.s()} supprimé{v.s()} sans test",
        lambda v: f"taux d’erreur de {v.x(50, 1, ',')} %, seuil {v.n(9)} %",
    ],
    "politica": [
        lambda v: f"la columna {v.one(COLUMNS)} no existe en la tabla {v.one(SERVICES)}",
        lambda v: f"la columna {v.one(COLUMNS)} ya existe en la tabla {v.one(SERVICES)}",
        lambda v: f"roles sin permiso: {v.some(ROLES, 4, ', ', ' y ')}",
        lambda v: f"el costo sube un {v.x(90, 1, ',')} % (máximo {v.n(20)} %)",
        lambda v: f"el costo baja un {v.x(90, 1, ',')} % (mínimo {v.n(20)} %)",
    ],
    "規約": [
        lambda v: f"命令形「{v.one(PHRASES_JA)}」が含まれています",
        lambda v: f"敬語「{v.one(PHRASES_JA)}」が含まれています",
        lambda v: f"役割 {v.one(ROLES)} に目的がありません",
        lambda v: f"役割 {v.one(ROLES)} に担当者がありません",
        lambda v: f"{v.n(40)}行目が長すぎます（{v.n(400)}文字、上限{v.n(120)}文字）",
        lambda v: f"{v.n(40)}行目が短すぎます（{v.n(400)}文字、下限{v.n(120)}文字）",
        lambda v: f"不足している列: {v.some(COLUMNS, 4, '、')}",
    ],
    "规范": [
        lambda v: f"角色 {v.one(ROLES)} 没有目标",
        lambda v: f"角色 {v.one(ROLES)} 没有权限",
        lambda v: f"第 {v.n(300)} 行过长（{v.n(300)} > {v.n(120)}）",
        lambda v: f"表“{v.one(COLUMNS)}”缺少主键",
        lambda v: f"费用增加了 {v.x(90)}%，超过上限 {v.n(20)}%",
        lambda v: f"费用减少了 {v.x(90)}%，低于下限 {v.n(20)}%",
    ],
    "규칙": [
        lambda v: f"역할 '{v.one(ROLES)}'의 목표가 비어 있습니다",
        lambda v: f"역할 '{v.one(ROLES)}'의 권한이 비어 있습니다",
        lambda v: f"필수 열 누락: {v.some(COLUMNS)}",
        lambda v: f"{v.n(300)}행이 너무 깁니다 ({v.n(300)}자)",
        lambda v: f"비용이 {v.x(90)}% 증가했습니다",
        lambda v: f"비용이 {v.x(90)}% 감소했습니다",
    ],
    "правила": [
        lambda v: f"роль {v.one(ROLES)} не имеет цели",
        lambda v: f"роль {v.one(ROLES)} имеет две цели",
        lambda v: f"стоимость выросла на {v.x(90, 1, ',')} %",
        lambda v: f"стоимость упала на {v.x(90, 1, ',')} %",
        lambda v: f"неизвестные столбцы: {v.some(COLUMNS, 4, ', ', ' и ')}",
        lambda v: f"строка {v.n(300)} длиннее {v.n(120)} символов",
    ],
    "deps-js": [
        lambda v: f"{v.one(['lodash', 'left-pad', '@types/node', 'react'])} {v.version()} → {v.version()} is a major bump",
        lambda v: f"{v.one(['lodash', 'left-pad', '@types/node', 'react'])} {v.version()} → {v.version()} is a downgrade",
        lambda v: f"peer dependency {v.one(['lodash', 'left-pad', '@types/node', 'react'])} is not installed",
        lambda v: f"{v.few()} package{v.s()} looking for funding",
    ],
    "similarity": [
        lambda v: f"intent is {v.n(99)}% like {v.one(['h-12', 'h-7', 'ops/3', 'h-' + v.uuid()])}",
        lambda v: f"prompts of {v.one(ROLES)} and {v.one(ROLES)} are {v.n(99)}% alike",
        lambda v: f"near duplicate of example #{v.n(300)}",
        lambda v: f"exact duplicate of example #{v.n(300)}",
    ],
    "env": [
        lambda v: f"environment variable ${v.one(['HOME', 'DB_URL', 'PATH', 'TOKEN'])} is not set",
        lambda v: f"environment variable ${v.one(['HOME', 'DB_URL', 'PATH', 'TOKEN'])} is set but empty",
        lambda v: f"flag --{v.one(['dry-run', 'force', 'max-depth', 'v'])} is unknown",
        lambda v: f"flag --{v.one(['dry-run', 'force', 'max-depth', 'v'])} is deprecated since {v.version()}",
    ],
    "multi-line": [
        lambda v: f"\n  {v.few()} violation{v.s()} found:\n- {v.one(COLUMNS)}\n- {v.one(ROLES)}",
        lambda v: f"Traceback in {v.one(ROLES)}:\n  File \"x.py\", line {v.n(9)}",
        lambda v: f"Timeout in {v.one(ROLES)}:\n  waited {v.n(90)} s",
    ],
}  # fmt: skip
