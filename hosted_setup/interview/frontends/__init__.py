"""Ways of talking to an operator; each is a `Frontend`."""
