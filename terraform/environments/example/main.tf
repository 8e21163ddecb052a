# The whole system in one project. Each module makes one part and grants the rights on it.

module "identity" {
  source = "../../modules/identity"

  project_id = var.project_id

  depends_on = [google_project_service.used]
}
