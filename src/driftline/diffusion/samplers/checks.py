"""How samplers refuse settings that make no sense."""


def require(condition: bool, message: str) -> None:
    """Raise ValueError with the message unless the condition holds."""
    if not condition:
        raise ValueError(message)


class EvaluationLimit(RuntimeError):  # noqa: N818, named for what was met
    """An adaptive sampler needs more evaluations than it was allowed; says how far it got."""
