"""Sign a person in at a company's issuer and keep the gateway key that comes of it.

``device`` and ``browser`` get tokens of the issuer, ``gateway`` trades one for a gateway key,
``store`` keeps the key, ``session`` puts them together: sign in, renew ahead, sign out.
"""
