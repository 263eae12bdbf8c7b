"""`hosted-engine support-bundle`."""
