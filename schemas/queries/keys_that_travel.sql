-- title: Keys that travel
-- question: Which gateway keys were used from several machines or many addresses?
-- description: A key belongs on one machine. Several machine ids with one key is a copied key; many
--   addresses with one machine is a laptop on its way.
-- topic: access
-- asked by: security
-- answers: SOC 2 CC6.1
-- answers: PCI DSS 10.4.1.1
-- answers: HIPAA 164.312(d)
-- parameter: since TIMESTAMP = 30d; start of the period
-- parameter: until TIMESTAMP = now; end of the period
-- parameter: least_machines INT64 = 2; only keys used on at least so many machines
-- parameter: least_addresses INT64 = 10; or from at least so many addresses
-- column: gateway_key_id STRING; id of the key
-- column: principal_email STRING; whose
-- column: machine_count INT64; machine ids that clients sent
-- column: address_count INT64; addresses that they came from
-- column: clients STRING; programs
-- column: interaction_count INT64; requests
-- column: last_at TIMESTAMP; the last request
SELECT
  gateway_key_id,
  MAX(principal_email) AS principal_email,
  COUNT(DISTINCT client_machine_id) AS machine_count,
  COUNT(DISTINCT client_address) AS address_count,
  STRING_AGG(DISTINCT client_name, ', ' ORDER BY client_name) AS clients,
  COUNT(*) AS interaction_count,
  MAX(requested_at) AS last_at
FROM audit.interactions
WHERE requested_at >= @since AND requested_at < @until AND gateway_key_id IS NOT NULL
GROUP BY gateway_key_id
HAVING
  COUNT(DISTINCT client_machine_id) >= @least_machines
  OR COUNT(DISTINCT client_address) >= @least_addresses
ORDER BY machine_count DESC, address_count DESC, gateway_key_id
