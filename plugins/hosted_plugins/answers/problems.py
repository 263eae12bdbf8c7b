"""What can be wrong with a file of Ansible variables."""

from __future__ import annotations

from hosted_setup.interview.problems import AnswersProblem


class VariablesSyntax(AnswersProblem):
    """A YAML file that is not a plain mapping of variables."""

    code = "HE-VARIABLES-SYNTAX"
    title = "A file of Ansible variables is not understood"


class VariablesName(AnswersProblem):
    """A variable that the role does not have."""

    code = "HE-VARIABLES-NAME"
    title = "There is no such variable"
