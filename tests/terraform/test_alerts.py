"""What alerts and charts ask is whole: Google would say so only when it is applied."""

import json
import re
from collections.abc import Iterator
from typing import Any

import module_examples
import offline_terraform as offline
import pytest

PAIRS = {")": "(", "]": "[", "}": "{"}


@pytest.fixture(scope="module")
def planned(space: offline.Workspace) -> list[dict[str, Any]]:
    plan = module_examples.plan(space, "observability")
    return [
        {"type": change["type"], **change["change"]["after"]} for change in plan["resource_changes"]
    ]


def _asked(planned: list[dict[str, Any]]) -> Iterator[str]:
    for resource in planned:
        match resource["type"]:
            case "google_monitoring_alert_policy":
                for condition in resource["conditions"]:
                    for query in condition["condition_prometheus_query_language"] or ():
                        yield query["query"]
                    for log in condition["condition_matched_log"] or ():
                        yield log["filter"]
            case "google_logging_metric":
                yield resource["filter"]
                yield resource["value_extractor"]
            case "google_monitoring_dashboard":
                for tile in json.loads(resource["dashboard_json"])["mosaicLayout"]["tiles"]:
                    for line in tile["widget"]["xyChart"]["dataSets"]:
                        yield line["timeSeriesQuery"]["prometheusQuery"]


def _is_whole(text: str) -> bool:
    """Say whether every quote and bracket that opens also closes."""
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', "", text)
    if '"' in bare:
        return False
    waiting: list[str] = []
    for sign in bare:
        if sign in PAIRS.values():
            waiting.append(sign)
        elif sign in PAIRS and (not waiting or waiting.pop() != PAIRS[sign]):
            return False
    return not waiting


def test_every_question_is_whole(planned: list[dict[str, Any]]) -> None:
    asked = list(_asked(planned))

    assert len(asked) > 40
    assert [text for text in asked if not _is_whole(text) or "${" in text] == []


def test_no_question_names_a_metric_of_ours_that_is_not_made(planned: list[dict[str, Any]]) -> None:
    made = {r["name"] for r in planned if r["type"] == "google_logging_metric"}
    named = {
        re.sub(r"_(sum|count)$", "", name)
        for text in _asked(planned)
        for name in re.findall(r"logging_googleapis_com:user_(\w+)", text)
    }

    assert named
    assert named <= made


def test_tiles_of_the_dashboard_do_not_lie_on_each_other(planned: list[dict[str, Any]]) -> None:
    (page,) = [r for r in planned if r["type"] == "google_monitoring_dashboard"]
    tiles = json.loads(page["dashboard_json"])["mosaicLayout"]["tiles"]

    assert len({(tile["xPos"], tile["yPos"]) for tile in tiles}) == len(tiles)
    assert all(tile["xPos"] + tile["width"] <= 48 for tile in tiles)
