import socket

from tailnumber.stack import checks


def test_doctor_reports_every_check_as_json(tailnumber):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    result = tailnumber.on_data("doctor", "--json", "--port", str(port))

    assert result.code == 0
    names = [check["name"] for check in result.document["checks"]]
    assert names == [
        *("python", "packages", "port", "disk", "data", "clock", "stack"),
        *("retention", "enrichment"),
    ]


def test_port_in_use_fails_with_the_way_out(tailnumber):
    with socket.create_server(("127.0.0.1", 0)) as server:
        result = tailnumber.on_data("doctor", "--port", str(server.getsockname()[1]))

    assert result.code == 1
    assert "is in use; stop what listens there" in result.out
    assert "1 of 9 checks failed: port." in result.err


def test_old_python_fails_and_names_the_command():
    finding = checks.check_python((3, 10))

    assert finding.level == "fail"
    assert "make setup PYTHON=python3.11" in finding.text


def test_missing_package_is_named():
    finding = checks.check_packages(["json", "no_such_package_here"])

    assert finding.level == "fail"
    assert "no_such_package_here" in finding.text
    assert "json" not in finding.text


def test_command_line_may_stand_without_a_stack():
    finding = checks.check_packages(["json"], ["no_such_package_here"])

    assert finding.level == "warn"
    assert "tailnumber[local]" in finding.text


def test_little_disk_warns_and_less_fails(tmp_path):
    assert checks.check_disk(tmp_path, 3 * 1024**3).level == "ok"
    assert checks.check_disk(tmp_path, 1500 * 1024**2).level == "warn"
    assert checks.check_disk(tmp_path, 500 * 1024**2).level == "fail"


def test_folder_open_to_others_warns_with_the_chmod(tmp_path):
    tmp_path.chmod(0o755)

    finding = checks.check_folder(tmp_path)

    assert finding.level == "warn"
    assert f"chmod 700 '{tmp_path}'" in finding.text


def test_doctor_changes_nothing(tailnumber):
    tailnumber.on_data("doctor")

    assert not tailnumber.data_dir.exists()
