"""Control plane of the ingress: what operators ask of a running gateway."""
