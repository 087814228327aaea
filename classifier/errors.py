"""The one error of this package."""


class ClassifierError(Exception):
    """Something expected went wrong; ``str(error)`` is one clear line that says what to do."""
