"""The one error that a user's input can cause."""


class InputError(ValueError):
    """Input that epipose cannot use: one sentence that names the file or value and the remedy.

    Commands print it without a traceback and exit with code 2.
    """
