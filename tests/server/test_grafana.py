"""``deploy/grafana``: the dashboard and the alert rules ask only for what a running server's ``/metrics`` has."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from enhancelog.server.bodies import MAX_FORM_BYTES
from tests.factories import make_fields
from tests.processes import ROOT, free_port, make_tokens, serving
from tests.promql import mentioned

FOLDER = ROOT / "deploy" / "grafana"
DASHBOARD = json.loads((FOLDER / "dashboard.json").read_text())
RULES = [rule for group in yaml.safe_load((FOLDER / "alerts.yaml").read_text())["groups"] for rule in group["rules"]]
OF_PROMETHEUS = {"up": set[str]()}  # it has these, and adds the labels of a target
TARGET = {"job", "instance"}
OWN_NAMES = ("axis", "source")  # labels whose values are names that users chose
VARIABLE = re.compile(r"label_values\((?P<metric>\w+), (?P<label>\w+)\)")

pytestmark = pytest.mark.once

Labels = Mapping[str, set[str]]


def panels() -> list[dict[str, Any]]:
    return [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def expressions() -> list[str]:
    return [target["expr"] for panel in panels() for target in panel["targets"]] + [rule["expr"] for rule in RULES]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Labels]:
    """Labels by metric of a server that has done everything it counts."""
    folder = tmp_path_factory.mktemp("grafana")
    address = f"127.0.0.1:{free_port()}"
    with (folder / "log").open("w") as output, serving("--bind", address, data_dir=folder, output=output):
        scopes = ("log:append", "log:read", "content:write")
        (secret,) = make_tokens(1, scopes, data_dir=folder)
        headers = {"Authorization": f"Bearer {secret}"}
        with httpx.Client(base_url=f"http://{address}", headers=headers, timeout=60, trust_env=False) as client:
            yield labels_of(client)


def labels_of(client: httpx.Client) -> Labels:
    died = {"issue_id": "u-1", "blueprint_id": "main", "status": "died"}
    done = [
        client.post("/v1/enhance/log", json=make_fields()),
        client.post("/account/sign-in", content=b"x" * (MAX_FORM_BYTES + 1)),
        client.put("/v1/enhance/unfinished/u-1", json=died),
        client.put("/v1/content/kinds/story/S-1", json={"value": "As a reader"}),
        client.get("/v1/enhance/log?after=1&wait=1"),
    ]
    assert [each.status_code for each in done] == [201, 413, 201, 201, 200]
    found: defaultdict[str, set[str]] = defaultdict(set)
    for family in text_string_to_metric_families(client.get("/metrics").text):
        for sample in family.samples:
            found[sample.name] |= set(sample.labels)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("expression", expressions())
def test_every_metric_and_label_is_one_of_the_server(served: Labels, expression: str) -> None:
    has = {**served, **OF_PROMETHEUS}
    found = mentioned(expression)
    labels = set[str](TARGET)
    for metric, matchers in found.metrics:
        assert metric in has
        assert {matcher.label for matcher in matchers} <= has[metric] | TARGET
        labels |= has[metric]
    assert found.grouped <= labels


@pytest.mark.slow
def test_variables_and_legends_name_what_there_is(served: Labels) -> None:
    chosen = [each for each in DASHBOARD["templating"]["list"] if each["type"] == "query"]
    for variable in chosen:
        asked = VARIABLE.fullmatch(variable["query"]["query"])
        assert asked is not None
        assert asked["label"] in served[asked["metric"]] | TARGET
    used = set(re.findall(r"\$(?!__)(\w+)", " ".join(expressions())))
    assert used == {variable["name"] for variable in chosen}
    for panel in panels():
        for target in panel["targets"]:
            legend = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
            metrics = [metric for metric, _ in mentioned(target["expr"]).metrics]
            assert legend <= set.union(TARGET, *(served[metric] for metric in metrics))


def test_no_expression_names_an_axis_or_a_source() -> None:
    for expression in expressions():
        for metric, matchers in mentioned(expression).metrics:
            named = [(each.sign, each.value) for each in matchers if each.label in OWN_NAMES]
            assert all(sign == "=~" and value in ("$axis", "$source") for sign, value in named), metric


def test_panels_have_places_of_their_own_and_alerts_say_what_is_wrong() -> None:
    taken = set[tuple[int, int]]()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert max(x for x, _ in cells) < 24
        assert taken.isdisjoint(cells)
        taken |= cells
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    assert len({rule["alert"] for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert rule["labels"]["severity"] in ("critical", "warning", "info")
        assert rule["annotations"]["summary"]


def test_the_docs_list_every_alert() -> None:
    docs = (ROOT / "docs" / "metrics.md").read_text()
    assert all(f"`{rule['alert']}`" in docs for rule in RULES)


@pytest.mark.parametrize(
    "expression", ["sum(", "rate(x[5m)", "no_such(x)", 'x{a="b"', 'x{"b"}', "sum x", "x ; y", 'x{a="b" c="d"}']
)
def test_what_is_not_promql_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        mentioned(expression)


def test_names_are_told_from_labels_functions_and_texts() -> None:
    rate = 'sum by (le, a) (rate(x_bucket{a=~"$axis", b!="sum(y)"}[$__rate_interval]))'
    found = mentioned(f"{rate} > 0.5 or on (c) z offset 1d")
    assert [(metric, [each.label for each in matchers]) for metric, matchers in found.metrics] == [
        ("x_bucket", ["a", "b"]), ("z", [])
    ]  # fmt: skip
    assert found.grouped == {"le", "a", "c"}
