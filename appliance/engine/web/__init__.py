"""The engine's web service: health, certificate authority, single sign-on and a part of the REST API."""
