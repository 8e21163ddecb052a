-- title: Files that were kept out
-- question: Which excluded files did clients try to send, and who?
-- description: Each such file left the prompt before it went upstream. Many of one kind from one
--   program: exclude them in the program as well, it need not read them.
-- topic: policy
-- asked by: compliance
-- answers: SOC 2 CC6.7
-- answers: SOC 2 C1.1
-- answers: HIPAA 164.312(e)(1)
-- parameter: since TIMESTAMP = 30d; start of the period
-- parameter: until TIMESTAMP = now; end of the period
-- parameter: row_limit INT64 = 100; files at most
-- column: excluded_path STRING; the file, as the client named it
-- column: times INT64; prompts that it was taken out of
-- column: people INT64; people whose programs sent it
-- column: clients STRING; programs that sent it
-- column: repositories STRING; repositories that they named
-- column: last_at TIMESTAMP; the last time
-- chart: bar x=excluded_path y=times
SELECT
  excluded_path,
  COUNT(*) AS times,
  COUNT(DISTINCT i.principal_id) AS people,
  STRING_AGG(DISTINCT i.client_name, ', ' ORDER BY i.client_name) AS clients,
  STRING_AGG(DISTINCT i.repository, ', ' ORDER BY i.repository) AS repositories,
  MAX(i.requested_at) AS last_at
FROM audit.interactions AS i
CROSS JOIN UNNEST(i.excluded_paths) AS excluded_path
WHERE i.requested_at >= @since AND i.requested_at < @until
GROUP BY excluded_path
ORDER BY times DESC, excluded_path
LIMIT @row_limit
