output "job_id" {
  description = "Id of the running job; an update gives it another."
  value       = google_dataflow_flex_template_job.pipeline.job_id
}

output "job_name" {
  description = "Name of the job, the same after an update."
  value       = google_dataflow_flex_template_job.pipeline.name
}

output "staging_bucket" {
  description = "Name of the bucket with the job's template and temporary files."
  value       = google_storage_bucket.staging.name
}

output "template_path" {
  description = "gs:// path of the template that the job was launched from; another image has another."
  value       = google_dataflow_flex_template_job.pipeline.container_spec_gcs_path
}
