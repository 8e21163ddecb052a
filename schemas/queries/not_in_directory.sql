-- title: Use by people who are not in the directory
-- question: Who used the gateway although the company's directory does not know them?
-- description: Enrichment found no department for them when the row was loaded: they left, were never
--   entered, or use an account outside the company. Without a directory file everybody is here.
-- topic: people
-- asked by: compliance
-- answers: SOC 2 CC6.2
-- answers: HIPAA 164.308(a)(3)(ii)(C)
-- answers: PCI DSS 10.2.1.5
-- parameter: since TIMESTAMP = 30d; start of the period
-- parameter: until TIMESTAMP = now; end of the period
-- column: principal_email STRING; who
-- column: principal_id STRING; pseudonym of who
-- column: principal_issuer STRING; who vouched for them
-- column: interaction_count INT64; requests without a department
-- column: known_before STRING; department that they had earlier in the period, if any
-- column: keys STRING; gateway keys that they used
-- column: first_at TIMESTAMP; the first of these requests
-- column: last_at TIMESTAMP; the last
SELECT
  MAX(principal_email) AS principal_email,
  principal_id,
  MAX(principal_issuer) AS principal_issuer,
  COUNTIF(department IS NULL) AS interaction_count,
  MAX(department) AS known_before,
  STRING_AGG(
    DISTINCT IF(department IS NULL, gateway_key_id, NULL),
    ', ' ORDER BY IF(department IS NULL, gateway_key_id, NULL)
  ) AS keys,
  MIN(IF(department IS NULL, requested_at, NULL)) AS first_at,
  MAX(IF(department IS NULL, requested_at, NULL)) AS last_at
FROM audit.interactions
WHERE requested_at >= @since AND requested_at < @until AND principal_kind = 'human'
GROUP BY principal_id
HAVING COUNTIF(department IS NULL) > 0
ORDER BY interaction_count DESC, principal_id
