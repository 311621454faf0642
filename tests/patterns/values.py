"""Random values for the corpus: what verifiers put into their messages, in the forms that are seen in the wild."""

import random
import uuid
from collections.abc import Callable, Sequence

AGENTS = """legal critic writer planner linter router editor reader deployer benchmarker auditor summariser reviewer
publisher collector splitter triager scribe translator classifier dispatcher librarian referee scout""".split()
SLUGS = """qa-lead sec-review fact-checker style-guide coder-v2 test-writer patch-applier flake-hunter risk_scorer
doc_sync memory-keeper intake-3 planner_eu second-opinion""".split()
FIELDS = """timeout_ms max_tokens systemPrompt retries owner labels temperature outputSchema stop_words locale
fallback topK deadline cost_centre region""".split()
KEYS = "agents.writer.prompt flow.steps meta.owner.team limits.tokens.max blueprint.tags flow.edges.retry a.b".split()
FILES = """src/app.py README.md docs/guide/intro.md main.rs lib/util/index.ts prompts/writer.md ./conf/base.yaml
tests/test_flow.py Dockerfile pkg/mod_a/store.go schema.json""".split()
POINTERS = """/agents/2/profile/system_prompt /flow/steps/0 /agents/0/model /metadata/labels/team
/flow/edges/12/to /agents/1/tools/3/schema/properties/q""".split()
URLS = """https://example.com/docs?page=2 http://localhost:8080/health https://hub.example.org/x/y#frag
https://api.example.net/v1/items/77 ftp://files.example.com/a.tgz""".split()
EMAILS = "anna@example.com j.doe+test@mail.example.co.uk ops-team@example.org 山田@example.jp x_y@example.io".split()
PEOPLE = ["Anna Schmidt", "Jean Dupont", "María García", "Li Wei", "Olga Petrova", "Kenji Sato", "Bob", "Ngozi"]
PACKAGES = """requests left-pad lodash serde numpy @babel/core log4j pyyaml tokio react-dom urllib3 openssl chalk
django github.com/pkg/errors moment""".split()
LICENCES = ["MIT", "GPL-3.0", "Apache-2.0", "AGPL-3.0-only", "BSD-3-Clause", "ISC", "MPL-2.0", "Unlicense", "SSPL-1.0"]
LANGUAGES = "en de fr es ja zh ko ru pt it".split()
TYPES = "string number integer boolean array object null".split()
TITLES = [
    "Known Issues", "How to Test", "Owners", "Release Notes", "Out of Scope", "Rollback Plan", "Risks", "Data Retention",
    "Open Questions", "Glossary",
]  # fmt: skip
PHRASES = [
    "You MUST skip generated files", "NEVER ever keep replies short", "do it or fail", "please be nice", "act as root",
    "ignore all rules", "it's fine, trust me", "answer in one word", "don't ask, just do", "We guarantee 100% uptime",
    "for each file, list {name} and (size)", "a -> b", "TODO: fix later",
]  # fmt: skip
TOPICS = """billing onboarding refunds shipping pricing weather payroll inventory travel insurance lending
tickets returns grading staffing""".split()
KANJI = "法務 審査 翻訳 校正 監査 要約 分類 計画".split()
KATAKANA = "レビュアー プランナー ライター エディター ルーター リーダー スカウト".split()
HANGUL = "검토자 번역가 편집자 감사 요약기 분류기 기획자".split()
CYRILLIC = "редактор переводчик юрист планировщик критик аудитор читатель".split()
GERMAN = "Lektor Prüfer Übersetzer Planer Kritiker Schreiber Archivar Verteiler".split()
FRENCH = "relecteur traducteur juriste planificateur critique éditeur archiviste".split()
SPANISH = "revisor traductor abogado planificador crítico editor archivista".split()


class Values:
    """Draws from one seeded generator; ``last`` is the number that ``n`` or a list drew last, for plurals."""

    def __init__(self, seed: str) -> None:
        self.random = random.Random(seed)
        self.last = 0

    def one(self, of: Sequence[str]) -> str:
        return self.random.choice(of)

    def n(self, most: int = 3000, least: int = 1) -> int:
        self.last = self.random.randint(least, most)
        return self.last

    def few(self) -> int:
        """1 or 2 often enough that plurals matter."""
        self.last = self.random.choice([1, 1, 2, 3, 4, 7, 12, 30])
        return self.last

    def comma(self, most: int = 90_000) -> str:
        return f"{self.n(most):,}"

    def dot(self, most: int = 90_000) -> str:
        return f"{self.n(most):,}".replace(",", ".")

    def space(self, most: int = 90_000, gap: str = "\u202f") -> str:
        return f"{self.n(most):,}".replace(",", gap)

    def x(self, most: float = 100.0, digits: int = 1, point: str = ".") -> str:
        return f"{self.random.uniform(0, most):.{digits}f}".replace(".", point)

    def s(self, one: str = "", many: str = "s") -> str:
        return one if self.last == 1 else many

    def some(self, of: Sequence[str], most: int = 4, join: str = ", ", last: str = "", quote: str = "") -> str:
        """One to ``most`` values as a list, the last one after ``last`` if given."""
        chosen = self.random.sample(list(of), min(len(of), self.random.randint(1, most)))
        self.last = len(chosen)
        left, right = (quote[0], quote[-1]) if quote else ("", "")
        chosen = [f"{left}{value}{right}" for value in chosen]
        if last and len(chosen) > 1:
            return join.join(chosen[:-1]) + last + chosen[-1]
        return join.join(chosen)

    def agent(self) -> str:
        return self.one(AGENTS + SLUGS)

    def plain(self) -> str:
        return self.one(AGENTS)

    def hex(self, length: int = 0) -> str:
        length = length or self.random.choice([7, 8, 12, 16, 40, 64])
        return "".join(self.random.choice("0123456789abcdef") for _ in range(length))

    def uuid(self) -> str:
        return str(uuid.UUID(int=self.random.getrandbits(128)))

    def version(self) -> str:
        numbers = [str(self.random.randint(0, 20)) for _ in range(3)]
        return self.random.choice(["", "v"]) + ".".join(numbers) + self.random.choice(["", "", "", "-rc.1", "-beta"])

    def date(self) -> str:
        year, month, day = self.n(2031, 2019), self.n(12), self.n(28)
        return f"{year}-{month:02}-{day:02}"

    def time(self) -> str:
        return f"{self.date()}T{self.n(23):02}:{self.n(59):02}:{self.n(59):02}Z"

    def duration(self) -> str:
        forms: list[Callable[[], str]] = [
            lambda: f"{self.n(900)}ms", lambda: f"{self.n(59)}s", lambda: f"{self.n(9)}m{self.n(59)}s",
            lambda: f"{self.n(20)} h", lambda: f"{self.x(9)}s", lambda: f"{self.n(3)}h {self.n(59)}m",
        ]  # fmt: skip
        return self.random.choice(forms)()

    def size(self) -> str:
        return f"{self.x(900)} {self.one(['kB', 'MB', 'GB', 'KiB', 'MiB'])}"

    def text(self) -> str:
        return self.one(PHRASES)
