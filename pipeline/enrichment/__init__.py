"""Know what only the company knows: people, repositories, prices, countries; and what files are.

Each source is a file in one strict form, read whole or refused whole with file, line and reason.
Everything here is pure: bytes come in, lookups go out. ``pipeline.refresh`` reads the files.
"""
