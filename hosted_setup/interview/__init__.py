"""Getting answers: files, options, secrets and questions, with where each answer came from."""
