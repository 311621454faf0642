"""Optional vocabulary of messages; known words only keep templates apart."""

import re
from functools import lru_cache
from typing import Final

_GRAMMAR: Final = """
a an the this that these those it its they their he she his her we our you your i my who whom whose which what
and or but nor so yet if then else than as of for from to in on at by with without within into onto over under between
among through during before after above below up down out off about against per via until since because while when where
is are was were be been being am has have had having do does did done can could cannot can't may might must shall
should will would won't don't doesn't didn't isn't aren't wasn't weren't not no none neither never always only also too
very more most less least fewer any all each every both some few many much several such other another same again still
already just even there here now how why yes nobody nothing nowhere everyone somebody anyone one two three first second
third last next
der die das den dem des ein eine einen einem einer eines kein keine keinen keinem keiner und oder aber nicht nie immer
nur auch zu zum zur im in ins am an auf aus bei beim bis durch für gegen mit nach ohne seit über unter um von vom vor
zwischen wegen während weil wenn dass ist sind war waren sei wird werden wurde wurden worden hat haben hatte hatten
kann können darf dürfen muss müssen soll sollen sollte mehr weniger als wie es er sie man sich noch schon doch jede
jeder jedes alle einige mehrere dieser diese dieses obwohl zwei keins niemand nichts
le la les un une des du de au aux ce cet cette ces et ou mais donc ni ne pas plus moins jamais toujours que qui dont où
dans sur sous avec sans pour par en vers chez entre depuis pendant avant après est sont était étaient être été a ont
avait avoir peut peuvent doit doivent il elle ils elles on se son sa ses leur leurs aucun aucune chaque tout tous toute
toutes plusieurs trop très déjà encore aussi même si car deux
el los las uno unos unas del al y o e u pero ni no nunca siempre más menos muy ya que quien cuyo donde en sobre bajo
con sin para por hacia desde hasta entre durante antes después es son era eran ser sido fue fueron está están hay ha
han tiene tienen puede pueden debe deben se su sus lo le les este esta estos estas ningún ninguna cada todo todos toda
todas varios demasiado también aún si dos
и или но а не ни нет на в во с со к ко о об от до из за по под над при про для без между через после перед у же бы ли
что как это этот эта эти тот он она они его её их есть был была было были быть будет может могут должен должна должны
нельзя можно больше меньше более менее чем очень уже ещё еще только всегда никогда все всё каждый любой два две оба
のは の は が を に で と も へ や か から まで より です ます ない なし
"""

# How something went or is: the message itself, where it stands alone
_VERDICTS: Final = """
ok pass fail failure success error timeout missing unknown invalid valid empty full stale duplicate open closed high low
long short active inactive up down online offline
"""

_NOUNS: Final = """
agent agents step steps node nodes edge edges flow flows blueprint blueprints prompt prompts model models tool tools
role roles task tasks stage stages job jobs gate gates run runs case cases test tests suite check checks rule rules
policy policies axis verdict name names id ids key keys value values field fields property properties type types
description title label labels tag tags text texts word words token tokens character characters letter line lines
column columns row rows table tables index page pages file files folder directory path paths link links url section
sections heading headings paragraph sentence sentences block comment comments code function functions method class
module modules package packages dependency dependencies library libraries licence licences license licenses version
versions release branch commit commits patch patches diff op ops change changes entry entries item items list lists
object objects array arrays string strings number numbers integer boolean schema format language languages locale
translation example examples goal goals reason reasons message messages response request answer answers question
questions intent issue issues problem problems warning owner owners person people team teams
group groups approval approvals member account service services server client host port endpoint
route api secret secrets credential credentials password certificate signature hash digest checksum permission
permissions scope scopes budget budgets limit limits cost costs price memory time date day days week weeks month months
year years hour hours minute minutes second seconds size length depth width height score scores rate ratio percent
threshold target baseline benchmark coverage context window temperature retry retries attempt attempts timeout
environment variable variables parameter parameters argument arguments flag flags option options setting settings
config configuration default image images container region country address phone number email mail document documents
data database record records query queries result results state status event events log logs trace symbol import
metadata system header footer body content contract
"""

_BEFORE_NAMES: Final = """
agent agents step steps node nodes stage stages job jobs gate gates service services server host team package packages
module tool tools model role roles user owner member reviewer author region country city branch environment image
container column table table key keys field fields file rule rules topic intent section heading benchmark suite secret
flag variable function class library dependency licence license library dataset tenant project product feature
schritt rolle dienst paket spalte regel modell feld benutzer werkzeug
étape rôle service paquet colonne règle modèle champ outil
agente paso rol servicio paquete columna tabla regla modelo campo herramienta
агент шаг роль служба пакет столбец правило модель поле инструмент
エージェント ステップ ツール モデル サービス パッケージ ロール 担当者 役割 列 步骤 代理 角色 工具 模型 服务
에이전트 단계 역할 도구 모델 서비스
"""

# What follows these is a value, even if it is a word of verdicts: "severity critical"
_BEFORE_STATES: Final = """
state status phase mode level severity priority category reason kind
zustand stufe grund état niveau raison estado nivel motivo состояние уровень причина
"""

_PREPOSITIONS: Final = """
of for from to by in at with on via into against about between
von für aus bei mit nach zu vom zum in
de du des pour par dans avec vers
del para por en con hacia a
для из от от с в к у
"""

_BEFORE_FIXED: Final = """
is are was were be been being not no an any each every without has have had lacks cannot can could may might must
shall should will would too very more less
ist sind war wird wurde nicht kein keine keinen ein eine einen ohne hat zu sehr mehr weniger
est sont était pas aucun aucune un une sans trop très plus moins
es son está están no ningún ninguna un una sin muy más menos
не нет без более менее слишком
"""

# Words of small classes (types, days, methods, environments): if two of them occur in one place, they are values
_CLASSES: Final = """
string number integer boolean bool array object null none None nil true false True False float double int str dict tuple
mapping sequence scalar undefined nan NaN varchar bigint jsonb datetime timestamp
Monday Tuesday Wednesday Thursday Friday Saturday Sunday today tomorrow yesterday
GET POST PUT PATCH DELETE HEAD OPTIONS
dev staging prod production
MIT
"""

# Codes of languages; some look like grammar
_LANGUAGES: Final = "en de es it no is ar cs da el fa fi fr he hi hu id ja ko nl pl pt ro ru sv th tr uk vi zh"

# Words with a digit that are not identifiers
_CONSTANTS: Final = """
utf-8 utf-16 utf8 sha-1 sha-256 sha-512 sha1 sha256 sha512 md5 iso-8601 http/1.1 http/2 ipv4 ipv6 base64 base32 oauth2
p50 p75 p90 p95 p99 p999 x509 i18n l10n k8s ed25519
"""

# Verb forms common in verdicts
_PARTICIPLES: Final = re.compile(
    r"\A(?:[a-z]{2,}(?:[^e]ed|ly|less|able|ible)|ge[a-zäöüß]{4,}[nt]|[a-zäöüß]{3,}iert|[a-zà-ÿ]{3,}(?:ó|é|és|ées?|aron|ieron)"
    "|[а-яё]{3,}(?:[её]н[аоы]?|[ая]н[аоы]?|л[аои]?сь|лся|[её]тся|ится|[ая]ет|[ая]ют))"
)

GRAMMAR: Final = frozenset(_GRAMMAR.split())
LANGUAGES: Final = frozenset(_LANGUAGES.split())
CLASSES: Final = frozenset(_CLASSES.split()) | (LANGUAGES - GRAMMAR)
CONSTANTS: Final = frozenset(_CONSTANTS.split())
VERDICTS: Final = GRAMMAR | frozenset(_VERDICTS.split())

_IDENTIFIER: Final = re.compile(r"\A(?:.*[^\W\d][-_./:@#+].*|[a-z]+[A-Z].*|[A-Z]+[a-z]+[A-Z].*|[@$#]\w.*)", re.DOTALL)


@lru_cache(maxsize=4096)
def is_grammar(word: str) -> bool:
    """Grammar words are never values."""
    return word.lower() in GRAMMAR and word not in CLASSES


@lru_cache(maxsize=4096)
def is_verdict(word: str) -> bool:
    lower = word.lower()
    return word not in CLASSES and (lower in VERDICTS or bool(_PARTICIPLES.fullmatch(lower)))


@lru_cache(maxsize=4096)
def is_identifier(word: str) -> bool:
    if word in CLASSES:
        return True
    if word.lower() in VERDICTS or word.lower() in CONSTANTS:
        return False
    return bool(_IDENTIFIER.fullmatch(word))


_SAME: Final = {
    word: words.split()[0]
    for words in (
        "is are", "was were", "has have", "does do", "a an", "ist sind", "hat haben", "wird werden", "wurde wurden",
        "est sont", "es son", "está están", "о об", "в во", "к ко", "с со", "이 가", "은 는", "을 를", "과 와",
        "로 으로",
    )
    for word in words.split()
}  # fmt: skip
_ENDINGS: Final = re.compile(
    r"(?<=[a-z]{2})ies$|(?<=[sxzh])es$|(?<=[^\W\d_]{2}[^\W\d_s])s$"
    r"|(?<=[^\W\d_]{3}[^\W\d_s])(?:ent|en|(?<=[aeo])n|(?<!e)e|x)$"
    r"|(?<=[а-яё]{3})(?:[ая]ми|ов|ев|ей|[ая]м|[ая]х|ой|[ыи]й|[ая]я|[оеы]е|ие|[юяуа]т|[еи]т|[аяыиуео])$"
)
# Characters. Longer tokens are not words of a language, and stripping their endings one by one would be slow.
_LONGEST_WORD: Final = 60
_DIMINUTIVE: Final = re.compile("(?<=[а-яё]{2})ок$")


@lru_cache(maxsize=4096)
def stem(word: str) -> str:
    """Without number and gender: ``tokens`` is ``token``, ``are`` is ``is``."""
    if len(word) > _LONGEST_WORD:
        return word
    if word.lower() in _SAME:
        return _SAME[word.lower()]
    shorter = _ENDINGS.sub(lambda match: "y" if match.group() == "ies" else "", word)
    while shorter != word:
        word, shorter = shorter, _ENDINGS.sub("", shorter)
    return _DIMINUTIVE.sub("к", word)


def _stems(words: str) -> frozenset[str]:
    return frozenset(stem(word) for word in words.split())


_NOUN_STEMS: Final = _stems(_NOUNS) - _stems(_GRAMMAR) - _stems(_VERDICTS)
_SAID: Final = _stems(_GRAMMAR) | _stems(_VERDICTS) | _NOUN_STEMS | CONSTANTS
BEFORE_NAMES: Final = _stems(_BEFORE_NAMES)
BEFORE_STATES: Final = _stems(_BEFORE_STATES)
PREPOSITIONS: Final = _stems(_PREPOSITIONS)
BEFORE_FIXED: Final = _stems(_BEFORE_FIXED)


_HAN_VERDICTS: Final = frozenset("未不無无没過过超已非缺必")


@lru_cache(maxsize=4096)
def is_said(key: str) -> bool:
    """Likely written by a template's author."""
    lower = key.lower()
    return lower in _SAID or key[0] in _HAN_VERDICTS or bool(_PARTICIPLES.fullmatch(lower))


def is_noun(key: str) -> bool:
    """A message's subject, which may also be a name."""
    return key.lower() in _NOUN_STEMS or key in LANGUAGES
