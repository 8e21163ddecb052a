"""The parts that stand in for Google Cloud on one machine, each a process of its own.

They speak the real wire protocols, so that the ingress and the pipeline use the same Google
clients here and in a project.
"""
