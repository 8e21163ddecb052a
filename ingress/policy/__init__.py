"""What a principal may do: a YAML file with CEL conditions, loaded strictly and decided fast."""
