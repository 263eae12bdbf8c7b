"""The small engine inside the reference appliance: its tools and its web service."""
