"""Plain data without I/O: values, secrets, questions, problems and events."""
