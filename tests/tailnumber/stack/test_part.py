from tailnumber.stack import part
from tailnumber.stack.part import clean_environment, rotate, tail


def test_settings_of_other_programs_do_not_reach_a_part():
    given = {
        "PATH": "/bin",
        "TAILNUMBER_PORT": "1",
        "GOOGLE_APPLICATION_CREDENTIALS": "/key.json",
        "PUBSUB_EMULATOR_HOST": "elsewhere:1",
    }

    assert set(clean_environment(given)) == {"PATH", "NO_PROXY", "no_proxy", "PYTHONUNBUFFERED"}


def test_part_reaches_loopback_past_a_proxy():
    cleaned = clean_environment({"HTTP_PROXY": "http://proxy:3128", "NO_PROXY": "acme.example"})

    assert cleaned["NO_PROXY"] == "acme.example,127.0.0.1,localhost"


def test_large_log_is_put_aside(tmp_path, monkeypatch):
    monkeypatch.setattr(part, "LOG_BYTES_MAX", 10)
    log = tmp_path / "a.log"
    log.write_text("x" * 11)

    rotate(log)

    assert not log.exists()
    assert (tmp_path / "a.log.1").read_text() == "x" * 11


def test_small_log_is_continued(tmp_path):
    log = tmp_path / "a.log"
    log.write_text("x")

    rotate(log)

    assert log.read_text() == "x"


def test_tail_of_a_missing_file_is_empty(tmp_path):
    assert tail(tmp_path / "none", 10) == ""
