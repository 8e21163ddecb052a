"""What the example's plan must be, and that each demand is set off by what it guards against."""

import json
import re

import module_examples
import offline_terraform as offline
import pytest
from all_guards import GUARDS, Guard, watch
from terraform_plan import Plan


def demand(guard: Guard) -> str:
    return guard.demand


MUTATIONS = [
    pytest.param(guard, number, id=f"{guard.demand} / {number}")
    for guard in GUARDS
    for number in range(len(guard.breaks))
]


@pytest.fixture(scope="session")
def complaints(plan: Plan) -> dict[str, list[str]]:
    """What is wrong with the plan as it is: nothing, or the mutations below would prove less."""
    return {guard.demand: guard.complaints(plan) for guard in GUARDS}


def test_there_are_at_least_sixty_demands_and_each_is_tried():
    assert len(GUARDS) >= 60
    assert len({guard.demand for guard in GUARDS}) == len(GUARDS)
    assert all(guard.breaks for guard in GUARDS)


def test_the_example_plans_on_an_empty_project(space: offline.Workspace):
    plan = module_examples.plan_environment(space, known=False)

    assert "errored" not in plan or plan["errored"] is False
    assert {c["change"]["actions"][0] for c in plan["resource_changes"]} <= {"create", "read"}


def test_every_alert_is_demanded_and_has_its_section_in_the_runbook(plan: Plan):
    names = {alert["display_name"].removeprefix("tailnumber: ") for alert in plan.all(watch.ALERT)}
    runbook = (offline.CHECKOUT / "docs" / "runbook.md").read_text()

    assert names == set(watch.ALERTS)
    assert {name.replace(" ", "-") for name in names} == set(re.findall(r"(?m)^## (.*)$", runbook))


@pytest.mark.parametrize("guard", GUARDS, ids=demand)
def test_the_plan_meets_the_demand(guard: Guard, complaints: dict[str, list[str]]):
    assert complaints[guard.demand] == []


@pytest.mark.parametrize(("guard", "number"), MUTATIONS)
def test_what_breaks_a_demand_is_found_by_it_alone(
    guard: Guard, number: int, plan: Plan, complaints: dict[str, list[str]]
):
    broken = plan.copy()
    guard.breaks[number](broken)

    found = {each.demand for each in GUARDS if each.complaints(broken) != complaints[each.demand]}

    assert guard.demand in found
    assert found - {guard.demand} <= set(guard.also), json.dumps(sorted(found), indent=1)
