-- audit.interactions_otel: each interaction with a model, its columns named as OpenTelemetry's attributes
-- with _ for each dot. Filter on requested_at.
SELECT
  `requested_at`,
  `interaction_id`,
  `tenant_id`,
  `trace_id`,
  `duration_seconds`,
  `writer_id` AS service_instance_id,
  `principal_id` AS enduser_pseudo_id,
  `principal_subject` AS enduser_id,
  `principal_email` AS user_email,
  `client_address` AS client_address,
  `client_user_agent` AS user_agent_original,
  `session_id` AS gen_ai_conversation_id,
  CASE operation WHEN 'inline' THEN 'text_completion' WHEN 'embeddings' THEN 'embeddings' ELSE 'chat' END AS gen_ai_operation_name,
  `method` AS http_request_method,
  `path` AS url_path,
  `provider` AS gen_ai_provider_name,
  `model` AS gen_ai_request_model,
  `model_used` AS gen_ai_response_model,
  `streamed` AS gen_ai_request_stream,
  `reason_code` AS error_type,
  `http_status` AS http_response_status_code,
  `finish_reasons` AS gen_ai_response_finish_reasons,
  `input_tokens` AS gen_ai_usage_input_tokens,
  `output_tokens` AS gen_ai_usage_output_tokens,
  `cached_tokens` AS gen_ai_usage_cache_read_input_tokens,
  `first_chunk_seconds` AS gen_ai_response_time_to_first_chunk,
  `tool_name` AS gen_ai_tool_name
FROM `audit.interactions`
WHERE operation IN ('chat', 'panel', 'inline', 'embeddings')
