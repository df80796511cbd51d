"""What stops the stack."""


class StackError(Exception):
    """Cannot go on; the message, in Spanish, says what is missing and what to do."""
