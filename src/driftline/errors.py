"""The one error that a user can cause and can mend."""


class InputError(Exception):
    """Bad input: the message is one line that says what is wrong, in which field, and the remedy.

    The command line prints it and exits with code 2; from Python it is an ordinary exception.
    """
