import re

from tailnumber.demo.people import CLIENTS, PEOPLE, SESSION_HEADERS
from tailnumber.demo.story import MINUTES, fabricated_key, story


def test_story_is_told_in_order_within_the_hour():
    minutes = [step.minute for step in story()]

    assert minutes == sorted(minutes)
    assert 0 <= minutes[0] <= minutes[-1] <= MINUTES


def test_everybody_has_a_part_in_it():
    assert {step.person for step in story()} == set(PEOPLE)


def test_every_kind_of_event_that_the_report_shows_happens():
    assert {step.kind for step in story()} == {
        "token", "inline", "chat", "agent", "embeddings", "unknown_key",
    }  # fmt: skip


def test_every_client_says_who_it_is_and_names_its_session():
    assert {person.client for person in PEOPLE} <= CLIENTS.keys()
    assert CLIENTS.keys() == SESSION_HEADERS.keys()


def test_made_up_key_has_the_form_of_a_real_one():
    key_id, secret = fabricated_key()

    assert re.fullmatch(r"AKIA[A-Z2-7]{16}", key_id)
    assert re.fullmatch(r"[A-Za-z0-9+/]{40}", secret)
