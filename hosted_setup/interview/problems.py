"""What can be wrong with answers, all of it usage: nothing on the host was touched."""

from __future__ import annotations

from hosted_setup.model.problem import ExitCode, Problem


class AnswersProblem(Problem):
    """What the problems of this module share."""

    exit_code = ExitCode.USAGE


class AnswersUnreadable(AnswersProblem):
    """An answer file that is not there, is no file, is too long or is not text."""

    code = "HE-ANSWERS-UNREADABLE"
    title = "An answer file cannot be read"


class AnswersSyntax(AnswersProblem):
    """A line that is neither a section, an answer, a continuation nor a comment."""

    code = "HE-ANSWERS-SYNTAX"
    title = "A line of an answer file is not understood"


class AnswersType(AnswersProblem):
    """A value without one of the five types before it."""

    code = "HE-ANSWERS-TYPE"
    title = "An answer has no known type"


class AnswersBool(AnswersProblem):
    """A bool that otopi would silently have read as True."""

    code = "HE-ANSWERS-BOOL"
    title = "A bool answer is neither True nor False"


class AnswersDuplicate(AnswersProblem):
    """The same key twice in one section of one file."""

    code = "HE-ANSWERS-DUPLICATE"
    title = "A key is answered twice in one section"


class AnswersKey(AnswersProblem):
    """A key, or a secret's variable, that no question has."""

    code = "HE-ANSWERS-KEY"
    title = "There is no such key"


class AnswersDialect(AnswersProblem):
    """An answer file that asks for otopi's machine protocol."""

    code = "HE-ANSWERS-DIALECT"
    title = "otopi's machine dialect is another protocol"


class AnswersValue(AnswersProblem):
    """A value that would not have been accepted at the prompt."""

    code = "HE-ANSWERS-VALUE"
    title = "An answer is not accepted"


class AnswersMissing(AnswersProblem):
    """A question that nothing answers, with nobody there to ask."""

    code = "HE-ANSWERS-MISSING"
    title = "A question has no answer"


class AnswersWrite(AnswersProblem):
    """An answer file that could not be written."""

    code = "HE-ANSWERS-WRITE"
    title = "The answer file cannot be written"
    exit_code = ExitCode.FAILED


class SecretsSource(AnswersProblem):
    """A file descriptor or a command that was to give secrets and did not."""

    code = "HE-SECRETS-SOURCE"
    title = "A source of secrets gives none"


class SecretsMode(AnswersProblem):
    """A file with secrets that others could read or that is not the caller's."""

    code = "HE-SECRETS-MODE"
    title = "A file with secrets is not private"
