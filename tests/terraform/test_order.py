"""What is made after what, where an apply that stops half way would otherwise leave a mismatch."""

import module_examples
import offline_terraform as offline


def test_the_password_is_filed_only_when_the_database_has_it(space: offline.Workspace):
    plan = module_examples.plan_environment(space)
    ingress = plan["configuration"]["root_module"]["module_calls"]["ingress"]["module"]
    filed = next(
        resource
        for resource in ingress["resources"]
        if resource["address"] == "google_secret_manager_secret_version.control_password"
    )

    # The user takes ten minutes to be there, and the next try may have another password.
    assert "google_sql_user.control" in filed.get("depends_on", [])
