"""Rules without input or output: archives, appliances, versions, sizing, generated documents."""
