import re

import pytest

from ingress.identity.key_form import KEY_PATTERN, checksum_holds, hash_key, key_id_of, new_key


def test_new_key_has_its_form_its_id_and_its_checksum():
    key_id, key = new_key()

    assert re.fullmatch(KEY_PATTERN, key)
    assert key_id_of(key) == key_id
    assert checksum_holds(key)


def test_no_two_keys_are_alike():
    keys = {new_key() for _ in range(200)}

    assert len({key_id for key_id, _ in keys}) == len({hash_key(key) for _, key in keys}) == 200


@pytest.mark.parametrize("place", [5, 20, 51])
def test_one_wrong_character_is_a_typo(place):
    _, key = new_key()
    other = "a" if key[place] != "a" else "b"

    assert not checksum_holds(key[:place] + other + key[place + 1 :])


@pytest.mark.parametrize("text", ["", "tnk_", "gho_16C7e42F292c", "tnk_abcd1234_short_000000"])
def test_other_text_claims_no_id(text):
    assert key_id_of(text) is None
