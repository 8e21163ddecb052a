-- title: Pushes by branch
-- question: What was pushed to which branch, and what was refused?
-- description: One line for each ref and kind of change. Forced changes and deletions of a shared
--   branch lose work; refused ones show that the rule holds.
-- topic: tools
-- asked by: audit
-- answers: SOC 2 CC8.1
-- answers: PCI DSS 6.5.1
-- answers: SOX 404
-- parameter: since TIMESTAMP = 30d; start of the period
-- parameter: until TIMESTAMP = now; end of the period
-- parameter: row_limit INT64 = 200; rows at most
-- column: repository STRING; the repository
-- column: ref STRING; the ref
-- column: change STRING; created, updated, forced or deleted
-- column: pushed_count INT64; pushes that the server took
-- column: refused_count INT64; pushes refused by policy or by the server
-- column: people INT64; people who pushed or tried
-- column: rules STRING; rules that decided
-- column: last_at TIMESTAMP; the last push
-- chart: bar x=ref y=pushed_count colour=change
SELECT
  i.repository,
  r.ref,
  r.change,
  COUNTIF(i.status <> 'blocked' AND r.result = 'ok') AS pushed_count,
  COUNTIF(i.status = 'blocked' OR r.result = 'refused') AS refused_count,
  COUNT(DISTINCT i.principal_id) AS people,
  STRING_AGG(DISTINCT i.rule_id, ', ' ORDER BY i.rule_id) AS rules,
  MAX(i.requested_at) AS last_at
FROM audit.interactions AS i
CROSS JOIN UNNEST(i.refs) AS r
WHERE i.requested_at >= @since AND i.requested_at < @until AND i.operation = 'push'
GROUP BY i.repository, r.ref, r.change
ORDER BY pushed_count DESC, repository, ref, change
LIMIT @row_limit
