"""Settings: each from its variable, each fault one sentence."""

from pathlib import Path

import pytest

from ingress.settings import Settings, SettingsError, settings_table

REQUIRED = {"TAILNUMBER_DATA_DIR": "/data", "TAILNUMBER_POLICY_FILE": "/policy.yaml"}


def test_settings_come_from_the_environment_and_others_are_left_alone():
    settings = Settings.from_env(REQUIRED | {"TAILNUMBER_PORT": "1", "PATH": "/bin"})

    assert (settings.data_dir, settings.port) == (Path("/data"), 1)
    assert settings.host == "127.0.0.1"


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({}, "TAILNUMBER_DATA_DIR is not set: folder"),
        (REQUIRED | {"TAILNUMBER_NAME": "x"}, "unknown setting TAILNUMBER_NAME"),
        (REQUIRED | {"TAILNUMBER_PORT": "x"}, "TAILNUMBER_PORT is not of type int"),
        (REQUIRED | {"TAILNUMBER_AUDIT_WAIT_SECONDS": "x"}, "is not of type float"),
        (REQUIRED | {"TAILNUMBER_TRUSTED_PROXIES": "10.0.0.1/8"}, "is not a list of addresses"),
        (REQUIRED | {"TAILNUMBER_MASKING_ENGINE": "x"}, "is not one of auto, vectorscan"),
    ],
)
def test_a_fault_is_one_sentence_that_names_the_variable_and_not_its_value(environ, sentence):
    with pytest.raises(SettingsError, match=sentence):
        Settings.from_env(environ)


def test_the_table_has_a_row_for_each_setting():
    rows = settings_table().splitlines()

    assert rows[2] == (
        "| `TAILNUMBER_DATA_DIR` | folder of the journal, the control database and the secrets "
        "| required |"
    )
    assert len(rows) == 2 + len(Settings.__dataclass_fields__)
