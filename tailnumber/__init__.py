"""The command line and the one-machine stack: the only package that knows the other three.

`ingress` and `pipeline` are started as processes of their own and are never imported into one
process together; `schemas` is the contract between them.
"""
