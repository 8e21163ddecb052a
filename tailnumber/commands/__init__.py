"""The commands of ``tailnumber``, one module per group; each loads what it needs when it runs."""
