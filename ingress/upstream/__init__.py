"""Speak HTTP/1.1 to upstreams: our own client, and custody of the credentials it is given.

`client` is the door: `UpstreamClient.send`. `pool` keeps one bounded pool per origin,
`connection` is one socket with its parser, `origin` says where a socket leads.
"""
